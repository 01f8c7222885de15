// The table of foreign spellings. A word may stand for several names: the first that the place at
// hand knows is taken. Where no one name does it, a sentence says what to write.
#include "frontend/foreign.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "frontend/diagnostics.h"

namespace netc::frontend {
namespace {

struct Spelling {
  std::string_view word;
  std::string_view ours;
};

// clang-format off
constexpr Spelling kNumPy[] = {
    {"axis", "dim"}, {"axes", "dim"}, {"keepdims", "keepdim"}, {"concatenate", "concat"},
    {"hstack", "concat"}, {"vstack", "concat"}, {"newaxis", "None"}, {"power", "pow"},
    {"absolute", "abs"}, {"fabs", "abs"}, {"amax", "max"}, {"amin", "min"}, {"average", "mean"},
    {"swapaxes", "transpose"}, {"ravel", "flatten"}, {"expand_dims", "unsqueeze"},
    {"broadcast_to", "expand"}, {"arange", "iota"}, {"range", "iota"}, {"ndim", "rank"},
    {"float32", "f32"}, {"float64", "f64"}, {"int32", "i32"}, {"int64", "i64"}, {"uint8", "u8"},
    {"bool_", "bool"}, {"negative", "neg"}, {"ddof", "correction"}, {"take", "gather"},
    {"a_min", "lo"}, {"a_max", "hi"}, {"random_state", "seed"}};

constexpr Spelling kTorch[] = {
    // tensors
    {"view", "reshape"}, {"view_as", "reshape"}, {"reshape_as", "reshape"}, {"cat", "concat"},
    {"clamp", "clip"}, {"detach", "stop_gradient"}, {"no_grad", "stop_gradient"},
    {"expand_as", "expand"}, {"numel", "size"}, {"onehot", "one_hot"},
    {"double", "f64"}, {"half", "f32"}, {"long", "i64"}, {"byte", "u8"}, {"ln", "log"},
    {"index_select", "gather"}, {"dims", "dim"}, {"as_tensor", "float"},
    // activations and functions
    {"ReLU", "relu"}, {"LeakyReLU", "leaky_relu"}, {"GELU", "gelu"}, {"SiLU", "silu"},
    {"swish", "silu"}, {"Swish", "silu"}, {"ELU", "elu"}, {"Softplus", "softplus"},
    {"Tanh", "tanh"}, {"Sigmoid", "sigmoid"}, {"Softmax", "softmax"},
    {"LogSoftmax", "log_softmax"}, {"hardtanh", "clip"}, {"relu_", "relu"},
    // losses
    {"MSELoss", "mse"}, {"mse_loss", "mse"}, {"L1Loss", "l1"}, {"l1_loss", "l1"},
    {"HuberLoss", "huber"}, {"huber_loss", "huber"}, {"SmoothL1Loss", "huber"},
    {"smooth_l1_loss", "huber"}, {"BCEWithLogitsLoss", "bce_with_logits"},
    {"binary_cross_entropy_with_logits", "bce_with_logits"},
    {"CrossEntropyLoss", "cross_entropy"}, {"NLLLoss", "nll"}, {"nll_loss", "nll"},
    {"label_smoothing", "smoothing"},
    // layers and their settings
    {"BatchNorm1d", "BatchNorm"}, {"BatchNorm2d", "BatchNorm"}, {"Dropout2d", "Dropout"},
    {"MultiheadAttention", "MultiHeadAttention"}, {"LazyLinear", "Linear"},
    {"in_features", "n_in"}, {"out_features", "n_out"}, {"in_channels", "c_in"},
    {"out_channels", "c_out"}, {"kernel_size", "k"}, {"pad", "padding"},
    {"num_features", "c"}, {"normalized_shape", "n"}, {"num_embeddings", "n"},
    {"embedding_dim", "d"}, {"embed_dim", "d"}, {"num_heads", "heads"}, {"start_dim", "start"},
    {"num_classes", "n"}, {"input", "x"}, {"input", "logits"}, {"input", "p"}, {"target", "y"},
    {"target", "label"}, {"labels", "label"}, {"min", "lo"}, {"max", "hi"}, {"unbiased", "correction"},
    {"attn_mask", "mask"}, {"dim0", "i"}, {"dim1", "j"}, {"tensors", "parts"},
    // initialisers
    {"xavier_uniform_", "xavier_uniform"}, {"xavier_normal_", "xavier_normal"},
    {"kaiming_uniform_", "kaiming_uniform"}, {"kaiming_normal_", "kaiming_normal"},
    {"orthogonal_", "orthogonal"}, {"zeros_", "zeros"}, {"ones_", "ones"}, {"normal_", "normal"},
    {"uniform_", "uniform"}, {"constant_", "const"}, {"randn", "normal"}, {"rand", "uniform"},
    {"trunc_normal_", "normal"}, {"constant", "const"}, {"full", "const"}, {"fill_", "const"},
    // training
    {"SGD", "sgd"}, {"Adam", "adam"}, {"AdamW", "adamw"}, {"RMSprop", "rmsprop"},
    {"Adagrad", "adagrad"}, {"Lion", "lion"}, {"betas", "beta1"}, {"learning_rate", "lr"},
    {"lr_scheduler", "lr"}, {"scheduler", "lr"}, {"batch_size", "batch"},
    {"num_epochs", "epochs"}, {"n_epochs", "epochs"}, {"max_epochs", "epochs"},
    {"val_split", "valid"}, {"early_stopping", "patience"}, {"grad_clip", "clip"},
    {"clip_grad_norm", "clip"}, {"gradient_clip_val", "clip"},
    {"accumulate_grad_batches", "accumulate"}, {"manual_seed", "seed"}, {"wd", "weight_decay"},
    {"StepLR", "step"}, {"ExponentialLR", "exponential"}, {"LinearLR", "linear"},
    {"CosineAnnealingLR", "cosine"}, {"OneCycleLR", "one_cycle"}, {"onecycle", "one_cycle"},
    {"ReduceLROnPlateau", "plateau"}, {"step_size", "every"}, {"max_lr", "lr"}, {"T_max", "lr"},
    {"MNIST", "mnist"}, {"FashionMNIST", "mnist"}, {"ImageFolder", "images"}};

constexpr Spelling kKeras[] = {
    {"Dense", "Linear"}, {"FullyConnected", "Linear"}, {"Conv2D", "Conv2d"},
    {"MaxPooling2D", "MaxPool2d"}, {"MaxPool2D", "MaxPool2d"}, {"AveragePooling2D", "AvgPool2d"},
    {"BatchNormalization", "BatchNorm"}, {"LayerNormalization", "LayerNorm"}, {"units", "n_out"},
    {"filters", "c_out"}, {"strides", "stride"}, {"pool_size", "k"}, {"rate", "p"},
    {"epsilon", "eps"}, {"beta_1", "beta1"}, {"beta_2", "beta2"}, {"rho", "alpha"},
    {"mae", "l1"}, {"mean_squared_error", "mse"}, {"mean_absolute_error", "l1"},
    {"sparse_categorical_crossentropy", "cross_entropy"},
    {"categorical_crossentropy", "cross_entropy"}, {"binary_crossentropy", "bce_with_logits"},
    {"softmax_cross_entropy", "cross_entropy"}, {"glorot_uniform", "xavier_uniform"},
    {"glorot_normal", "xavier_normal"}, {"he_uniform", "kaiming_uniform"},
    {"he_normal", "kaiming_normal"}, {"validation_split", "valid"}, {"decay", "weight_decay"},
    {"clipnorm", "clip"}};

constexpr Spelling kPython[] = {{"True", "true"}, {"False", "false"}, {"none", "None"},
                                {"null", "None"}, {"nil", "None"}};

// Where no one name does it.
constexpr Spelling kCures[] = {
    {"matmul", "write `a @ b`"}, {"mm", "write `a @ b`"}, {"bmm", "write `a @ b`"},
    {"dot", "write `a @ b`"}, {"mv", "write `a @ b`"}, {"inner", "write `a @ b`"},
    {"outer", "write `a[:, None] * b`"}, {"add", "write `a + b`"}, {"subtract", "write `a - b`"},
    {"sub", "write `a - b`"}, {"mul", "write `a * b`"}, {"multiply", "write `a * b`"},
    {"div", "write `a / b`"}, {"divide", "write `a / b`"}, {"true_divide", "write `a / b`"},
    {"eq", "write `a == b`"}, {"equal", "write `a == b`"}, {"ne", "write `a != b`"},
    {"gt", "write `a > b`"}, {"greater", "write `a > b`"}, {"lt", "write `a < b`"},
    {"less", "write `a < b`"}, {"ge", "write `a >= b`"}, {"le", "write `a <= b`"},
    {"logical_and", "write `a and b`"}, {"logical_or", "write `a or b`"},
    {"logical_not", "write `not a`"}, {"softsign", "write `x / (1 + abs(x))`"},
    {"to", "convert with the type's name: `float(x)`, `i64(x)`; there are no devices to choose"},
    {"astype", "convert with the type's name: `float(x)`, `i64(x)`"},
    {"type", "convert with the type's name: `float(x)`, `i64(x)`"},
    {"int", "convert with `i64(x)`"}, {"len", "write `x.shape[0]`"}, {"dim", "write `rank(x)`"},
    {"t", "write `x.T`"}, {"mT", "write `x.T`"}, {"numpy", "drop it: all values are tensors"},
    {"item", "drop it: a tensor of rank 0 is a number"},
    {"cpu", "drop it: programs run on the CPU"}, {"cuda", "drop it: programs run on the CPU"},
    {"contiguous", "drop it: the compiler chooses layouts"},
    {"clone", "drop it: values never change"}, {"copy", "drop it: values never change"},
    {"requires_grad_", "drop it: every `param` is trained, unless `freeze` names it"},
    {"backward", "drop it: gradients are derived, and `netc train` uses them (`netc diff` shows "
                 "them)"},
    {"zero_grad", "drop it: `netc train` does the steps"},
    {"print", "drop it: `netc run` prints outputs"},
    {"zeros", "a number broadcasts: write `0.0` (`zeros()` is an initialiser of `param`)"},
    {"ones", "a number broadcasts: write `1.0` (`ones()` is an initialiser of `param`)"},
    {"full", "a number broadcasts: write it alone"},
    {"zeros_like", "a number broadcasts: write `0.0`"},
    {"ones_like", "a number broadcasts: write `1.0`"},
    {"full_like", "a number broadcasts: write it alone"},
    {"empty", "a number broadcasts: write `0.0`"},
    {"tensor", "numbers need no wrapping; whole tensors come in as `input`s or `param`s"},
    {"array", "numbers need no wrapping; whole tensors come in as `input`s or `param`s"},
    {"from_numpy", "tensors come in as `input`s, from a `data` item or `--in x=x.npy`"},
    {"eye", "write `float(iota(n)[:, None] == iota(n))`"},
    {"tril", "write `where(iota(n)[:, None] >= iota(n), x, 0)`"},
    {"triu", "write `where(iota(n)[:, None] <= iota(n), x, 0)`"},
    {"masked_fill", "write `where(mask, value, x)`"},
    {"linspace", "write `lo + float(iota(n)) * (hi - lo) / (n - 1)`"},
    {"cumsum", "write `x @ float(iota(n)[:, None] <= iota(n))`"},
    {"norm", "write `sqrt(sum(square(x)))`"}, {"flip", "write `x[::-1]`"},
    {"repeat", "write `expand(x, …)`, or `concat([x, x])`"},
    {"tile", "write `expand(x, …)`, or `concat([x, x])`"},
    {"split", "take slices: `x[:, :n]` and `x[:, n:]`"},
    {"chunk", "take slices: `x[:, :n]` and `x[:, n:]`"},
    {"sort", "there is no sorting; `max` and `argmax` give the largest"},
    {"argsort", "there is no sorting; `max` and `argmax` give the largest"},
    {"topk", "there is no sorting; `max` and `argmax` give the largest"},
    {"rand", "random numbers come from initialisers, `dropout` and `random_like(x)`"},
    {"randn", "random numbers come from initialisers, `dropout` and `random_like(x)`"},
    {"rand_like", "write `float(random_like(x)) / 2 ** 32`"},
    {"randn_like", "`random_like(x)` draws integers from 0 to 2^32 - 1, one an element"},
    {"Sequential", "join layers with `|>`: `x |> Linear(784, 128) |> relu`"},
    {"ModuleList", "name the layers one by one: `fc1 = Linear(784, 128)`"},
    {"Identity", "drop it"}, {"Parameter", "write `param w: [3, 4] = zeros()`"},
    {"Unflatten", "write `reshape(x, …)`"},
    {"BCELoss", "`bce_with_logits` takes the logits, before the sigmoid"},
    {"binary_cross_entropy", "`bce_with_logits` takes the logits, before the sigmoid"},
    {"KLDivLoss", "write `mean(sum(q * (log(q) - log_p), 1))`"},
    {"AdaptiveAvgPool2d", "write `mean(x, [2, 3])`"},
    {"GlobalAveragePooling2D", "write `mean(x, [2, 3])`"},
    {"Activation", "write the function's name: `|> relu`"},
    {"DataLoader", "name the data with a `data` item: `data mnist(\"data/mnist\")`"},
    // arguments
    {"inplace", "drop it: values never change"}, {"device", "drop it: programs run on the CPU"},
    {"requires_grad", "drop it: every `param` is trained, unless `freeze` names it"},
    {"reduction", "losses are means; write others with `sum(…)` or `mean(…)`"},
    {"from_logits", "drop it: `cross_entropy` and `bce_with_logits` take logits"},
    {"activation", "write the function behind it: `|> relu`"},
    {"input_shape", "drop it: types of inputs say their shapes"},
    {"lr", "it stands beside the optimizer: `train { lr = 1e-3; optimizer = adam() }`"},
    {"learning_rate", "it stands beside the optimizer: `train { lr = 1e-3; optimizer = adam() }`"},
    {"batch_first", "drop it: the batch is always the first dim"},
    {"dtype", "convert with the type's name: `float(x)`, `i64(x)`"},
    {"bidirectional", "drop it"}, {"shuffle", "it is a setting of `train`: `shuffle = true`"},
    {"batch_size", "it is a setting of `train`: `batch = 64`"}};

// Layers and functions that netc does not have.
constexpr std::string_view kAbsent[] = {
    "Conv1d", "Conv3d", "ConvTranspose2d", "LSTM", "GRU", "RNN", "GroupNorm", "InstanceNorm2d",
    "RMSNorm", "PReLU", "Transformer", "TransformerEncoderLayer", "TransformerEncoder",
    "UpsamplingNearest2d", "Upsample", "MaxPool1d", "MaxPool3d", "LSTMCell", "Bilinear",
    "CosineSimilarity", "Hardswish", "hardswish", "Mish", "mish", "ReLU6", "relu6", "SELU", "selu"};
// clang-format on

struct Library {
  std::string_view name;
  std::span<const Spelling> spellings;
};
const Library kLibraries[] = {
    {"NumPy", kNumPy}, {"PyTorch", kTorch}, {"Keras", kKeras}, {"Python", kPython}};

std::string_view last_part(std::string_view word) { return word.substr(word.rfind('.') + 1); }

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Literals and operators stand everywhere, types nearly so.
bool is_known(const std::vector<std::string>& known, std::string_view name) {
  static const std::vector<std::string> everywhere = {"None", "true", "false", "f32", "f64",
                                                      "i32",  "i64",  "u8",    "bool"};
  return contains(known, name) || contains(everywhere, name);
}

std::string folded(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '_') continue;
    out += c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
  }
  return out;
}

