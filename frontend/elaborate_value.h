// What an expression can be while a program is elaborated: tensors of the function being built, and
// everything that exists only at compile time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "frontend/ast.h"
#include "ir/graph.h"

namespace netc::frontend {

struct Val;
struct Builtin;

/// Follows a failure that was reported already.
struct ErrorVal {};
/// A number known at compile time (sizes included): weak, so it takes the dtype of what it meets.
struct NumberVal {
  ir::Scalar scalar;
  bool is_int = false;
};
/// A value of the function being built. `weak`: a number of the run (`lr`, `step`) that takes the
/// dtype of what it meets, computed in f64.
struct TensorVal {
  ir::ValueId id;
  bool weak = false;
};
/// A compile-time truth value; not `known` when it hangs on an open size.
struct BoolVal {
  bool value = false;
  bool known = true;
};
struct StringVal {
  std::string text;
};
struct NoneVal {};
/// `_` as a layer argument.
struct HoleVal {};
struct DTypeVal {
  ir::DType dtype;
};
/// A declared fn, layer, optimizer or model.
struct ItemVal {
  size_t unit;
  const Item* item;
};
struct BuiltinVal {
  const Builtin* builtin;
};
struct LayerInstance;
struct InstanceVal {
  std::shared_ptr<LayerInstance> instance;
};
/// The name that `use … as a` gives a file.
struct AliasVal {
  size_t unit;
};
struct ListVal {
  std::vector<Val> items;
  size_t total = 0;  ///< items of inner lists counted, where it was written
};
/// Several results of a call.
struct TupleVal {
  std::vector<Val> items;
};
/// A parameter or state that the body declares. In std its name may be that of a setting of its
/// layer
/// (`bias`), which the initialiser still sees.
struct OwnedVal {
  const VarDecl* declaration;
  std::shared_ptr<Val> setting;
};

struct Val {
  std::variant<ErrorVal, NumberVal, TensorVal, BoolVal, StringVal, NoneVal, HoleVal, DTypeVal,
               ItemVal, BuiltinVal, InstanceVal, AliasVal, ListVal, TupleVal, OwnedVal>
      v;
  template <class T>
  const T* as() const {
    return std::get_if<T>(&v);
  }
  template <class T>
  bool is() const {
    return std::holds_alternative<T>(v);
  }
};

/// A layer with its settings: owns the parameters below `path`.
struct LayerInstance {
  size_t unit = 0;
  const Item* item = nullptr;
  std::string path;           ///< `mlp.fc1`
  std::string shown;          ///< for messages: `fc1`, or the class name when anonymous
  std::vector<Val> settings;  ///< in the order of the layer's first list
  std::vector<const Expr*> setting_exprs;  ///< as written; null where the default is used
  Span place;                              ///< of the construction
};

/// What a name stands for, and where it was declared.
struct Binding {
  Val value;
  Span declared;
};

/// Names of one body. Sizes are bindings to numbers.
struct Scope {
  size_t unit = 0;  ///< whose items are visible
  const Scope* parent = nullptr;
  std::map<std::string, Binding> names;
  std::map<std::string, ir::Shape> runs;  ///< `...s`
};

/// Thrown after an error was reported; caught where elaboration can go on.
struct Failed {};
/// Thrown when a check of a declaration alone cannot decide something that a call will.
struct Undecided {};

}  // namespace netc::frontend
