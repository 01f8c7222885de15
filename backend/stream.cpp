// Streamed kernels. Each nest is emitted as if the batch were one block of rows; a driver calls
// them block by block with operands shifted to the block. Sums over the batch collect in an area of
// each chunk, and a last step adds the chunks in order.
#include "backend/stream.h"

#include <fmt/format.h>
#include <llvm/IR/Intrinsics.h>

#include <algorithm>

#include "backend/emitter.h"
#include "backend/loops.h"
#include "runtime/plan.h"

namespace netc::backend {

using ir::Dim;
using ir::Form;
using ir::ValueId;
using llvm::Value;

namespace {

constexpr int64_t kBlockBytes = 32 << 10;  ///< of the rows of a block: they stay in the first cache
constexpr int64_t kLeastRows = 8, kMostRows = 64, kMostChunks = 64;

int64_t rounded(int64_t bytes) { return ceil_div(bytes, 64) * 64; }

bool holds(const ir::Function& f, const Kernel& k, Form form) {
  return std::any_of(k.values.begin(), k.values.end(),
                     [&](ValueId v) { return ir::def(f[v].op).form == form; });
}

bool has_rows(const ir::Function& f, ValueId v) {
  const ir::Shape& shape = f[v].type.shape;
  return !shape.empty() && !shape[0].is_constant();
}

/// Bytes from one row of a stored value to the next.
int64_t row_bytes(const ir::Function& f, ValueId v) {
  const Dim stride = f[v].type.rank() == 1 ? Dim(1) : stored_strides(f, v)[0];
  return stride.constant() * ir::byte_size(f[v].type.dtype);
}

int64_t fixed_bytes(const ir::Function& f, ValueId v) {
  return ir::element_count(f[v].type.shape).evaluate({}).value_or(0) *
         ir::byte_size(f[v].type.dtype);
}

/// Few rows, so that all that the nests read and write of them stays in the cache; chunks enough to
/// be dealt out, but so few that adding their sums costs little.
RowBlocks choose_blocks(const ir::Function& f, const Kernel& k, int64_t capacity) {
  int64_t row = 0, sums = 0;
  for (ValueId v : k.bases)
    if (has_rows(f, v)) row += row_bytes(f, v);
  for (const Kernel& nest : k.nests) {
    if (!nest.sums_rows) continue;
    for (ValueId y : nest.yields) sums += fixed_bytes(f, y);
  }
  RowBlocks blocks;
  blocks.rows = std::clamp(kBlockBytes / std::max<int64_t>(row, 1) / kLeastRows * kLeastRows,
                           kLeastRows, kMostRows);
  const int64_t count = std::max<int64_t>(1, ceil_div(capacity, blocks.rows));
  const int64_t cheap = std::max<int64_t>(8, capacity * row / std::max<int64_t>(16 * sums, 1));
  blocks.chunk_rows = ceil_div(count, std::min({count, cheap, kMostChunks})) * blocks.rows;
  blocks.chunks = std::max<int64_t>(1, ceil_div(capacity, blocks.chunk_rows));
  return blocks;
}

class StreamKernel {
 public:
  StreamKernel(llvm::Module& module, CpuLevel level, int64_t capacity, const ir::Function& f,
               const Kernel& k, std::string name)
      : module_(module),
        level_(level),
        capacity_(capacity),
        f_(f),
        k_(k),
        name_(std::move(name)),
        e_(module, level, capacity) {}

  Emitted run() {
    for (const Kernel& nest : k_.nests) add(nest);
    Step step = driver_step();
    emit_driver();
    out_.steps.push_back(step);
    for (Nest& nest : nests_)
      for (Step& s : nest.code.steps)
        if (s.after_rows) out_.steps.push_back(after(nest, s));
    return std::move(out_);
  }

 private:
  /// Code of a nest, and for each number it uses the base or area it stands for.
  struct Nest {
    const Kernel* kernel;
    Emitted code;
    std::vector<int> table;
    llvm::AllocaInst* slots = nullptr;  ///< where the driver builds the table of a block
  };
  llvm::Module& module_;
  CpuLevel level_;
  int64_t capacity_;
  const ir::Function& f_;
  const Kernel& k_;
  std::string name_;
  Emitter e_;
  Emitted out_;
  std::vector<Nest> nests_;
  std::map<int, int64_t> chunk_bytes_;  ///< by area: from one chunk's part to the next