std::string in_table(std::string_view word, const std::vector<std::string>& known,
                     std::string_view* library) {
  for (const Library& l : kLibraries) {
    for (const Spelling& s : l.spellings) {
      if (s.word != word || s.ours == word || !is_known(known, s.ours)) continue;
      if (library != nullptr) *library = l.name;
      return std::string(s.ours);
    }
  }
  return {};
}

std::string cure(std::string_view word) {
  for (const Spelling& s : kCures)
    if (s.word == word) return std::string(s.ours);
  if (std::find(std::begin(kAbsent), std::end(kAbsent), word) != std::end(kAbsent))
    return fmt::format("the library has no `{}`: write it as a `layer` or `fn` of your own", word);
  return {};
}

}  // namespace

bool is_library(std::string_view word) {
  static constexpr std::string_view kPrefixes[] = {
      "np",    "numpy", "torch", "nn",     "F",  "functional",  "jnp",  "jax",
      "optim", "tf",    "keras", "layers", "tn", "torchvision", "init", "math"};
  return std::find(std::begin(kPrefixes), std::end(kPrefixes), word) != std::end(kPrefixes);
}

std::string intended_name(std::string_view word, const std::vector<std::string>& known) {
  const std::string_view last = last_part(word);
  if (last != word && is_known(known, last)) return std::string(last);
  if (std::string name = in_table(last, known, nullptr); !name.empty()) return name;
  for (const std::string& name : known)
    if (name != word && folded(name) == folded(last)) return name;
  return nearest(last, known);
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  const std::string_view last = last_part(word);
  if (last != word && is_known(known, last))
    return fmt::format("names have no prefix here: write `{}`", last);
  std::string_view library;
  if (const std::string name = in_table(last, known, &library); !name.empty())
    return fmt::format("{}'s `{}` is called `{}` here", library, word, name);
  if (std::string text = cure(last); !text.empty()) return text;
  const std::string near = intended_name(word, known);
  return near.empty() ? "" : fmt::format("did you mean `{}`?", near);
}

}  // namespace netc::frontend
