// JSON through nlohmann, with every fact of a record checked against the input.
#include "tools/netc/input_values.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <span>

#include "runtime/error.h"
#include "tools/netc/session.h"

namespace netc::tools {

using nlohmann::json;

void bad_field(const std::string& input, const std::string& message, const std::string& help) {
  runtime::Error error(runtime::Fault::Field, message);
  error.for_input(input);
  if (!help.empty()) error.help(help);
  throw error;
}

namespace {
/// `an array of 3`, `a number`, `null`.
std::string described(const json& value) {
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  if (value.is_null()) return "null";
  return fmt::format("{} {}", value.is_object() ? "an" : "a", value.type_name());
}

/// Appends the numbers of a nested JSON array in row-major order, checking its shape. `place` says
/// where the value stands.
void flatten(const json& value, std::span<const int64_t> shape, const std::string& input,
             const std::string& place, std::vector<double>& out) {
  auto expected = [&](const std::string& what) {
    bad_field(input, fmt::format("{}: expected {}, found {}", place, what, described(value)));
  };
  if (shape.empty()) {
    if (value.is_boolean())
      out.push_back(value.get<bool>() ? 1 : 0);
    else if (value.is_number())
      out.push_back(value.get<double>());
    else
      expected("a number");
    return;
  }
  if (!value.is_array() || int64_t(value.size()) != shape[0])
    expected(fmt::format("an array of {}", shape[0]));
  for (const json& v : value) flatten(v, shape.subspan(1), input, place, out);
}

/// Whether a type holds this number: an integer exactly, a float rounded.
template <typename T>
bool is_representable(double v) {
  if (std::is_floating_point_v<T>) return std::abs(v) <= double(std::numeric_limits<T>::max());
  return std::trunc(v) == v && v >= double(std::numeric_limits<T>::min()) &&
         v < double(std::numeric_limits<T>::max()) + 1;
}

runtime::Tensor from_numbers(const std::vector<double>& numbers, const runtime::Slot& slot,
                             std::vector<int64_t> shape, const std::string& place) {
  runtime::Tensor t = runtime::make_tensor(slot.type, std::move(shape));
  runtime::with_type(slot.type, [&]<typename T>(T) {
    auto out = t.as<T>();
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (!is_representable<T>(numbers[i]))
        bad_field(slot.name, fmt::format("{} is {}, which cannot be {}", place,
                                         runtime::name(slot.type), numbers[i]));
      out[i] = static_cast<T>(numbers[i]);
    }
  });
  return t;
}
}  // namespace

json json_record(const std::string& line, const std::string& place) {
  const auto refuse = [&](const std::string& what) {
    return runtime::Error(runtime::Fault::DataFile, fmt::format("{}{}", place, what));
  };
  json record;
  try {
    record = json::parse(line);
  } catch (const json::parse_error& e) {
    throw refuse(fmt::format(", column {}: this is no JSON", std::max<size_t>(e.byte, 1)));
  } catch (const json::out_of_range&) {
    throw refuse(": a number in it is too large");
  }
  if (record.is_object()) return record;
  throw refuse(fmt::format(" is {}, not an object by input name", described(record)));
}

runtime::Tensor json_input(const json& record, const runtime::Slot& slot,
                           const std::string& place) {
  auto it = record.find(slot.name);
  if (it == record.end()) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : record.items()) keys.push_back(key);
    bad_field(slot.name, fmt::format("{} has no `{}`", place, slot.name),
              keys.empty() ? ""
                           : fmt::format("it has {}", runtime::printable(fmt::format(
                                                          "{}", fmt::join(keys, ", ")))));
  }
  std::vector<double> numbers;
  std::vector<int64_t> shape = runtime::sample_dims(slot);
  const std::string value = fmt::format("{}: input `{}`", place, slot.name);
  flatten(*it, shape, slot.name, value, numbers);
  shape.insert(shape.begin(), 1);
  return from_numbers(numbers, slot, shape, value);
}

std::string picture_cure(const std::vector<int64_t>& shape, const std::vector<int64_t>& wanted) {
  const bool colour = wanted.size() == 3 && wanted[2] == 3;
  if (wanted.size() != 2 && !colour) return "";
  const std::string kind = shape.size() == wanted.size() ? ""
                           : colour                      ? "a colour picture, "
                                                         : "greyscale, ";
  return fmt::format("make it {}{} x {} pixels", kind, wanted[1], wanted[0]);
}

std::string type_cure(const runtime::Tensor& given, runtime::ElementType wanted) {
  using runtime::ElementType;
  if (!runtime::is_floating(wanted)) {
    for (int64_t i = 0; i < given.count(); ++i) {
      const double v = given.number(i);
      if (v > 0 && v < 1)
        return "the input takes whole numbers; grey values from 0 to 1 become bytes by "
               "`(255 * x).round().astype(np.uint8)`";
    }
  }
  const char* name = wanted == ElementType::f32   ? "float32"
                     : wanted == ElementType::f64 ? "float64"
                     : wanted == ElementType::i32 ? "int32"
                     : wanted == ElementType::i64 ? "int64"
                     : wanted == ElementType::u8  ? "uint8"
                                                  : "bool_";
  return fmt::format("save `x.astype(np.{})`", name);
}

}  // namespace netc::tools
