// The pass `remarks`: reads the reasons off the finished kernels by the contract that all of them
// keep (a contraction reads memory; a loop shares its rows; a sum is complete at the end).
#include "passes/remarks.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/op.h"
#include "passes/plan.h"
#include "passes/rewrite.h"

namespace netc::passes {

using ir::Form;
using ir::Function;
using ir::Module;
using ir::Value;
using ir::ValueId;

namespace {

class Remarks {
 public:
  Remarks(Module& module, ir::FunctionId f) : module_(module), f_(module[f]) {
    uses_ = kernel_uses(f_);
    is_result_.assign(f_.values.size(), false);
    for (const ir::Result& r : f_.results)
      if (r.value) is_result_[uses_.root[r.value.index].index] = true;
  }

  void run() {
    for (const KernelUses::Kernel& kernel : uses_.kernels) {
      std::string& remark = f_.kernels[f_[kernel.values[0]].kernel.index].remark;
      if (remark.empty()) remark = together(kernel);
      for (ValueId v : kernel.values)
        if (f_[v].remark.empty()) f_[v].remark = stored(v);
    }
  }

 private:
  Module& module_;
  Function& f_;
  KernelUses uses_;
  std::vector<bool> is_result_;

  static Form form(const Value& value) { return ir::def(value.op).form; }

  size_t count(const KernelUses::Kernel& kernel, Form wanted) const {
    return size_t(std::count_if(kernel.values.begin(), kernel.values.end(),
                                [&](ValueId v) { return form(f_[v]) == wanted; }));
  }

  static std::string counted(size_t n, const char* what) {
    return fmt::format("{} {}{}", n, what, n == 1 ? "" : "s");
  }

  /// Why the ops of a kernel run together.
  std::string together(const KernelUses::Kernel& kernel) const {
    const size_t maps = count(kernel, Form::Map), sums = count(kernel, Form::Reduce);
    if (count(kernel, Form::Contract) > 0)
      return maps == 0 ? "einsum alone"
                       : fmt::format("einsum, then {} on its tiles", counted(maps, "op"));
    if (count(kernel, Form::Scatter) > 0) return "scatter with what feeds it";
    if (sums > 0 && maps > 0)
      return fmt::format("one loop: {} and {} over the same rows", counted(sums, "reduction"),
                         counted(maps, "op"));
    if (maps > 1) return fmt::format("one loop: {} over the same elements", counted(maps, "op"));
    return "";
  }

  /// Why a value lies in memory; empty when it does not.
  std::string stored(ValueId v) const {
    const auto& readers = uses_.readers[v.index];
    if (readers.empty()) return is_result_[v.index] ? "stored: a result" : "";
    for (ValueId u : uses_.kernels[size_t(readers[0])].values)
      for (ValueId a : f_[u].args)
        if (uses_.root[a.index] == v) return "stored: " + reason(v, u) + place(u);
    return "";
  }

  std::string reason(ValueId v, ValueId reader) const {
    const Form made = form(f_[v]), read = form(f_[reader]);
    if (read == Form::Contract) return "an einsum reads it many times";
    if (made == Form::Reduce) return "used when the reduction is complete";
    if (made == Form::Scatter) return "used when the scatter is complete";
    if (read == Form::Gather || read == Form::Scatter) return "read in another order";
    const Form head = form(f_[uses_.kernels[size_t(uses_.kernel_of[v.index])].values[0]]);
    if (head == Form::Contract)
      return read == Form::Reduce ? "a reduction needs more than a tile of it"
                                  : "read by a loop over other elements";
    return "read by a loop over other rows";
  }

  /// Where the reader stands in the program.
  std::string place(ValueId reader) const {
    const ir::Place p = user_place(module_, f_[reader].locs);
    return p.line == 0 ? "" : fmt::format(", at {}:{}", p.line, p.column);
  }
};

}  // namespace

Module explain_fusion(Module module, PassContext&) {
  for (size_t i = 0; i < module.functions.size(); ++i)
    if (module.functions[i].entry) Remarks(module, ir::FunctionId(i)).run();
  return module;
}

}  // namespace netc::passes
