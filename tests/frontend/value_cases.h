// Expressions with the values that PyTorch 2.13 or NumPy give in f64, and the inputs they read:
// what expressions mean, for the interpreter and for compiled code.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "ir/array.h"

namespace netc::frontend {

struct ValueCase {
  const char* expression;
  std::vector<int64_t> shape;
  std::vector<double> values;
};

inline void PrintTo(const ValueCase& c, std::ostream* os) { *os << c.expression; }

inline const std::vector<ValueCase>& value_cases() {
  static const std::vector<ValueCase> cases = {
#include "tests/frontend/elaborate_values.inc"
  };
  return cases;
}

/// The floats among the inputs; declared as inputs, or as parameters to be differentiated.
inline std::string value_case_floats(const std::string& role, const std::string& start) {
  std::string out;
  for (const char* declared :
       {"x: [2, 3]", "y: [2, 3]", "v: [3]", "w: [3, 2]", "c: [2, 3, 4]", "s: float", "z: [0, 3]"})
    out += "  " + role + " " + declared + start + "\n";
  return out;
}

inline std::string value_case_integers() {
  return "  input i: i64[2]\n  input j: i64[2]\n  input k: i64[2, 3]\n  input u: u8[3]\n"
         "  input t: i32[3]\n  input b: bool[2, 3]\n";
}

/// `floats` are f64; convert for programs in f32.
inline const std::map<std::string, ir::Array>& value_case_inputs() {
  static const std::map<std::string, ir::Array> arrays = [] {
    const auto floats = [](std::vector<int64_t> shape, std::vector<double> values) {
      ir::Array a = ir::Array::zeros(ir::DType::f64, std::move(shape));
      a.floats = std::move(values);
      return a;
    };
    const auto integers = [](ir::DType dtype, std::vector<int64_t> shape,
                             std::vector<int64_t> values) {
      ir::Array a = ir::Array::zeros(dtype, std::move(shape));
      a.ints = std::move(values);
      return a;
    };
    std::vector<double> tenths;
    for (int k = 0; k < 24; ++k) tenths.push_back(k / 10.0);
    return std::map<std::string, ir::Array>{
        {"x", floats({2, 3}, {1, 2, 3, 4, 5, 6})},
        {"y", floats({2, 3}, {0.5, -1, 2, -0.25, 3, -4})},
        {"v", floats({3}, {1, -2, 0.5})},
        {"w", floats({3, 2}, {1, 2, 0, -1, 3, 0.5})},
        {"c", floats({2, 3, 4}, tenths)},
        {"s", floats({}, {2.5})},
        {"z", floats({0, 3}, {})},
        {"i", integers(ir::DType::i64, {2}, {2, 0})},
        {"j", integers(ir::DType::i64, {2}, {-1, 1})},
        {"k", integers(ir::DType::i64, {2, 3}, {7, -7, 5, 0, 3, -2})},
        {"u", integers(ir::DType::u8, {3}, {0, 200, 255})},
        {"t", integers(ir::DType::i32, {3}, {7, -7, 2147483647})},
        {"b", integers(ir::DType::boolean, {2, 3}, {1, 0, 1, 0, 0, 1})}};
  }();
  return arrays;
}

}  // namespace netc::frontend
