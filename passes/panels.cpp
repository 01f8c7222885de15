// The pass `panels`: parameters, and the states that go with them, lie in memory as contractions
// read them. A wide matrix that is read along its last dim is cut into panels of a tile's width:
// what a tile reads, and what its update writes, is one piece of memory, and no piece belongs to
// two threads. A narrow one (784 x 10) lies column by column, so that vectors run along its long
// dim. Only places change; the program does not see it, nor do files.
#include <algorithm>
#include <set>

#include "ir/access.h"
#include "ir/shape_rules.h"
#include "passes/passes.h"
#include "passes/plan.h"

namespace netc::passes {

using ir::Function;
using ir::FunctionId;
using ir::Module;
using ir::Role;
using ir::Storage;
using ir::Type;
using ir::Value;
using ir::ValueId;

namespace {

constexpr int64_t kVectorsOfPanel =
    3;                            ///< 8 rows x 3 vectors are a good tile where 32 registers are
constexpr int64_t kLongRows = 4;  ///< a narrow matrix has so many times more rows than columns

class Panels {
 public:
  Panels(Module& module, std::vector<FunctionId> entries, PassContext& context)
      : module_(module), entries_(std::move(entries)), context_(context) {}

  void run() {
    for (FunctionId f : entries_) wish(module_[f]);
    add_states();
    for (FunctionId f : entries_) place(module_[f]);
    for (FunctionId f : entries_) find_unfit(module_[f]);
    for (FunctionId f : entries_) withdraw(module_[f]);
  }

 private:
  Module& module_;
  std::vector<FunctionId> entries_;
  PassContext& context_;
  std::map<std::string, Storage> wishes_;     ///< by the parameter's or state's name
  std::map<std::string, std::string> owner_;  ///< state -> its parameter
  std::set<std::string> unfit_;               ///< parameters with a view that panels cut

  static bool is_kept(const Function& f, ValueId v) {
    if (v.index >= f.params.size()) return false;
    const Role role = f.params[v.index].role;
    return role == Role::Param || role == Role::State;
  }

  void wish(const Function& f) {
    const KernelUses uses = kernel_uses(f);
    for (const Value& value : f.values) {
      if (ir::def(value.op).form != ir::Form::Contract) continue;
      const auto labels = ir::einsum_labels(std::get<std::string>(value.attrs[0]));
      for (size_t a : {size_t(0), size_t(1)}) {
        const ValueId operand = value.args[a], root = uses.root[operand.index];
        if (!is_kept(f, root) ||
            !reads_columns(f, operand, a == 0 ? labels.lhs : labels.rhs, labels))
          continue;
        if (const auto storage = layout(f[root].type)) wishes_.try_emplace(f[root].name, *storage);
      }
    }
  }

  /// Whether the result has the dim along which the parameter is contiguous.
  static bool reads_columns(const Function& f, ValueId operand, const std::string& own,
                            const ir::EinsumLabels& labels) {
    const auto access = ir::affine_access(f, operand);
    if (!access) return false;
    for (size_t d = 0; d < own.size(); ++d)
      if (access->strides[d] == ir::Dim(1) && labels.result.find(own[d]) != std::string::npos)
        return true;
    return false;
  }

  std::optional<Storage> layout(const Type& type) const {
    if (type.rank() != 2 || !ir::is_float(type.dtype)) return {};
    if (!type.shape[0].is_constant() || !type.shape[1].is_constant()) return {};
    const int64_t rows = type.shape[0].constant(), columns = type.shape[1].constant();
    const int64_t lanes = context_.target.vector_bytes / 4, width = kVectorsOfPanel * lanes;
    if (columns > width) return Storage{0, rows * width, width};
    const int64_t vectors = (columns + lanes - 1) / lanes;
    const bool narrow = vectors == 1 || (vectors == 2 && 4 * columns < 3 * vectors * lanes);
    if (columns < 2 || !narrow || rows < kLongRows * columns) return {};
    return Storage{0, padded_row(rows, type.dtype).value_or(rows), 1};
  }

  /// A state kept for each element of a parameter lies as the parameter does.
  void add_states() {
    for (FunctionId id : entries_) {
      const Function& f = module_[id];
      for (const ir::Parameter& state : f.params) {
        if (state.role != Role::State) continue;
        const std::string& name = f[state.value].name;
        const std::string of = name.substr(0, name.rfind('.'));
        const auto wish = wishes_.find(of);
        if (wish == wishes_.end() || owner_.contains(name)) continue;
        for (const ir::Parameter& p : f.params)
          if (f[p.value].name == of && f[p.value].type == f[state.value].type) owner_[name] = of;
      }
    }
    for (const auto& [state, of] : owner_) wishes_.insert_or_assign(state, wishes_.at(of));
  }

  void place(Function& f) {
    for (const ir::Parameter& p : f.params) {
      const auto wish = wishes_.find(f[p.value].name);
      if (wish != wishes_.end() && is_kept(f, p.value)) f[p.value].storage = wish->second;
    }
  }

  const std::string& owner(const std::string& name) const {
    const auto found = owner_.find(name);
    return found == owner_.end() ? name : found->second;
  }

  void find_unfit(const Function& f) {
    const auto root = kernel_uses(f).root;
    for (size_t i = f.params.size(); i < f.values.size(); ++i)
      if (!stays_affine(f, ValueId(i))) unfit_.insert(owner(f[root[i]].name));
  }

  void withdraw(Function& f) {
    for (const ir::Parameter& p : f.params) {
      Value& value = f[p.value];
      if (value.storage && unfit_.contains(owner(value.name))) value.storage.reset();
    }
  }
};

}  // namespace

Module choose_panels(Module module, PassContext& context) {
  for (const std::string& model : module.models())
    Panels(module, entries_of(module, model), context).run();
  return module;
}

}  // namespace netc::passes
