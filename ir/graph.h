// The intermediate representation. A Module is a list of functions; a function is a list of values
// in the order in which they run (SSA), and a value is one op with its operands, attributes and
// type. Plain data: passes take a module by value, rewrite it and return it.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ir/diagnostic.h"
#include "ir/ids.h"
#include "ir/op.h"
#include "ir/type.h"

namespace netc::ir {

/// A number written in the program: factor * numerator / denominator, computed in f64 and rounded
/// once to the type it meets. Integers have factor 1 and denominator 1 and are exact.
/// Normal form for floats: constant numerator and denominator are folded into the factor.
struct Scalar {
  double factor = 1;
  Dim numerator = 1;
  Dim denominator = 1;
  bool operator==(const Scalar& o) const;  // compares factors by bit pattern: NaN equals NaN
};

/// Kinds of `reduce`; the name printed and parsed is the kind's.
enum class ReduceKind : uint8_t { sum, prod, max, min, any, all, argmax, argmin };
const char* name(ReduceKind kind);

/// One attribute of a value. Which alternative stands where is said by OpDef::attributes.
using Attribute = std::variant<int64_t, bool, double, std::string, std::vector<int64_t>, Dim, Shape,
                               Scalar, ReduceKind, FunctionId>;

/// Where a value is kept, once planned: bytes from the start of the arena. Row-major, and when
/// `leading_stride` is set the stride (in elements) of the second to last dim's rows (`ld`). When
/// `panel` is set as well, the last dim is cut into panels of that many columns, `leading_stride`
/// elements apart, each row-major without gaps: element [r, c] stands
/// c / panel * ld + r * panel + c % panel behind the start (panel 1: column-major).
struct Storage {
  int64_t offset = 0;
  std::optional<int64_t> leading_stride;
  std::optional<int64_t> panel;
  bool operator==(const Storage&) const = default;
};

/// A place an op came from: the definition, then the call that brought it here.
struct Loc {
  Place place;
  LocId called_from;
  bool operator==(const Loc&) const = default;
};

/// One op applied to operands; one tensor results. A `call` with several results is followed
/// directly by one `result` value for each result after the first.
struct Value {
  Op op{};
  std::vector<ValueId> args;
  std::vector<Attribute> attrs;  ///< in the order of OpDef::attributes
  Type type;
  std::string name;         ///< from the source, or d_x; empty for temporaries
  std::vector<LocId> locs;  ///< source places, oldest first
  std::string vjp_of;       ///< name of the value whose derivative this belongs to
  std::string remark;       ///< what the compiler says of it: `not fused: also used at 12:3`
  KernelId kernel;          ///< the fused region it belongs to
  std::optional<Storage> storage;
};

enum class Role : uint8_t { Input, Param, State, Plain };

/// How a parameter starts: `kaiming_normal(gain = 2.0)`, `zeros()`, `load("w.npy")`; for a state
/// `const(v)`, printed as the bare number.
struct Initializer {
  std::string name;
  std::vector<std::pair<std::string, std::variant<double, std::string>>> args;
  bool operator==(const Initializer&) const = default;
};

/// A parameter of a function: its value (op Op::parameter, the first values of the function).
struct Parameter {
  ValueId value;
  Role role = Role::Plain;
  std::optional<Initializer> init;
};

struct Result {
  std::string name;
  ValueId value;  ///< absent: `None`, only in gradient functions
};

/// A fused region: a contiguous run of values with this kernel id.
struct Kernel {
  std::string name;
  std::string remark;
};

/// One function: a model's entry point (`mlp.step`), or a composite that is still called.
struct Function {
  std::string name;
  std::vector<Parameter> params;
  std::vector<Value> values;  ///< SSA order; the order is the schedule
  std::vector<Result> results;
  std::vector<Kernel> kernels;

  bool from_std = false;    ///< carried by the compiler: called in dumps, never printed
  bool entry = false;       ///< an entry point of a model; else a callee (instantiated per call)
  std::string source_name;  ///< callees: the name that calls print (`softmax`)

  /// Callees with a `grad` block. The gradient function takes the values `grad_captures` of this
  /// function, then one cotangent per result, and returns one gradient per float parameter that is
  /// not a setting, in order (an absent value is `None`).
  FunctionId grad;
  std::vector<ValueId> grad_captures;

  Value& operator[](ValueId v) { return values[v.index]; }
  const Value& operator[](ValueId v) const { return values[v.index]; }
};

/// How far a module has come; printed as the first line of a dump.
enum class Stage : uint8_t { Forward, Backward, Optimised, Fused, Plan };
const char* name(Stage stage);

/// All functions of a program, with the places their values came from.
struct Module {
  Stage stage = Stage::Forward;
  DType default_float = DType::f32;
  std::vector<Function> functions;
  std::vector<std::string> files;  ///< names for Place::file; 0 is the main file
  std::vector<Loc> locs;
  std::vector<std::string> items;  ///< `data` and `train` items as formatted source, kept in dumps

  Function& operator[](FunctionId f) { return functions[f.index]; }
  const Function& operator[](FunctionId f) const { return functions[f.index]; }
  /// The function called `name`, or an absent id.
  FunctionId find(std::string_view name) const;
  /// The id of `loc`, added when new.
  LocId add(Loc loc);
  /// The models of this module in order: the part of each entry point's name before the last dot.
  std::vector<std::string> models() const;
};

/// The names under which values print: their own, else `_0`, `_1`, …; unique in the function.
/// Constants that print as a literal in each of their uses get none.
std::vector<std::string> display_names(const Function& function);
/// The same for a gradient function: its `first` values have these names, names in `reserved` are
/// taken, temporaries count from `next_number`.
std::vector<std::string> display_names(const Function& function,
                                       const std::vector<std::string>& first,
                                       const std::set<std::string>& reserved, size_t next_number);
/// For each value: is it a constant that is written in place wherever it is used?
std::vector<bool> inlined_constants(const Function& function);

}  // namespace netc::ir
