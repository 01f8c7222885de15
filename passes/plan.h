// What planner and checker share: who reads and writes what, kernel by kernel.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace netc::passes {

/// The kernels of a function in the order in which they run. Readers and writers are positions in
/// `kernels`, not kernel ids.
struct KernelUses {
  struct Kernel {
    std::vector<ir::ValueId> values;  ///< computed in it
    std::vector<ir::ValueId> reads;   ///< stored values of others that it reads, once each
  };
  std::vector<Kernel> kernels;
  std::vector<int64_t> kernel_of;             ///< by value; -1: in none
  std::vector<ir::ValueId> root;              ///< by value: what free views in front of it look at
  std::vector<std::vector<int64_t>> readers;  ///< by value: kernels that read it from outside
};
KernelUses kernel_uses(const ir::Function& function);

/// Whether `now` may be written over `old` while its kernel runs: `old` is read there only by
/// elementwise ops of the shape of `now`, directly, and no reduction or contraction of the kernel
/// needs what they compute.
bool reads_in_step(const ir::Function& function, const KernelUses& uses, ir::ValueId now,
                   ir::ValueId old);

/// Bytes of a value's elements, for named sizes of `batch`; nothing on overflow.
std::optional<int64_t> element_bytes(const ir::Value& value, int64_t batch);
/// Bytes of a value with its leading stride, for named sizes of `batch`; nothing on overflow.
std::optional<int64_t> stored_bytes(const ir::Value& value, int64_t batch);

/// The row stride in elements of rows of `length`, nothing when it is the length: long rows begin
/// where lines of the cache do, an odd number of lines apart, so that what stands in one column
/// falls into all sets of the cache.
std::optional<int64_t> padded_row(int64_t length, ir::DType dtype);

/// Whether `v`, when it is a free view, can be read where the value it looks at lies.
bool stays_affine(const ir::Function& function, ir::ValueId v);

/// The entry points of a model, `M.train` first; one may stand there twice.
std::vector<ir::FunctionId> entries_of(const ir::Module& module, const std::string& model);

/// Adds kernels with names of their own to one function.
class NewKernels {
 public:
  explicit NewKernels(const ir::Function& function);
  ir::KernelId add(ir::Function& function);

 private:
  std::set<std::string> names_;
  size_t number_;  ///< names up to `k<number_>` are taken
};
/// Gives each op that is in no kernel but must be run a kernel of its own.
void isolate_loose_values(ir::Module& module, ir::FunctionId function);

}  // namespace netc::passes