  void add(const Kernel& kernel) {
    Nest nest{&kernel, {}, {}};
    nest.code = emit_kernel(module_, level_, k_.blocks.rows, f_, kernel,
                            fmt::format("{}.{}", name_, nests_.size()));
    for (ValueId v : kernel.bases) nest.table.push_back(k_.base_index.at(v));
    for (size_t i = 0; i < nest.code.scratch_bytes.size(); ++i) {
      const int area = int(k_.bases.size() + out_.scratch_bytes.size());
      const auto sum = nest.code.sums.find(int(kernel.bases.size() + i));
      int64_t bytes = nest.code.scratch_bytes[i];
      chunk_bytes_[area] = sum == nest.code.sums.end() ? rounded(bytes) : sum->second;
      if (sum == nest.code.sums.end()) bytes = rounded(bytes) * k_.blocks.chunks;
      out_.scratch_bytes.push_back(bytes);
      nest.table.push_back(area);
    }
    out_.overrun = std::max(out_.overrun, nest.code.overrun);
    nests_.push_back(std::move(nest));
  }

  Step driver_step() const {
    Step step;
    step.function = name_;
    step.chunks = k_.blocks.chunks;
    for (size_t i = 0; i < k_.bases.size(); ++i) {
      const ValueId v = k_.bases[i];
      const bool sum = k_.contains(v) && !has_rows(f_, v);
      if (!sum) (k_.contains(v) ? step.writes : step.reads).push_back(int(i));
      if (!k_.passing.contains(v))
        step.bytes += has_rows(f_, v) ? double(capacity_) * double(row_bytes(f_, v))
                                      : double(fixed_bytes(f_, v));
    }
    for (const auto& [area, bytes] : chunk_bytes_) step.writes.push_back(area);
    for (const Nest& nest : nests_)
      for (const Step& s : nest.code.steps)
        if (!s.after_rows) step.flops += s.flops * double(capacity_) / double(k_.blocks.rows);
    return step;
  }

  static Step after(const Nest& nest, Step step) {
    step.table = nest.table;
    for (std::vector<int>* list : {&step.reads, &step.writes})
      for (int& number : *list) number = nest.table[size_t(number)];
    return step;
  }

  // The driver --------------------------------------------------------------------------------

  Value* user(size_t at) {
    Value* table =
        e_.b.CreateLoad(llvm::PointerType::get(module_.getContext(), 0),
                        e_.b.CreateConstGEP1_64(e_.b.getInt8Ty(), e_.function()->getArg(0),
                                                offsetof(runtime::Context, user)));
    return e_.b.CreateLoad(e_.b.getInt64Ty(),
                           e_.b.CreateConstGEP1_64(e_.b.getInt64Ty(), table, at));
  }

  void set(Nest& nest, size_t at, Value* offset) {
    e_.b.CreateStore(offset, e_.b.CreateConstGEP1_64(e_.b.getInt64Ty(), nest.slots, at));
  }

  void emit_driver() {
    auto& b = e_.b;
    e_.begin(name_);
    Value* first = b.CreateMul(e_.chunk(), e_.i64(k_.blocks.chunk_rows));
    Value* last = b.CreateBinaryIntrinsic(
        llvm::Intrinsic::smin, b.CreateAdd(first, e_.i64(k_.blocks.chunk_rows)), e_.batch());
    for (Nest& nest : nests_) start_table(nest);
    Value* context = start_context();
    e_.loop(first, last, k_.blocks.rows, [&](Value* row) {
      Value* rows = b.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b.CreateSub(last, row),
                                            e_.i64(k_.blocks.rows));
      b.CreateStore(rows, field(context, offsetof(runtime::Context, batch)));
      for (Nest& nest : nests_) run_block(nest, context, row);
    });
    e_.end();
  }

  Value* field(Value* context, size_t at) {
    return e_.b.CreateConstGEP1_64(e_.b.getInt8Ty(), context, at);
  }

  /// A context for blocks: a copy of the task's, with the whole batch behind it.
  Value* start_context() {
    auto& b = e_.b;
    Value* context = e_.slot(b.getInt8Ty(), int64_t(sizeof(runtime::Context) + sizeof(int64_t)));
    for (size_t at = 0; at < sizeof(runtime::Context); at += sizeof(int64_t))
      b.CreateStore(b.CreateLoad(b.getInt64Ty(), field(e_.function()->getArg(0), at)),
                    field(context, at));
    b.CreateStore(e_.batch(), field(context, sizeof(runtime::Context)));
    return context;
  }

