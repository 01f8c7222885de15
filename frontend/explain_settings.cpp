// E05 and R06: settings, and what goes wrong with data, weights and runs.
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
       "name "
       "of a `let` constant, VALUE an expression of the language.",
       "netc train m.net --set epochs 3", "netc train m.net --set train.epochs=3"},
      {"E0508", "a setting that is fixed in a dump",
       "The optimizer, clipping, micro-batches and averages of a dump are graph code already. Set "
       "them on "
       "the program that the dump was made from.",
       "netc train m.dump.net --set train.optimizer.momentum=0.5",
       "netc dump m.net --stage=forward --set train.optimizer.momentum=0.5"},
      {"E0509", "a value that cannot be computed",
       "Settings are computed before the program runs, from numbers, strings and `let` constants; "
       "dividing by zero, overflow and constants that hang on themselves have no value.",
       "train { epochs = 10 // 0 }", "train { epochs = 10 // 2 }"},
      {"E0520", "an unknown optimizer",
       "The standard library has sgd, rmsprop, adam, adamw, adagrad and lion; a file may declare "
       "others.",
       "train { optimizer = adm() }", "train { optimizer = adam() }"},
      {"E0521", "a malformed optimizer, clip, freeze or groups",
       "`optimizer = adam()`, `clip = norm(1.0)` or `value(0.5)`, `freeze = [\"mlp.fc1.*\"]`, "
       "`groups = [group(\"head.*\", 10.0)]`.",
       "train { clip = 1.0 }", "train { clip = norm(1.0) }"},
      {"E0522", "a pattern that matches no parameter",
       "`freeze` and `groups` name parameters by path, with `*` for any text; `netc check -v` "
       "lists "
       "the paths.",
       "train { freeze = [\"fc3.*\"] }", "train { freeze = [\"mlp.fc3.*\"] }"},
      {"E0523", "an optimizer returns something else than the new parameter",
       "The result has the parameter's shape and type.",
       "optimizer o()(p, g, lr, step) { return sum(p - lr * g) }",
       "optimizer o()(p, g, lr, step) { return p - lr * g }"},
      {"E0524", "random numbers that micro-batches cannot share out",
       "With `accumulate`, each micro-batch draws what its rows would draw in the whole batch. "
       "That "
       "needs the batch to be the first dim of what is drawn for.",
       "h = dropout(permute(x, 1, 0))", "h = permute(dropout(x), 1, 0)"},
      {"W0501", "a setting without effect",
       "`patience` and the schedule `plateau` watch the validation loss, which needs `valid`.",
       "train { patience = 5 }", "train { patience = 5; valid = 0.1 }"},
  };
  return codes;
}

std::span<const CodeInfo> run_codes() {
  static const std::vector<CodeInfo> codes = {
      {"R0600", "a run-time error", "The message says what failed.", "", ""},
      {"R0601", "a field of the data does not fit the model's input",
       "Fields are matched to inputs by name and per-sample type; convert in the graph, so that "
       "`predict` does it too.",
       "input image: [batch, 784]\n# the data has u8[28, 28]",
       "input image: u8[batch, 28, 28]\nx = flatten(float(image) / 255, 1)"},
      {"R0602", "a file cannot be read",
       "It is missing, may not be read, is cut short, or breaks the rules of its format.", "", ""},
      {"R0603", "an index or label in the data is out of range",
       "Integers that the model uses as indices or class numbers lie in 0..n-1. They are checked "
       "when the data is loaded; the message names file and record.",
       "", ""},
      {"R0604", "weights do not fit the model",
       "A weight file is damaged, or a tensor in it is missing or differs in shape or type from "
       "the "
       "model's parameter.",
       "", ""},
      {"R0605", "no checkpoint to go on from",
       "The run directory holds no whole checkpoint, one of another model, or is in use.", "", ""},
      {"R0606", "the loss is no longer finite",
       "The loss or a parameter became infinite or NaN. The last good checkpoint is kept. netc "
       "trains again from there up to the step at fault, which gives the same bits, and runs that "
       "step op by op. The message marks the op that was given finite numbers and made one that "
       "is not, in the forward pass or in the derivative of what is marked, with the index and "
       "the numbers that went in. Infinities that a `where` or a mask leaves out are not to blame. "
       "Keep the arguments of `log`, `sqrt` and `/` away from 0. Where the loss or the weights "
       "grew before, `lr` is too high: a smaller one helps, or `clip = norm(1.0)`.",
       "loss -mean(log(p))", "loss -mean(log(maximum(p, 1e-12)))"},
      {"R0607", "a computed index left its range",
       "It was clamped, and the run stopped after the step.", "y = x[i * 2]",
       "y = x[minimum(i * 2, 9)]"},
      {"R0608", "an output cannot be written",
       "The disk is full, or the folder may not be written.", "", ""},
      {"R0609", "not enough memory",
       "The model and its data need more than the limit (80 % of what the machine has). A smaller "
       "`batch` needs less.",
       "", ""},
      {"R0610", "the data does not have what the settings need",
       "A split is named that the data does not have, or there are too few records.", "", ""},
      {"I9901", "an error inside netc",
       "Not the program's fault. The message names a file that shows how to make it happen again.",
       "", ""},
  };
  return codes;
}

}  // namespace netc::frontend
