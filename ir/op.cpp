// Collects the definitions of all ops: the rows of scalar.def, then one file each for ops.def.
#include "ir/op.h"

#include "ir/graph.h"
#include "ir/ops/definitions.h"
#include "ir/scalar_ops.h"

namespace netc::ir {
namespace {

const char* const kNames[] = {
#define SCALAR(name, ...) #name,
#include "ir/scalar.def"
#define STRUCTURAL(name) #name,
#include "ir/ops.def"
};

std::vector<OpDef> all_definitions() {
  std::vector<OpDef> list = scalar_definitions();
#define STRUCTURAL(name) list.push_back(ops::name##_definition());
#include "ir/ops.def"
  return list;
}

}  // namespace

const OpDef& def(Op op) {
  static const std::vector<OpDef> definitions = all_definitions();
  return definitions[size_t(op)];
}

std::optional<Op> find_op(std::string_view name) {
  for (int i = 0; i < kOpCount; ++i)
    if (name == kNames[i]) return Op(i);
  return {};
}

const char* op_name(Op op) { return kNames[size_t(op)]; }

bool vjp_only_moves(const Value& value) {
  if (value.op == Op::reduce) return std::get<ReduceKind>(value.attrs[0]) == ReduceKind::sum;
  return def(value.op).vjp_is_view;
}

}  // namespace netc::ir
