// A program from its choices: statements, outputs, loss, training.
#include "tests/fuzz/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace netc::fuzz {
namespace {

constexpr int kMostStatements = 24;
constexpr int64_t kMostElements = 1024;  // with a batch of kRows
constexpr int64_t kRows = 8;

bool small_enough(const ir::Type& type) {
  const auto count = ir::element_count(type.shape).evaluate({{"batch", kRows}});
  return type.rank() <= 6 && count && *count <= kMostElements;
}

}  // namespace

Bytes random_bytes(uint64_t seed) {
  std::mt19937_64 random(seed * 2 + 1);
  Bytes bytes(size_t(60 + random() % 500));
  for (uint8_t& b : bytes) b = uint8_t(random());
  return bytes;
}

std::string generate(const Bytes& bytes) {
  Choices choices(bytes);
  return Generator(choices).program();
}

const std::vector<Generator::Production>& Generator::productions() {
  using G = Generator;
  static const std::vector<Production> list = {
      {12, &G::scalar},       {3, &G::chain},
      {3, &G::choose},        {3, &G::cast},
      {5, &G::reduction},     {4, &G::product},
      {5, &G::einsum},        {3, &G::reshape},
      {1, &G::flatten},       {3, &G::transpose},
      {1, &G::unsqueeze},     {1, &G::squeeze},
      {2, &G::expand},        {3, &G::join},
      {2, &G::pad},           {2, &G::slice},
      {5, &G::subscript},     {1, &G::diagonal},
      {2, &G::gather},        {1, &G::scatter},
      {1, &G::counter},       {8, &G::library_function},
      {4, &G::library_layer}, {3, &G::own_function},
      {2, &G::own_gradient},  {1, &G::own_layer},
  };
  return list;
}

std::string Generator::program() {
  if (c_.one_in(4)) {
    float_ = ir::DType::f64;
  }
  trains_ = c_.below(3) == 0;
  if (auto first = leaf(float_, shape())) values_.push_back(*first);
  for (int i = 0; i < kMostStatements && !c_.exhausted(); ++i) {
    statement();
    if (c_.one_in(24)) break;
  }
  outputs();
  loss();
  std::string text = float_ == ir::DType::f64 ? "dtype f64\n" : "";
  text += items_ + "model m {\n" + declarations_ + body_ + "}\n";
  if (trains_) text += train_block();
  return text;
}

void Generator::statement() {
  static const std::vector<size_t> wheel = [] {
    std::vector<size_t> places;
    for (size_t i = 0; i < productions().size(); ++i)
      places.insert(places.end(), size_t(productions()[i].weight), i);
    return places;
  }();
  // 0 is no statement, so that statements go when programs shrink.
  const int choice = c_.below(int(wheel.size()) + 1);
  if (choice == 0) return;
  const auto made = (this->*productions()[wheel[size_t(choice) - 1]].make)();
  if (!made || !small_enough(made->type)) return;
  bind(*made);
}

void Generator::bind(const Term& value) {
  Term named = value;
  // Ranges are guesses: what grew beyond them is only used squashed.
  named.lo = std::clamp(std::isfinite(value.lo) ? value.lo : -1e4, -1e4, 1e4);
  named.hi = std::clamp(std::isfinite(value.hi) ? value.hi : 1e4, named.lo, 1e4);
  if (value.text.size() < 80 && c_.one_in(6)) {  // used where it stands, perhaps more than once
    named.text = "(" + value.text + ")";
    values_.push_back(named);
    return;
  }
  named.text = fresh("h");
  const std::string type = c_.one_in(4) ? ": " + type_text(value.type) : "";
  body_ += fmt::format("  {}{} = {}\n", named.text, type, value.text);
  values_.push_back(named);
}

void Generator::outputs() {
  const int count = 1 + c_.below(3);
  for (int i = 0; i < count && i < int(values_.size()); ++i) {
    const size_t at = values_.size() - 1 - size_t(i == 0 ? 0 : c_.below(int(values_.size())));
    body_ += fmt::format("  output y{} = {}\n", i, values_[at].text);
  }
}

/// A sum over some of the float values, each with bounded slope.
void Generator::loss() {
  std::vector<std::string> parts;
  for (size_t k = values_.size(); k-- > 0 && parts.size() < 4;) {
    const Term& t = values_[k];
    if (!ir::is_float(t.type.dtype) || (parts.size() > 0 && c_.below(3) == 0)) continue;
    static const char* const kForms[] = {"sum(tanh({}))", "sum(sin({}))", "sum({} * 0.5)",
                                         "sum(abs({}))"};
    std::string part = fmt::format(fmt::runtime(kForms[c_.below(4)]), t.text);
    if (t.type.dtype != float_) part = "float(" + part + ")";
    parts.push_back(part);
  }
  if (!has_parameter_) {
    if (auto p = leaf(float_, {ir::Dim(2)})) parts.push_back("sum(" + p->text + ")");
  }
  if (parts.empty()) parts.push_back("float(1)");
  body_ += fmt::format("  loss {}\n", fmt::join(parts, " + "));
  if (c_.one_in(3)) body_ += fmt::format("  metric seen = {}\n", parts[0]);
}

std::string Generator::train_block() {
  const LibraryItem& optimizer = c_.of(library_optimizers());
  Arguments settings;
  for (const Parameter& p : optimizer.settings)
    if (c_.one_in(3)) setting(p, settings);
  const auto given = [&](std::string_view name) {
    return std::any_of(settings.texts.begin(), settings.texts.end(),
                       [&](const std::string& text) { return text.starts_with(name); });
  };
  if (given("nesterov") && !given("momentum")) settings.texts.emplace_back("momentum = 0.9");
  std::string clip;
  if (c_.one_in(3)) clip = c_.below(2) ? "clip = norm(0.5); " : "clip = value(0.25); ";
  return fmt::format("train {{ batch = 8; lr = 0.05; {}optimizer = {}({}) }}\n", clip,
                     optimizer.name, fmt::join(settings.texts, ", "));
}

}  // namespace netc::fuzz
