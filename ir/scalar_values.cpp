// Expansion of scalar.def with numbers: values in double and in wrapping integers, and partials as
// numbers. Together with scalar_ops.cpp this is all that knows the columns of the table.
#include "ir/scalar_values.h"

#include <cmath>
#include <cstdint>

namespace netc::ir {
namespace {

/// A 64-bit integer whose arithmetic wraps.
struct Int {
  int64_t v;
  Int(int64_t value) : v(value) {}  // NOLINT: rows mix it with literals
  friend Int operator-(Int a) { return int64_t(0 - uint64_t(a.v)); }
  friend Int operator+(Int a, Int b) { return int64_t(uint64_t(a.v) + uint64_t(b.v)); }
  friend Int operator-(Int a, Int b) { return int64_t(uint64_t(a.v) - uint64_t(b.v)); }
  friend Int operator*(Int a, Int b) { return int64_t(uint64_t(a.v) * uint64_t(b.v)); }
  friend auto operator<=>(Int, Int) = default;
};

// The primitives that a row's value or partials name, beside those of <cmath>.
using std::abs, std::ceil, std::cos, std::erf, std::exp, std::expm1, std::floor, std::log,
    std::log1p, std::pow, std::sin, std::sqrt, std::tanh;

Int abs(Int a) { return a < 0 ? -a : a; }
double round(double a) { return std::nearbyint(a); }
double sign(double a) { return a > 0 ? 1 : a < 0 ? -1 : a == 0 ? 0 : a; }
Int sign(Int a) { return a > 0 ? 1 : a < 0 ? -1 : 0; }
double maximum(double a, double b) { return a >= b || a != a ? a : b; }
double minimum(double a, double b) { return a <= b || a != a ? a : b; }
Int maximum(Int a, Int b) { return a >= b ? a : b; }
Int minimum(Int a, Int b) { return a <= b ? a : b; }

/// Division towards minus infinity; by zero gives 0, the most negative number by -1 wraps.
Int floor_div(Int a, Int b) {
  if (b == 0) return 0;
  if (b == -1) return -a;
  int64_t q = a.v / b.v;
  return a.v % b.v != 0 && (a.v < 0) != (b.v < 0) ? q - 1 : q;
}

Int floor_mod(Int a, Int b) {
  if (b == 0 || b == -1) return 0;
  int64_t r = a.v % b.v;
  return r != 0 && (r < 0) != (b.v < 0) ? r + b.v : r;
}

// Integer-only rows have no value in double; the table still needs one to compile.
double floor_div(double a, double b) { return floor_div(Int(int64_t(a)), Int(int64_t(b))).v; }
double floor_mod(double a, double b) { return floor_mod(Int(int64_t(a)), Int(int64_t(b))).v; }

// What partials may use in addition.
constexpr double none = 0;
double zero(double) { return 0; }
double where(double c, double a, double b) { return c != 0 ? a : b; }
double convert(double g, double) { return g; }

#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-parameter"
#endif

struct Rows {
#define SCALAR(name, arity, cls, value, partials, lo, hi, ulp) \
  static double name##_value(double a, double b, double c) { return double(value); }
#include "ir/scalar.def"

#define SCALAR_INT_Float(name, value)
#define SCALAR_INT_Any(name, value) SCALAR_INT(name, value)
#define SCALAR_INT_Number(name, value) SCALAR_INT(name, value)
#define SCALAR_INT_Integer(name, value) SCALAR_INT(name, value)
#define SCALAR_INT_Compare(name, value) SCALAR_INT(name, value)
#define SCALAR_INT_Logic(name, value) SCALAR_INT(name, value)
#define SCALAR_INT_Select(name, value) SCALAR_INT(name, value)
#define SCALAR_INT_Cast(name, value) SCALAR_INT(name, value)
#define SCALAR_INT(name, value)                                   \
  static int64_t name##_int(int64_t a_, int64_t b_, int64_t c_) { \
    const Int a(a_), b(b_), c(c_);                                \
    return Int(value).v;                                          \
  }
#define SCALAR(name, arity, cls, value, ...) SCALAR_INT_##cls(name, value)
#include "ir/scalar.def"
#undef SCALAR_INT

#define PARTIALS_1(p) \
  if (i == 0) return p;
#define PARTIALS_2(p, q) PARTIALS_1(p) if (i == 1) return q;
#define PARTIALS_3(p, q, r) PARTIALS_2(p, q) if (i == 2) return r;
#define SCALAR(name, arity, cls, value, partials, ...)                                    \
  static double name##_partial(int i, double a, double b, double c, double y, double g) { \
    PARTIALS_##arity partials return 0;                                                   \
  }
#include "ir/scalar.def"
};

#define NO_INT_Float(name) nullptr
#define NO_INT_Any(name) &Rows::name##_int
#define NO_INT_Number(name) &Rows::name##_int
#define NO_INT_Integer(name) &Rows::name##_int
#define NO_INT_Compare(name) &Rows::name##_int
#define NO_INT_Logic(name) &Rows::name##_int
#define NO_INT_Select(name) &Rows::name##_int
#define NO_INT_Cast(name) &Rows::name##_int

const ScalarInfo kRows[] = {
#define SCALAR(name, arity, cls, value, partials, lo, hi, ulp) \
  {arity,                                                      \
   ScalarInfo::Class::cls,                                     \
   lo,                                                         \
   hi,                                                         \
   ulp,                                                        \
   &Rows::name##_value,                                        \
   NO_INT_##cls(name),                                         \
   &Rows::name##_partial,                                      \
   #partials},
#include "ir/scalar.def"
};

const char* const kValueTexts[] = {
#define SCALAR(name, arity, cls, value, ...) #value,
#include "ir/scalar.def"
};

}  // namespace

std::span<const ScalarInfo> scalar_rows() { return kRows; }
std::span<const char* const> scalar_value_texts() { return kValueTexts; }

}  // namespace netc::ir
