// The closed set of ops and the table that describes each. Scalar primitives are rows of
// scalar.def; structural ops are one file each in ops/. All that is known of an op is in its OpDef.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "ir/ids.h"
#include "ir/type.h"

namespace netc::ir {

struct Value;
struct Function;
struct Module;
class Builder;
struct Array;

enum class Op : uint8_t {
#define SCALAR(name, ...) name,
#include "ir/scalar.def"
#define STRUCTURAL(name) name,
#include "ir/ops.def"
};

inline constexpr int kOpCount = 0
#define SCALAR(name, ...) +1
#include "ir/scalar.def"
#define STRUCTURAL(name) +1
#include "ir/ops.def"
    ;

/// What fusion and code generation switch on; never on the op itself.
///   Leaf      no tensor operands: parameter, constant, iota, random
///   Map       elementwise: every operand has the result's shape
///   Reduce    folds some dims of its one operand
///   Contract  einsum
///   View      result element = one operand element at an affine index (pad and concat: or a
///             constant / one of several operands; fold_windows: the sum of a few)
///   Gather    result element = operand element at a computed index
///   Scatter   adds operand elements at computed indices
///   Call      a function of the module, and the further results of a call
enum class Form : uint8_t { Leaf, Map, Reduce, Contract, View, Gather, Scatter, Call };

/// Kinds of attributes, for the derived printer, parser and verifier.
enum class AttrKind : uint8_t {
  Int,
  Bool,
  Double,
  String,
  Ints,
  Dim,
  Sizes,
  Scalar,
  ReduceKind,
  Function
};

/// How an attribute stands among the arguments in the text form.
enum class AttrStyle : uint8_t {
  Keyword,     ///< `dim = 1`; a false Bool is left out
  Positional,  ///< after the operands: `iota(n)`, `broadcast(x, [n, 4])`
  Spread       ///< one argument an entry: `permute(x, 1, 0)`
};

struct AttrDef {
  const char* name;  ///< keyword in the text form
  AttrKind kind;
  AttrStyle style = AttrStyle::Keyword;
};

/// What an op's shape rule or a builder call found wrong; elaboration adds the places.
class OpError : public std::runtime_error {
 public:
  OpError(std::string error_code, const std::string& message)
      : std::runtime_error(message), code(std::move(error_code)) {}
  std::string code;                                 ///< E0301 …
  std::vector<std::pair<int, std::string>> labels;  ///< operand number, text for its place
  std::vector<std::string> notes, helps;
};

/// Result type from operand types and attributes; throws OpError.
using InferRule = Type (*)(const Module&, const Value& value, std::span<const Type> args);

/// What a vjp rule works with: emits with `b`, leaves the cotangent of operand i in `out[i]`
/// (absent: no gradient flows there). Only operands with `needs[i]` have to be filled.
struct VjpContext {
  Builder& b;
  const Value& value;  ///< the op, copied: emitting may move the function's values
  ValueId self;        ///< its result
  ValueId g;           ///< cotangent of the result, same type
  std::vector<bool> needs;
  std::vector<ValueId> out;
};
using VjpRule = void (*)(VjpContext&);

/// Reference semantics: operands as arrays -> result. `value.type` has constant sizes here.
using ReferenceRule = void (*)(const Value& value, std::span<const Array* const> args, Array& out);

/// Domain and permitted error of a scalar primitive, for the derived tests.
struct ScalarInfo {
  int arity;
  enum class Class : uint8_t {
    Float,    ///< floats only, result of the same type
    Number,   ///< floats and integers, result of the same type
    Integer,  ///< integers only
    Compare,  ///< numbers or bool -> bool
    Logic,    ///< bool -> bool
    Select,   ///< where: bool, T, T -> T
    Any,      ///< anything, bool too, result of the same type
    Cast      ///< any -> the value's own dtype
  } cls;
  double lo, hi;  ///< sampling domain of each operand
  double ulp;     ///< permitted f32 error of compiled code
  /// The value in double (f32 results are this, rounded) and in integers.
  double (*eval)(double a, double b, double c);
  /// Before wrapping to the type; nullptr: floats only.
  int64_t (*eval_int)(int64_t a, int64_t b, int64_t c);
  /// Linear map of the cotangent (or tangent) `g` for operand i, as numbers: a,b,c operands, y
  /// result.
  double (*partial)(int i, double a, double b, double c, double y, double g);
  const char* partials_text;
};

/// The one home of all that is known about an op.
struct OpDef {
  const char* name;  ///< in the text form; for infix operators the operator
  Form form;
  const char* doc;  ///< one sentence
  std::vector<AttrDef> attributes;
  InferRule infer;
  VjpRule vjp;  ///< nullptr: no gradient
  ReferenceRule reference;
  const ScalarInfo* scalar = nullptr;  ///< Map ops only
  bool vjp_is_view = false;  ///< the vjp only moves elements (or repeats them), so that it may be
                             ///< applied to a bool mask as well as to a cotangent
};

/// True when the vjp of this very value only moves or repeats elements: OpDef::vjp_is_view, and the
/// sum among reductions.
bool vjp_only_moves(const Value& value);

/// The definition of `op`.
const OpDef& def(Op op);
/// The op called `name` in the enum (`add`, not `+`).
std::optional<Op> find_op(std::string_view name);
/// The enumerator's own name (`add`).
const char* op_name(Op op);

}  // namespace netc::ir
