// The list of findings, and suggestions for misspelt words.
#include "frontend/diagnostics.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace netc::frontend {
namespace {

bool same(const ir::Diagnostic& a, const ir::Diagnostic& b) {
  return a.place == b.place && a.code == b.code && a.message == b.message && a.label == b.label &&
         a.severity == b.severity && a.others == b.others && a.notes == b.notes &&
         a.helps == b.helps;
}

// Edits (insert, delete, replace, swap of neighbours) from a to b.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, row(b.size() + 1), next(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      next[j] =
          std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before = row;
    std::swap(row, next);
  }
  return row[b.size()];
}

}  // namespace

void Diagnostics::add(ir::Diagnostic d) {
  for (const ir::Diagnostic& known : list_) {
    if (same(known, d)) return;
  }
  list_.push_back(std::move(d));
}

bool Diagnostics::has_errors() const { return error_count() > 0; }

size_t Diagnostics::error_count() const {
  return static_cast<size_t>(std::count_if(
      list_.begin(), list_.end(), [](const auto& d) { return d.severity == ir::Severity::Error; }));
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  if (word.size() > 64) return {};
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string found;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 80 || candidate == word) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance < best && distance < std::max(word.size(), candidate.size())) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

std::string foreign_spelling(std::string_view word) {
  static const std::map<std::string_view, std::string_view> spellings = {
      {"axis", "dim"},
      {"axes", "dim"},
      {"dims", "dim"},
      {"keepdims", "keepdim"},
      {"view", "reshape"},
      {"cat", "concat"},
      {"concatenate", "concat"},
      {"hstack", "concat"},
      {"vstack", "concat"},
      {"pad", "padding"},
      {"clamp", "clip"},
      {"detach", "stop_gradient"},
      {"newaxis", "None"},
      {"np.newaxis", "None"},
      {"True", "true"},
      {"False", "false"},
      {"none", "None"},
      {"null", "None"},
      {"matmul", "@"},
      {"mm", "@"},
      {"bmm", "@"},
      {"dot", "@"},
      {"power", "pow"},
      {"absolute", "abs"},
      {"fabs", "abs"},
      {"ln", "log"},
      {"amax", "max"},
      {"amin", "min"},
      {"average", "mean"},
      {"swapaxes", "transpose"},
      {"ravel", "flatten"},
      {"expand_dims", "unsqueeze"},
      {"broadcast_to", "expand"},
      {"arange", "iota"},
      {"range", "iota"},
      {"onehot", "one_hot"},
      {"astype", "float"},
      {"to", "float"},
      {"float32", "f32"},
      {"float64", "f64"},
      {"double", "f64"},
      {"half", "f32"},
      {"int32", "i32"},
      {"int64", "i64"},
      {"long", "i64"},
      {"uint8", "u8"},
      {"byte", "u8"},
      {"swish", "silu"},
      {"hardtanh", "clip"},
      {"logit_loss", "bce_with_logits"},
      {"Linear", "Linear"},
      {"Dense", "Linear"},
      {"FullyConnected", "Linear"},
      {"ReLU", "relu"},
      {"LeakyReLU", "leaky_relu"},
      {"GELU", "gelu"},
      {"SiLU", "silu"},
      {"ELU", "elu"},
      {"Softplus", "softplus"},
      {"Tanh", "tanh"},
      {"Sigmoid", "sigmoid"},
      {"Softmax", "softmax"},
      {"LogSoftmax", "log_softmax"},
      {"MSELoss", "mse"},
      {"mse_loss", "mse"},
      {"L1Loss", "l1"},
      {"l1_loss", "l1"},
      {"mae", "l1"},
      {"HuberLoss", "huber"},
      {"SmoothL1Loss", "huber"},
      {"BCEWithLogitsLoss", "bce_with_logits"},
      {"binary_cross_entropy_with_logits", "bce_with_logits"},
      {"CrossEntropyLoss", "cross_entropy"},
      {"softmax_cross_entropy", "cross_entropy"},
      {"NLLLoss", "nll"},
      {"nll_loss", "nll"},
      {"label_smoothing", "smoothing"},
      {"BatchNorm1d", "BatchNorm"},
      {"BatchNorm2d", "BatchNorm"},
      {"MaxPool2D", "MaxPool2d"},
      {"MultiheadAttention", "MultiHeadAttention"},
      {"SGD", "sgd"},
      {"Adam", "adam"},
      {"AdamW", "adamw"},
      {"RMSprop", "rmsprop"},
      {"RMSProp", "rmsprop"},
      {"Adagrad", "adagrad"},
      {"Lion", "lion"},
      {"glorot_uniform", "xavier_uniform"},
      {"glorot_normal", "xavier_normal"},
      {"he_uniform", "kaiming_uniform"},
      {"he_normal", "kaiming_normal"},
      {"learning_rate", "lr"},
      {"batch_size", "batch"},
      {"num_epochs", "epochs"},
      {"n_epochs", "epochs"},
      {"validation_split", "valid"},
      {"early_stopping", "patience"},
      {"decay", "weight_decay"},
      {"grad_clip", "clip"},
      {"random_state", "seed"}};
  if (const auto found = spellings.find(word); found != spellings.end()) {
    return std::string(found->second == word ? std::string_view() : found->second);
  }
  const size_t dot = word.rfind('.');  // nn.Linear, F.relu, torch.nn.functional.softmax
  if (dot == std::string_view::npos) return {};
  const std::string_view last = word.substr(dot + 1);
  const std::string known = foreign_spelling(last);
  return known.empty() ? std::string(last) : known;
}

}  // namespace netc::frontend
