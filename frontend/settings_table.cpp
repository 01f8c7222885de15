// What can be set: the keys of `train`, the schedules of `lr`, the loaders of `data`.
#include "frontend/settings.h"

namespace netc::frontend {

std::span<const SettingInfo> setting_infos() {
  static const std::vector<SettingInfo> infos = {
      {"epochs", "a whole number", "1", "how often training goes through the data"},
      {"batch", "a whole number", "32",
       "records that run together; a last short batch runs at its own size"},
      {"seed", "a whole number", "0",
       "weights, masks and the order of records are functions of it"},
      {"shuffle", "true or false", "true", "take the records of an epoch in random order"},
      {"drop_last", "true or false", "false", "leave out a last short step"},
      {"lr", "a number or a schedule", "0.001",
       "learning rate: constant, step, exponential, linear, cosine, one_cycle or plateau"},
      {"optimizer", "a call: sgd(), adam(beta1 = 0.8)", "sgd()",
       "one of std's (sgd, rmsprop, adam, adamw, adagrad, lion) or of the file's"},
      {"clip", "norm(c) or value(c)", "off",
       "norm: all gradients together times min(1, c / (norm + 1e-6)), before weight decay"},
      {"valid", "a fraction or the name of a split", "0",
       "records kept from training to choose the best epoch; a fraction takes the last ones"},
      {"patience", "a whole number of epochs", "0 (off)",
       "stop when the validation loss has not improved for so long"},
      {"save", "last, best or all", "best",
       "last: last.safetensors only; best: the best beside it where there is a valid split; all: "
       "also a weight file an epoch"},
      {"accumulate", "a whole number", "1",
       "batches that make up a step: accumulate = 4 trains as a batch of four times the size, in "
       "the memory of one"},
      {"ema", "a number from 0 to 1", "off",
       "decay of a moving average of the weights, evaluated too and saved as ema.safetensors"},
      {"freeze", "a list of patterns: [\"mlp.fc1.*\"]", "[]", "parameters that are not trained"},
      {"groups", "a list: [group(\"head.*\", 10.0)]", "[]", "factors on lr for some parameters"},
      {"precision", "f32", "f32", "numbers that training computes with"},
      {"log_every", "a whole number of steps", "0 (off)",
       "write a step event to metrics.jsonl so often"},
  };
  return infos;
}

std::vector<std::string> setting_keys() {
  std::vector<std::string> keys;
  for (const SettingInfo& info : setting_infos()) keys.push_back(info.key);
  return keys;
}

std::span<const ScheduleInfo> schedule_infos() {
  static const ScheduleParameter lr{"lr", {}, false};
  static const std::vector<ScheduleInfo> infos = {
      {"constant", {lr}, "the same in every step"},
      {"step",
       {lr, {"every", {}, true, 1}, {"gamma", {}, false}},
       "lr * gamma ** (epoch // every)"},
      {"exponential", {lr, {"gamma", {}, false}}, "lr * gamma ** epoch"},
      {"linear", {lr, {"end", 0.0, false}}, "from lr to end over all steps"},
      {"cosine",
       {lr, {"warmup", 0.0, true}},
       "up to lr over `warmup` steps, then down to 0 along a half cosine"},
      {"one_cycle", {lr}, "up to lr and down again over all steps, as PyTorch's OneCycleLR"},
      {"plateau",
       {lr, {"factor", 0.1, false, 0, 1}, {"patience", 5.0, true}},
       "times factor whenever the validation loss has not improved for `patience` epochs"},
  };
  return infos;
}

std::span<const LoaderInfo> loader_infos() {
  static const std::vector<LoaderInfo> infos = {
      {"mnist",
       {"dir"},
       false,
       "mnist(\"data/mnist\")",
       "the four files of MNIST in a folder\n"
       "fields image u8[28, 28] and label u8; splits train and test"},
      {"idx",
       {},
       true,
       "idx(image = \"images.idx\", label = \"labels.idx\")",
       "an IDX file a field, whose first dim counts records"},
      {"csv",
       {"path"},
       true,
       "csv(\"data.csv\", x = cols(0, 30), y = col(30))",
       R"(columns of a table as fields
NAME = col(30), NAME = col("price")
    one column; serves an input of [batch] and one of [batch, 1]
NAME = cols(0, 30), NAME = cols(0, 2, 5), NAME = cols("height", "width")
    several, side by side: a range without its end, or these
Columns count from 0, and -1 is the last; names are those of the header.
The first row is a header when it has no numbers, or a word above a number. Cells are separated by
`,`, `;` or a tab, whichever stands in the first line, and may be in quotes. Numbers have a decimal
point.
A field has the type of its input. Words for an integer input are classes: they are sorted and
numbered from 0. `train` shows the numbers, the weights keep them, `eval --confusion`, the report
and `predict --top` show the names. A stray word among numbers is an error.
All records are the split train. `valid = 0.2` in the train block keeps the last fifth of them for
validation; records for a test come from another file:
    netc eval DIR --data 'csv("test.csv", x = cols(0, 30), y = col(30))')"},
      {"npy",
       {"archive"},
       true,
       "npy(x = \"x.npy\", y = \"y.npy\")",
       R"(a NumPy array a field, whose first dim counts records
npy("data.npz") takes all arrays of an archive, x = "data.npz/a" one of them)"},
      {"images",
       {"dir"},
       false,
       "images(\"photos\")",
       R"(PNG, PGM and PPM pictures of one size, a folder a class, numbered in the order of the names
fields image u8[height, width], or u8[height, width, 3] with colours, and label
folders train, valid and test around those of the classes are splits)"},
      {"random",
       {"n", "seed"},
       false,
       "random(n = 1000, seed = 1)",
       "n records: floats are normal, integers in range where the program fixes one"},
  };
  return infos;
}

}  // namespace netc::frontend
