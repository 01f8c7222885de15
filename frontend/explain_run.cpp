// R06 and I99: what goes wrong with data, weights and runs.
#include "frontend/explain.h"

namespace netc::frontend {

std::span<const CodeInfo> run_codes() {
  static const std::vector<CodeInfo> codes = {
      {"R0601", "a field of the data does not fit the model's input",
       "Fields are matched to inputs by name and per-sample type; convert in the graph, so that "
       "`predict` does it too.",
       R"(model m {
  input image: [batch, 784]
  input label: u8[batch]
  output logits = Linear(784, 10)(image)
  loss cross_entropy(logits, label)
}
data mnist("data/mnist")
train { epochs = 1; batch = 20 }
$ netc train m.net)",
       R"(model m {
  input image: u8[batch, 28, 28]
  input label: u8[batch]
  output logits = flatten(float(image) / 255, 1) |> Linear(784, 10)
  loss cross_entropy(logits, label)
}
data mnist("data/mnist")
train { epochs = 1; batch = 20 }
$ netc train m.net)"},
      {"R0602", "a file cannot be read",
       "It is missing, may not be read, is cut short, or breaks the rules of its format.",
       R"(model m {
  input image: u8[batch, 28, 28]
  input label: u8[batch]
  output logits = flatten(float(image) / 255, 1) |> Linear(784, 10)
  loss cross_entropy(logits, label)
}
data mnist("data/mnits")
train { epochs = 1; batch = 20 }
$ netc train m.net)",
       R"(model m {
  input image: u8[batch, 28, 28]
  input label: u8[batch]
  output logits = flatten(float(image) / 255, 1) |> Linear(784, 10)
  loss cross_entropy(logits, label)
}
data mnist("data/mnist")
train { epochs = 1; batch = 20 }
$ netc train m.net)"},
      {"R0603", "an index or label in the data is out of range",
       "Integers that the model uses as indices or class numbers lie in 0..n-1. They are checked "
       "when the data is loaded; the message names file and record.",
       R"(model m {
  input image: u8[batch, 28, 28]
  input label: u8[batch]
  output logits = flatten(float(image) / 255, 1) |> Linear(784, 9)
  loss cross_entropy(logits, label)
}
data mnist("data/mnist")
train { epochs = 1; batch = 20 }
$ netc train m.net)",
       R"(model m {
  input image: u8[batch, 28, 28]
  input label: u8[batch]
  output logits = flatten(float(image) / 255, 1) |> Linear(784, 10)
  loss cross_entropy(logits, label)
}
data mnist("data/mnist")
train { epochs = 1; batch = 20 }
$ netc train m.net)"},
      {"R0604", "weights do not fit the model",
       "A weight file is damaged, or a tensor in it is missing or differs in shape or type from "
       "the model's parameter.",
       R"(let hidden = 8
model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = x |> Linear(3, hidden) |> relu |> Linear(hidden, 1)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net -o run
$ netc eval m.net --weights run/last.safetensors --split train --set hidden=16)",
       R"(let hidden = 8
model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = x |> Linear(3, hidden) |> relu |> Linear(hidden, 1)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net -o run
$ netc eval m.net --weights run/last.safetensors --split train)"},
      {"R0605", "no checkpoint to go on from",
       "The run directory holds no whole checkpoint, one of another model, or is in use.",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net -o run
$ netc train m.net --resume runs --epochs 2)",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net -o run
$ netc train m.net --resume run --epochs 2)"},
      {"R0606", "the loss is no longer finite",
       "The loss or a parameter became infinite or NaN. The last good checkpoint is kept. netc "
       "trains again from there up to the step at fault, which gives the same bits, and runs that "
       "step op by op. The message marks the op that was given finite numbers and made one that "
       "is not, in the forward pass or in the derivative of what is marked, with the index and "
       "the numbers that went in. Infinities that a `where` or a mask leaves out are not to blame. "
       "Keep the arguments of `log`, `sqrt` and `/` away from 0. Where the loss or the weights "
       "grew before, `lr` is too high: a smaller one helps, or `clip = norm(1.0)`.",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20; lr = 1e20 }
$ netc train m.net)",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20; lr = 1e-2 }
$ netc train m.net)"},
      {"R0607", "a computed index left its range",
       "It was clamped, and the run stopped after the step.",
       R"(model m {
  input i: u8[batch]
  input y: [batch, 4]
  param table: [10, 4] = normal(1.0)
  output p = table[index(i, 10) + 1]
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net)",
       R"(model m {
  input i: u8[batch]
  input y: [batch, 4]
  param table: [10, 4] = normal(1.0)
  output p = table[minimum(index(i, 10) + 1, 9)]
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net)"},
      {"R0608", "an output cannot be written",
       "The disk is full, or the folder may not be written.",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net -o m.net/run)",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20 }
$ netc train m.net -o run)"},
      {"R0609", "not enough memory",
       "The data, or a file, needs more memory than the limit (80 % of what the machine has, or "
       "`--max-memory`), or the system has none left. What the model itself needs is E0311.",
       R"(model m {
  input x: [batch, 1_000_000]
  input y: [batch, 1]
  output p = Linear(1_000_000, 1)(x)
  loss mse(p, y)
}
data random(n = 1_000_000_000, seed = 1)
train { epochs = 1; batch = 1 }
$ netc train m.net -o run)",
       R"(model m {
  input x: [batch, 1_000_000]
  input y: [batch, 1]
  output p = Linear(1_000_000, 1)(x)
  loss mse(p, y)
}
data random(n = 1, seed = 1)
train { epochs = 1; batch = 1 }
$ netc train m.net -o run)"},
      {"R0610", "the data does not have what the settings need",
       "A split is named that the data does not have, or there are too few records.",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20; valid = "test" }
$ netc train m.net)",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 1]
  output p = Linear(3, 1)(x)
  loss mse(p, y)
}
data random(n = 100, seed = 1)
train { epochs = 1; batch = 20; valid = 0.2 }
$ netc train m.net)"},
      {"I9901", "an error inside netc",
       "Not the program's fault. The message names a file that shows how to make it happen again.",
       "", ""},
  };
  return codes;
}

}  // namespace netc::frontend
