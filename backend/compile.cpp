// A planned function -> a runtime plan: emits each distinct kernel once, compiles on several
// threads, lays scratch areas behind the arena and orders the steps in phases.
#include "backend/compile.h"

#include <fmt/format.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <chrono>
#include <cstring>
#include <exception>
#include <map>
#include <stdexcept>
#include <thread>

#include "backend/artifact.h"
#include "backend/jit.h"
#include "backend/kernel.h"
#include "backend/loops.h"
#include "backend/object_cache.h"
#include "backend/schedule.h"
#include "backend/slots.h"
#include "backend/stream.h"
#include "ir/reference.h"

namespace netc::backend {
namespace {

using ir::ValueId;

constexpr int64_t kSlack = 4096;  ///< vector loads read past the end of what they want
int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// The function to compile, its kernels, and the code of each distinct one.
struct Unit {
  ir::Function function;
  int64_t arena_bytes = 0;
  std::vector<ir::OpenedKernel> streams;
  std::set<ValueId> passing;  ///< values of streams that exist for a block of rows
  std::vector<Kernel> kernels;
  std::vector<int> code;      ///< per kernel: index of its distinct code
  std::vector<int> distinct;  ///< kernel that stands for each
  Artifact artifact;
  /// Results that were moved when their kernels were undone, and the places that the plan gave
  /// them.
  std::map<ValueId, int64_t> copies;
};

int64_t planned_bytes(const ir::Function& f, int64_t batch) {
  int64_t end = 0;
  for (size_t i = 0; i < f.values.size(); ++i)
    if (f.values[i].storage)
      end = std::max(end, f.values[i].storage->offset + stored_bytes(f, ValueId(i), batch));
  return end;
}

/// Puts the nests of each stream back together.
std::vector<Kernel> joined(const Unit& unit, std::vector<Kernel> kernels, int64_t batch) {
  std::map<ir::KernelId, const ir::OpenedKernel*> stream_of;
  for (const ir::OpenedKernel& stream : unit.streams)
    for (ir::KernelId nest : stream.nests) stream_of[nest] = &stream;
  std::vector<Kernel> out, nests;
  for (size_t i = 0; i < kernels.size(); ++i) {
    const auto stream = stream_of.find(unit.function[kernels[i].values[0]].kernel);
    if (stream == stream_of.end()) {
      out.push_back(std::move(kernels[i]));
      continue;
    }
    nests.push_back(std::move(kernels[i]));
    if (nests.size() < stream->second->nests.size()) continue;
    out.push_back(streamed_kernel(unit.function, std::move(nests), unit.passing, batch));
    nests.clear();
  }
  return out;
}

void find_kernels(Unit& unit, int64_t batch) {
  unit.kernels = joined(unit, kernels_of(unit.function), batch);
  unit.code.clear(), unit.distinct.clear();
  std::map<std::string, int> known;
  for (size_t i = 0; i < unit.kernels.size(); ++i) {
    auto [at, added] = known.try_emplace(unit.kernels[i].key, int(unit.distinct.size()));
    if (added) unit.distinct.push_back(int(i));
    unit.code.push_back(at->second);
  }
}

/// Gives a value storage of its own; a result is copied to its planned place in the end.
void store_apart(Unit& unit, ValueId v, int64_t batch) {
  ir::Function& f = unit.function;
  ir::Value& value = f[v];
  for (const ir::Result& r : f.results)
    if (r.value == v) unit.copies.try_emplace(v, value.storage->offset);
  if (!value.storage) value.storage.emplace();
  value.storage->offset = unit.arena_bytes;
  unit.arena_bytes += aligned(stored_bytes(f, v, batch));
}

/// Makes every member of the kernel `name` a kernel of its own, with storage of its own. (`name` is
/// a copy: the list that it may stand in grows.)
void undo(Unit& unit, std::string name, const std::vector<ValueId>& members, int64_t batch) {
  ir::Function& f = unit.function;
  for (ValueId v : members) {
    f[v].kernel = ir::KernelId(f.kernels.size());
    f.kernels.push_back({fmt::format("{}.{}", name, v.index), ""});
    store_apart(unit, v, batch);
  }
}

/// The values of all nests, in order.
std::vector<ValueId> members_of(const ir::Function& f, const std::vector<ir::KernelId>& nests) {
  std::vector<ValueId> members;
  for (size_t i = 0; i < f.values.size(); ++i)
    if (std::find(nests.begin(), nests.end(), f.values[i].kernel) != nests.end())
      members.push_back(ValueId(i));
  return members;
}

/// Gives storage and a kernel to operands of a single op that it cannot read through their views.
/// False when there are none.
bool materialise(Unit& unit, const Kernel& k, int64_t batch) {
  ir::Function& f = unit.function;
  bool any = false;
  for (ValueId v : k.values)
    for (ValueId a : f[v].args) {
      if (f[a].storage || outside_access(f, k, a)) continue;
      f[a].kernel = ir::KernelId(f.kernels.size());
      f.kernels.push_back({fmt::format("{}.operand{}", k.name, a.index), ""});
      store_apart(unit, a, batch);
      any = true;
    }
  return any;
}

std::string symbol(const Unit& unit, size_t code) {
  return fmt::format("{}_{}", unit.kernels[size_t(unit.distinct[code])].name, code);
}

bool overlap(const Range& a, const Range& b) { return a.begin < b.end && b.begin < a.end; }

/// Makes the nests of a kernel kernels of their own: what they hand on gets a place for all rows,
/// and what one writes over bytes that another reads a place of its own. Within one kernel the
/// latter was right, since all its reads come before its writes.
void take_apart(Unit& unit, const ir::OpenedKernel& opened, const std::vector<ValueId>& passing,
                int64_t batch) {
  ir::Function& f = unit.function;
  for (ValueId v : passing) {
    store_apart(unit, v, batch);
    unit.passing.erase(v);
  }
  auto range = [&](ValueId v) -> Range {
    const int64_t begin = f[v].storage->offset;
    return {begin, begin + stored_bytes(f, v, batch)};
  };
  const std::vector<ValueId> members = members_of(f, opened.nests);
  std::set<ValueId> reads;
  for (ValueId v : members)
    for (ValueId a : f[v].args)
      if (const ValueId base = viewed(f, a); f[base].storage) reads.insert(base);
  for (ValueId v : members) {
    if (!f[v].storage) continue;
    const bool overwrites = std::any_of(reads.begin(), reads.end(), [&](ValueId old) {
      return old != v && overlap(range(old), range(v));
    });
    if (overwrites) store_apart(unit, v, batch);
  }
}

/// Whether the values of each nest stand together, as those of a kernel do.
bool stand_together(const ir::Function& f, const std::vector<ir::KernelId>& nests) {
  std::set<ir::KernelId> seen;
  ir::KernelId last;
  for (const ir::Value& value : f.values) {
    const bool free = !value.kernel && !value.storage;
    if (free || value.kernel == last) continue;
    last = value.kernel;
    const bool nest = std::find(nests.begin(), nests.end(), last) != nests.end();
    if (nest && !seen.insert(last).second) return false;
  }
  return true;
}

/// Takes kernels of several nests apart; those that cannot be streamed stay so.
void open_streams(Unit& unit, int64_t batch) {
  ir::Function& f = unit.function;
  for (ir::OpenedKernel& opened : ir::open_nests(f)) {
    if (!stand_together(f, opened.nests)) {
      undo(unit, f.kernels[opened.kernel.index].name, members_of(f, opened.nests), batch);
      continue;
    }
    const auto passing = add_passing(f, opened);
    if (ir::can_stream(f, opened)) {
      unit.passing.insert(passing.begin(), passing.end());
      unit.streams.push_back(std::move(opened));
    } else {
      take_apart(unit, opened, passing, batch);
    }
  }
}

/// Makes the nests of a stream kernels of their own.
void unstream(Unit& unit, const Kernel& k, int64_t batch) {
  const ir::KernelId first = unit.function[k.values[0]].kernel;
  const auto stream = std::find_if(unit.streams.begin(), unit.streams.end(),
                                   [&](const auto& s) { return s.nests[0] == first; });
  take_apart(unit, *stream, {k.passing.begin(), k.passing.end()}, batch);
  unit.streams.erase(stream);
}

/// Changes a kernel that no code is generated for; false when there is nothing to change.
bool split(Unit& unit, const Kernel& k, int64_t batch) {
  if (!k.nests.empty()) {
    unstream(unit, k, batch);
    return true;
  }
  if (k.values.size() == 1) return materialise(unit, k, batch);
  undo(unit, k.name, k.values, batch);
  return true;
}

/// Changes the kernels with the code of those given; false when there is nothing to change.
bool split_round(Unit& unit, const std::vector<int>& kernels, int64_t batch) {
  std::vector<bool> wanted(unit.distinct.size(), false);
  for (int kernel : kernels) wanted[size_t(unit.code[size_t(kernel)])] = true;
  bool changed = false;
  for (size_t i = 0; i < unit.kernels.size(); ++i)
    if (wanted[size_t(unit.code[i])]) changed |= split(unit, unit.kernels[i], batch);
  if (changed) find_kernels(unit, batch);
  return changed;
}

/// One LLVM module with some of the distinct kernels.
struct Part {
  std::unique_ptr<llvm::LLVMContext> context;
  std::unique_ptr<llvm::Module> module;
  std::vector<size_t> codes;
  std::map<int, std::string> not_fused;  ///< kernels that have to be undone, and why
  std::string object;
  std::exception_ptr error;
};

/// Whether a kernel of that name runs this code.
bool stands_for(const Unit& unit, size_t code, const std::string& kernel) {
  for (size_t i = 0; i < unit.kernels.size(); ++i)
    if (unit.code[i] == int(code) && unit.kernels[i].name == kernel) return true;
  return false;
}

void emit_part(Unit& unit, Part& part, const CompileOptions& o) {
  part.context = std::make_unique<llvm::LLVMContext>();
  part.module = new_module(*part.context, o.cpu);
  for (size_t code : part.codes) {
    const Kernel& k = unit.kernels[size_t(unit.distinct[code])];
    if (!o.kernel.empty() && !stands_for(unit, code, o.kernel)) continue;
    try {
      unit.artifact.emitted[code] =
          emit_kernel(*part.module, o.cpu, o.batch_capacity, unit.function, k, symbol(unit, code));
    } catch (const NotFused& why) {
      part.not_fused[unit.distinct[code]] = why.what();
    }
  }
}

/// Deals the distinct kernels to parts, heavy ones first.
std::vector<Part> deal(const Unit& unit, int threads) {
  size_t count = unit.distinct.size() < 4 ? 1 : size_t(std::max(1, threads));
  std::vector<Part> parts(std::min(count, std::max<size_t>(1, unit.distinct.size())));
  std::vector<double> load(parts.size(), 0.0);
  for (bool heavy : {true, false})
    for (size_t code = 0; code < unit.distinct.size(); ++code) {
      const Kernel& k = unit.kernels[size_t(unit.distinct[code])];
      bool contraction = has_contraction(unit.function, k);
      if (contraction != heavy) continue;
      size_t least = size_t(std::min_element(load.begin(), load.end()) - load.begin());
      parts[least].codes.push_back(code);
      load[least] += (heavy ? 10.0 : 2.0) + 0.2 * cost_of_maps(unit.function, k);
    }
  return parts;
}

/// Runs `work` for each part, on a thread each but the first.
template <class Work>
void for_parts(std::vector<Part>& parts, Work work) {
  auto guarded = [&](Part& part) {
    try {
      work(part);
    } catch (...) {
      part.error = std::current_exception();
    }
  };
  std::vector<std::thread> threads;
  for (size_t i = 1; i < parts.size(); ++i) threads.emplace_back(guarded, std::ref(parts[i]));
  guarded(parts[0]);
  for (std::thread& t : threads) t.join();
  for (Part& part : parts)
    if (part.error) std::rethrow_exception(part.error);
}

/// Emits all kernels; undoes those that do not fit and starts again.
std::vector<Part> emit_all(Unit& unit, const CompileOptions& o, int threads,
                           const std::function<void(Part&)>& then) {
  start_llvm();
  for (;;) {
    unit.artifact.emitted.assign(unit.distinct.size(), {});
    std::vector<Part> parts = deal(unit, threads);
    for_parts(parts, [&](Part& part) {
      emit_part(unit, part, o);
      if (part.not_fused.empty() && then) then(part);
    });
    std::vector<int> undone;
    std::string reason;
    for (const Part& part : parts)
      for (const auto& [kernel, why] : part.not_fused) {
        undone.push_back(kernel);
        reason = fmt::format("kernel {}: {}", unit.kernels[size_t(kernel)].name, why);
      }
    if (undone.empty()) return parts;
    std::sort(undone.begin(), undone.end());
    if (!split_round(unit, undone, o.batch_capacity)) throw std::logic_error("backend: " + reason);
    unit.artifact.undone.push_back(std::move(undone));
  }
}

/// Everything that a unit's code depends on.
std::string description(const Unit& unit, const CompileOptions& o) {
  std::string text = fmt::format("{} O{} batch {}\n", name(o.cpu), o.optimise, o.batch_capacity);
  for (const Kernel& k : unit.kernels) {
    text += fmt::format("{} {}\n{}", k.name, k.key.size(), k.key);
    for (ValueId v : k.bases)
      if (unit.function[v].storage)
        text += fmt::format("at {}\n", unit.function[v].storage->offset);
  }
  return text;
}

void build(Unit& unit, const CompileOptions& o) {
  auto parts = emit_all(unit, o, o.threads, [&](Part& part) {
    part.object = compile_object(*part.module, o.cpu, o.optimise);
    part.module.reset();
  });
  for (Part& part : parts)
    if (!part.codes.empty()) unit.artifact.objects.push_back(std::move(part.object));
}

/// Takes the unit's code from the cache, or compiles and keeps it.
void find_or_build(Unit& unit, const CompileOptions& o, CompileReport& report) {
  auto key = o.cache_directory.empty() ? std::nullopt : cache_key(description(unit, o));
  if (!key) return build(unit, o);
  ObjectCache cache(o.cache_directory);
  if (auto bytes = cache.load(*key)) {
    if (auto artifact = decode(*bytes)) {
      for (const auto& round : artifact->undone) split_round(unit, round, o.batch_capacity);
      unit.artifact = std::move(*artifact);
      report.from_cache = true;
      return;
    }
  }
  if (!cache.refused().empty())
    report.note = fmt::format("{} {}: compiled again", cache.path(*key), cache.refused());
  build(unit, o);
  cache.store(*key, encode(unit.artifact));
}

/// What keeps a plan's code and tables alive.
struct Holder {
  std::unique_ptr<Code> code;
  std::vector<std::unique_ptr<int64_t[]>> tables;
  ir::Module module;
  ir::FunctionId entry;
};

void copy_bytes(const runtime::Context* context, int64_t) {
  const auto* table = static_cast<const int64_t*>(context->user);
  std::memmove(context->arena + table[1], context->arena + table[0], size_t(table[2]));
}

/// Orders the steps, gives scratch areas their places.
void schedule(Unit& unit, runtime::Plan& plan, Holder& holder, int64_t batch) {
  std::vector<ScheduledTask> tasks;
  int64_t overrun = 0;
  for (size_t i = 0; i < unit.kernels.size(); ++i) {
    const Kernel& k = unit.kernels[i];
    const Emitted& code = unit.artifact.emitted[size_t(unit.code[i])];
    overrun = std::max(overrun, code.overrun);
    const std::string name = symbol(unit, size_t(unit.code[i]));
    std::vector<Range> ranges;
    auto add_area = [&](int64_t bytes) {
      ranges.push_back({unit.arena_bytes, unit.arena_bytes + bytes});
      unit.arena_bytes += aligned(bytes);
    };
    for (ValueId v : k.bases) {
      int64_t offset = unit.function[v].storage->offset;
      if (k.passing.contains(v))
        add_area(passing_bytes(unit.function, k.blocks, v));
      else
        ranges.push_back({offset, offset + stored_bytes(unit.function, v, batch)});
    }
    for (int64_t bytes : code.scratch_bytes) add_area(bytes);
    auto table = std::make_unique<int64_t[]>(ranges.size() + 1);
    for (size_t r = 0; r < ranges.size(); ++r) table[r] = ranges[r].begin;
    for (const Step& step : code.steps) {
      ScheduledTask t;
      // Steps of one kernel are told apart by what their functions are called behind its own name.
      t.task = {k.name + step.function.substr(std::min(name.size(), step.function.size())),
                nullptr,
                table.get(),
                step.chunks,
                step.flops,
                step.bytes};
      t.task.function =
          reinterpret_cast<runtime::KernelFunction>(holder.code->address(step.function));
      for (int r : step.reads) t.reads.push_back(ranges[size_t(r)]);
      for (int w : step.writes) t.writes.push_back(ranges[size_t(w)]);
      if (!step.table.empty()) {
        auto own = std::make_unique<int64_t[]>(step.table.size());
        for (size_t r = 0; r < step.table.size(); ++r) own[r] = table[size_t(step.table[r])];
        t.task.user = own.get();
        holder.tables.push_back(std::move(own));
      }
      tasks.push_back(std::move(t));
    }
    holder.tables.push_back(std::move(table));
  }
  for (const auto& [value, to] : unit.copies) {
    const ir::Value& v = unit.function[value];
    const int64_t bytes = stored_bytes(unit.function, value, batch);
    const int64_t from = v.storage->offset;
    holder.tables.push_back(std::unique_ptr<int64_t[]>(new int64_t[3]{from, to, bytes}));
    ScheduledTask t;
    t.task = {unit.function.kernels[v.kernel.index].name + ".copy",
              copy_bytes,
              holder.tables.back().get(),
              1,
              0,
              2.0 * double(bytes)};
    t.reads = {{from, from + bytes}};
    t.writes = {{to, to + bytes}};
    tasks.push_back(std::move(t));
  }
  plan.phases = phases_of(tasks);
  plan.arena_bytes = aligned(unit.arena_bytes + overrun) + kSlack;
}

Unit unit_of(const ir::Module& module, ir::FunctionId entry, int64_t batch) {
  Unit unit;
  unit.function = module[entry];
  unit.arena_bytes = aligned(planned_bytes(unit.function, batch));
  open_streams(unit, batch);
  find_kernels(unit, batch);
  return unit;
}

void run_reference(const runtime::Context* context, int64_t) {
  const auto* holder = static_cast<const Holder*>(context->user);
  std::string fault =
      ir::evaluate_in_arena(holder->module, holder->entry, context->arena, context->batch);
  if (!fault.empty()) context->fault->fetch_or(1);
}

}  // namespace

runtime::Plan compile(const ir::Module& module, ir::FunctionId entry, const CompileOptions& options,
                      CompileReport* report) {
  auto start = std::chrono::steady_clock::now();
  CompileOptions all = options;
  all.kernel.clear();
  Unit unit = unit_of(module, entry, options.batch_capacity);
  CompileReport unused;
  find_or_build(unit, all, report ? *report : unused);
  auto holder = std::make_shared<Holder>();
  holder->code = std::make_unique<Code>(unit.artifact.objects);
  runtime::Plan plan;
  plan.name = unit.function.name;
  plan.batch_capacity = options.batch_capacity;
  schedule(unit, plan, *holder, options.batch_capacity);
  plan.slots = slots_of(unit.function, options.batch_capacity);
  std::map<int64_t, int64_t> moved;
  for (const auto& [value, to] : unit.copies) moved[unit.function[value].storage->offset] = to;
  for (runtime::Slot& slot : plan.slots) {
    const auto to = moved.find(slot.offset);
    if (slot.role == runtime::SlotRole::Result && to != moved.end()) slot.offset = to->second;
  }
  plan.code = holder;
  if (report) {
    report->kernels = int(unit.distinct.size());
    for (const std::string& object : unit.artifact.objects)
      report->code_bytes += int64_t(object.size());
    report->milliseconds =
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }
  return plan;
}

runtime::Plan interpret(const ir::Module& module, ir::FunctionId entry, int64_t batch_capacity) {
  auto holder = std::make_shared<Holder>();
  holder->module = module;
  holder->entry = entry;
  const ir::Function& f = module[entry];
  runtime::Plan plan;
  plan.name = f.name;
  plan.batch_capacity = batch_capacity;
  plan.arena_bytes = aligned(planned_bytes(f, batch_capacity)) + kSlack;
  plan.slots = slots_of(f, batch_capacity);
  plan.phases = {{{{f.name, run_reference, holder.get(), 1, 0, 0}}}};
  plan.code = holder;
  return plan;
}

std::string dump_llvm(const ir::Module& module, ir::FunctionId entry,
                      const CompileOptions& options) {
  Unit unit = unit_of(module, entry, options.batch_capacity);
  return print_module(*emit_all(unit, options, 1, nullptr)[0].module);
}

std::string dump_assembly(const ir::Module& module, ir::FunctionId entry,
                          const CompileOptions& options) {
  Unit unit = unit_of(module, entry, options.batch_capacity);
  auto parts = emit_all(unit, options, 1, nullptr);
  return compile_assembly(*parts[0].module, options.cpu, options.optimise);
}

}  // namespace netc::backend
