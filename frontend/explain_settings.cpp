// E05: settings.
#include "frontend/explain.h"

namespace netc::frontend {

std::span<const CodeInfo> setting_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0501", "an unknown setting",
       "`train` has no such key, the call no such argument, or the program no such constant. "
       "`netc explain train` lists all settings.",
       "train { learning_rate = 3e-4 }", "train { lr = 3e-4 }"},
      {"E0502", "a value of the wrong kind",
       "The setting takes a whole number, a number, `true` or `false`, a word or a path.",
       "train { epochs = 2.5 }", "train { epochs = 3 }"},
      {"E0503", "a value out of range", "The message says what is permitted.",
       "train { batch = 0 }", "train { batch = 64 }"},
      {"E0504", "an unknown schedule or loader",
       "`netc explain lr` and `netc explain data` list them.", "train { lr = cosin(1e-3) }",
       "train { lr = cosine(1e-3) }"},
      {"E0505", "wrong arguments of a schedule or loader",
       "An argument is unknown, missing, given twice, or one too many.",
       "train { lr = step(0.1, gamma = 0.5) }",
       "train { lr = step(0.1, every = 50, gamma = 0.5) }"},
      {"E0506", "set twice",
       "A key stands once in `train`, and a program has one `train` and `data`.",
       "train { batch = 3; batch = 4 }", "train { batch = 4 }"},
      {"E0507", "--set is not understood",
       "It takes PATH=VALUE; PATH is `train.KEY`, `train.KEY.ARGUMENT`, `data.ARGUMENT` or the "
       "name of a `let` constant, VALUE an expression of the language.",
       R"(train { epochs = 5 }
$ netc check m.net --set train.epochs)",
       R"(train { epochs = 5 }
$ netc check m.net --set train.epochs=3)"},
      {"E0508", "a setting that is fixed in a dump",
       "The optimizer, clipping, micro-batches and averages of a dump are graph code already. Set "
       "them on the program that the dump was made from.",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { optimizer = sgd(momentum = 0.9) }
$ netc dump m.net --stage=forward -o forward.net
$ netc check forward.net --set train.optimizer.momentum=0.5)",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { optimizer = sgd(momentum = 0.9) }
$ netc dump m.net --stage=forward --set train.optimizer.momentum=0.5 -o forward.net
$ netc check forward.net)"},
      {"E0509", "a value that cannot be computed",
       "Settings are computed before the program runs, from numbers, strings and `let` constants; "
       "dividing by zero, overflow and constants that hang on themselves have no value.",
       "train { epochs = 10 // 0 }", "train { epochs = 10 // 2 }"},
      {"E0510", "a setting that watches the validation loss, without `valid`",
       "`patience` and the schedule `plateau` watch the loss on records that are not trained on; "
       "`valid` keeps some apart.",
       "train { patience = 5 }", "train { patience = 5; valid = 0.1 }"},
      {"E0520", "an unknown optimizer",
       "The standard library has sgd, rmsprop, adam, adamw, adagrad and lion; a file may declare "
       "others.",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { optimizer = adm() })",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { optimizer = adam() })"},
      {"E0521", "a malformed optimizer, clip, freeze or groups",
       "`optimizer = adam()`, `clip = norm(1.0)` or `value(0.5)`, `freeze = [\"mlp.fc1.*\"]`, "
       "`groups = [group(\"head.*\", 10.0)]`.",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { clip = 1.0 })",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { clip = norm(1.0) })"},
      {"E0522", "a pattern that matches no parameter",
       "`freeze` and `groups` name parameters by path, with `*` for any text; `netc check -v` "
       "lists the paths.",
       R"(model m {
  input x: [batch, 3]
  fc1 = Linear(3, 8)
  fc2 = Linear(8, 1)
  output p = x |> fc1 |> relu |> fc2
  loss mean(square(p))
}
train { freeze = ["fc3.*"] })",
       R"(model m {
  input x: [batch, 3]
  fc1 = Linear(3, 8)
  fc2 = Linear(8, 1)
  output p = x |> fc1 |> relu |> fc2
  loss mean(square(p))
}
train { freeze = ["fc1.*"] })"},
      {"E0523", "an optimizer returns something else than the new parameter",
       "The result has the parameter's shape and type.",
       R"(optimizer plain()(p, g, lr, step) {
  return sum(p - lr * g)
}
model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { optimizer = plain() })",
       R"(optimizer plain()(p, g, lr, step) {
  return p - lr * g
}
model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { optimizer = plain() })"},
      {"E0524", "random numbers that micro-batches cannot share out",
       "With `accumulate`, each micro-batch draws what its rows would draw in the whole batch. "
       "That needs the batch to be the first dim of what is drawn for.",
       R"(model m {
  input x: [batch, 3]
  h = dropout(permute(x, 1, 0))
  output p = Linear(3, 1)(permute(h, 1, 0))
  loss mean(square(p))
}
train { accumulate = 2 })",
       R"(model m {
  input x: [batch, 3]
  h = dropout(x)
  output p = Linear(3, 1)(h)
  loss mean(square(p))
}
train { accumulate = 2 })"},
      {"E0525", "a model that cannot be trained",
       "Training feeds the records of a data set to the inputs, a batch at a time, and changes "
       "parameters so that the loss falls. So the model has inputs, whose first size is the batch, "
       "a `loss` and a `param`, and the file a `train` block.",
       R"(model m {
  input x: [batch, 3]
  input y: [rows, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p)) + mean(square(y))
}
data random(n = 10, seed = 1)
train { epochs = 1 }
$ netc train m.net)",
       R"(model m {
  input x: [batch, 3]
  input y: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p)) + mean(square(y))
}
data random(n = 10, seed = 1)
train { epochs = 1 }
$ netc train m.net)"},
      {"W0501", "an optimizer's setting without its name",
       "The learning rate is a setting of `train`, not of the optimizer, so the first number of "
       "`sgd(0.01)` is the momentum. Settings of optimizers are best given by name.",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { optimizer = sgd(0.01) })",
       R"(model m {
  input x: [batch, 3]
  output p = Linear(3, 1)(x)
  loss mean(square(p))
}
train { lr = 0.01; optimizer = sgd() })"},
  };
  return codes;
}

}  // namespace netc::frontend