  /// Places that do not move within the chunk; areas of sums start as 0.
  void start_table(Nest& nest) {
    auto& b = e_.b;
    nest.slots = e_.slot(b.getInt64Ty(), int64_t(std::max<size_t>(nest.table.size(), 2)));
    for (size_t i = 0; i < nest.table.size(); ++i) {
      const int number = nest.table[i];
      int64_t step = 0;  // from chunk to chunk
      if (size_t(number) >= k_.bases.size())
        step = chunk_bytes_.at(number);
      else if (ValueId v = k_.bases[size_t(number)]; k_.passing.contains(v))
        step = k_.blocks.rows * row_bytes(f_, v);
      Value* at = b.CreateAdd(user(size_t(number)), b.CreateMul(e_.chunk(), e_.i64(step)));
      set(nest, i, at);
      if (nest.code.sums.contains(int(i)))
        b.CreateMemSet(b.CreateGEP(b.getInt8Ty(), e_.arena(), at), b.getInt8(0), uint64_t(step),
                       llvm::MaybeAlign(8));
    }
  }

  void run_block(Nest& nest, Value* context, Value* row) {
    auto& b = e_.b;
    const auto& bases = nest.kernel->bases;
    for (size_t i = 0; i < bases.size(); ++i) {
      if (!has_rows(f_, bases[i]) || k_.passing.contains(bases[i])) continue;
      Value* shift = b.CreateMul(row, e_.i64(row_bytes(f_, bases[i])));
      set(nest, i, b.CreateAdd(user(size_t(nest.table[i])), shift));
    }
    b.CreateStore(nest.slots, field(context, offsetof(runtime::Context, user)));
    for (const Step& step : nest.code.steps) {
      if (step.after_rows) continue;
      llvm::Function* function = module_.getFunction(step.function);
      if (step.chunks == 1)
        b.CreateCall(function, {context, e_.i64(0)});
      else
        e_.loop(e_.i64(0), e_.i64(step.chunks), 1,
                [&](Value* chunk) { b.CreateCall(function, {context, chunk}); });
    }
  }
};

}  // namespace

ValueId viewed(const ir::Function& f, ValueId v) {
  while (!f[v].kernel && !f[v].storage && ir::def(f[v].op).form == Form::View) v = f[v].args[0];
  return v;
}

std::vector<ValueId> add_passing(ir::Function& f, const ir::OpenedKernel& opened) {
  std::vector<ValueId> passing;
  for (size_t i = 0; i < f.values.size(); ++i)
    for (ValueId a : f.values[i].args) {
      a = viewed(f, a);
      const auto& nests = opened.nests;
      const bool own = std::find(nests.begin(), nests.end(), f[a].kernel) != nests.end();
      if (!own || !f.values[i].kernel || f[a].kernel == f.values[i].kernel || f[a].storage)
        continue;
      f[a].storage.emplace();
      passing.push_back(a);
    }
  return passing;
}

Kernel streamed_kernel(const ir::Function& f, std::vector<Kernel> nests,
                       const std::set<ValueId>& passing, int64_t capacity) {
  Kernel k;
  k.name = nests[0].name.substr(0, nests[0].name.rfind('.'));
  for (Kernel& nest : nests) {
    nest.sums_rows = ir::row_role(f, nest.values) == ir::RowRole::Summed;
    k.values.insert(k.values.end(), nest.values.begin(), nest.values.end());
    k.yields.insert(k.yields.end(), nest.yields.begin(), nest.yields.end());
    k.key += nest.key + (nest.sums_rows ? "summed\n" : "rows\n");
    for (ValueId v : nest.bases) {
      const auto [at, added] = k.base_index.try_emplace(v, int(k.bases.size()));
      if (added) k.bases.push_back(v);
      if (passing.contains(v)) k.passing.insert(v);
      k.key += fmt::format("{}{} ", at->second, passing.contains(v) ? "p" : "");
    }
  }
  k.nests = std::move(nests);
  k.blocks = choose_blocks(f, k, capacity);
  for (Kernel& nest : k.nests) nest.blocks = k.blocks;
  return k;
}

bool has_contraction(const ir::Function& f, const Kernel& k) { return holds(f, k, Form::Contract); }

int64_t passing_bytes(const ir::Function& f, const RowBlocks& blocks, ValueId v) {
  return blocks.chunks * blocks.rows * row_bytes(f, v) + 64;
}

Emitted emit_kernel(llvm::Module& module, CpuLevel level, int64_t capacity,
                    const ir::Function& function, const Kernel& kernel, const std::string& name) {
  const auto emit = !kernel.nests.empty()                     ? emit_stream
                    : holds(function, kernel, Form::Contract) ? emit_contraction
                    : holds(function, kernel, Form::Scatter)  ? emit_scatter
                                                              : emit_loops;
  return emit(module, level, capacity, function, kernel, name);
}

Emitted emit_stream(llvm::Module& module, CpuLevel level, int64_t capacity,
                    const ir::Function& function, const Kernel& kernel, const std::string& name) {
  return StreamKernel(module, level, capacity, function, kernel, name).run();
}

}  // namespace netc::backend
