// Lifetimes counted in kernels: a value lives from the kernel that stores it to the last that reads
// it; parameters, states, inputs and results live all the time.
#include "tools/netc/memory_use.h"

#include <algorithm>
#include <map>
#include <set>

#include "passes/plan.h"
#include "passes/rewrite.h"

namespace netc::tools {

namespace {
struct Lifetime {
  int64_t first = 0, last = 0;
};

Lifetime lifetime(const passes::KernelUses& uses, size_t value, bool forever) {
  const auto end = int64_t(uses.kernels.size());
  const int64_t home = uses.kernel_of[value];
  if (forever || home < 0) return {home < 0 ? 0 : home, end};
  const auto& readers = uses.readers[value];
  return {home, readers.empty() ? home : *std::max_element(readers.begin(), readers.end())};
}

int64_t bytes_of(const ir::Value& stored, int64_t batch) {
  return passes::stored_bytes(stored, batch).value_or(INT64_MAX / 4);
}

int64_t stored(const MemoryPiece& piece) { return piece.bytes + piece.padding; }

using Places = std::map<std::string, ir::Place>;

Places declarations(const ir::Module& source) {
  Places places;
  for (const ir::Function& f : source.functions)
    for (const ir::Parameter& p : f.params)
      if (const ir::Place place = passes::user_place(source, f[p.value].locs); place.line > 0)
        places.emplace(f[p.value].name, place);
  return places;
}

/// A state of the optimizer belongs to the parameter that is named before its last dot.
ir::Place declaration(const Places& places, const std::string& name) {
  auto at = places.find(name);
  if (at == places.end()) at = places.find(name.substr(0, name.rfind('.')));
  return at == places.end() ? ir::Place() : at->second;
}
}  // namespace

int64_t planned_bytes(const ir::Function& f, int64_t batch) {
  int64_t end = 0;
  for (const ir::Value& v : f.values)
    if (v.storage) end = std::max(end, v.storage->offset + bytes_of(v, batch));
  return end;
}

MemoryUse memory_use(const ir::Module& module, ir::FunctionId id, int64_t batch,
                     const ir::Module& source) {
  const ir::Function& f = module[id];
  const passes::KernelUses uses = passes::kernel_uses(f);
  const std::vector<std::string> names = ir::display_names(f);
  std::vector<bool> kept(f.values.size(), false);
  std::vector<ir::Role> roles(f.values.size(), ir::Role::Plain);
  for (const ir::Result& r : f.results)
    if (r.value) kept[uses.root[r.value.index].index] = true;
  std::set<int64_t> persistent;  // offsets that new values of parameters are written to
  for (const ir::Parameter& p : f.params) {
    kept[p.value.index] = true;
    roles[p.value.index] = p.role;
    if (f[p.value].storage) persistent.insert(f[p.value].storage->offset);
  }

  MemoryUse use;
  std::vector<MemoryPiece> pieces;
  std::vector<Lifetime> lives;
  std::vector<int64_t> offsets;
  for (size_t i = 0; i < f.values.size(); ++i) {
    const ir::Value& v = f.values[i];
    if (!v.storage) continue;
    const int64_t bytes = bytes_of(v, batch);
    const int64_t elements = passes::element_bytes(v, batch).value_or(bytes);
    if (roles[i] == ir::Role::Param) use.params += elements;
    if (roles[i] == ir::Role::State) use.states += elements;
    if (i >= f.params.size() && persistent.contains(v.storage->offset)) continue;
    pieces.push_back({elements, bytes - elements, names[i], ir::str(v.type), roles[i],
                      passes::user_place(module, v.locs)});
    lives.push_back(lifetime(uses, i, kept[i]));
    offsets.push_back(v.storage->offset);
  }
  const Places places = declarations(source);
  for (MemoryPiece& p : pieces)
    if (p.place.line == 0) p.place = declaration(places, p.name);

  const auto end = int64_t(uses.kernels.size());
  std::vector<std::vector<size_t>> born(uses.kernels.size() + 1), died(born.size() + 1);
  for (size_t i = 0; i < pieces.size(); ++i) {
    born[size_t(lives[i].first)].push_back(i);
    died[size_t(lives[i].last) + 1].push_back(i);
  }
  // What takes over the bytes of a value that dies counts once: of those at an offset the largest.
  std::map<int64_t, std::multiset<int64_t>> at_offset;
  int64_t bytes = 0, most = -1, peak = 0;
  const auto change = [&](size_t i, bool add) {
    std::multiset<int64_t>& sizes = at_offset[offsets[i]];
    if (!sizes.empty()) bytes -= *sizes.rbegin();
    if (add)
      sizes.insert(stored(pieces[i]));
    else
      sizes.erase(sizes.find(stored(pieces[i])));
    if (!sizes.empty()) bytes += *sizes.rbegin();
  };
  for (int64_t k = 0; k <= end; ++k) {
    for (size_t i : died[size_t(k)]) change(i, false);
    for (size_t i : born[size_t(k)]) change(i, true);
    if (bytes > most) most = bytes, peak = k;
  }
  if (size_t(peak) < uses.kernels.size())
    use.peak_kernel = f.kernels[f[uses.kernels[size_t(peak)].values[0]].kernel.index].name;
  std::map<int64_t, size_t> largest;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (peak < lives[i].first || lives[i].last < peak) continue;
    size_t& at = largest.emplace(offsets[i], i).first->second;
    if (stored(pieces[at]) < stored(pieces[i])) at = i;
  }
  for (const auto& [offset, i] : largest) use.peak.push_back(pieces[i]);
  std::stable_sort(use.peak.begin(), use.peak.end(),
                   [](const MemoryPiece& a, const MemoryPiece& b) { return a.bytes > b.bytes; });
  return use;
}

}  // namespace netc::tools
