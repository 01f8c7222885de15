// The place of a kernel is that of its contraction or scatter, else of the last value that has one.
#include "tools/netc/kernel_site.h"

#include <fmt/format.h>

#include <algorithm>

#include "ir/op.h"
#include "passes/rewrite.h"

namespace netc::tools {

ir::Place origin_or_use(const ir::Module& module, const ir::Function& function, ir::ValueId value) {
  const ir::Place place = passes::user_place(module, function[value].locs);
  if (place.line != 0) return place;
  for (const ir::Value& reader : function.values)
    if (std::find(reader.args.begin(), reader.args.end(), value) != reader.args.end())
      return passes::user_place(module, reader.locs);
  return place;
}

KernelSites::KernelSites(Session& session, const ir::Module& module, const std::string& entry)
    : session_(session), module_(module), function_(module[module.find(entry)]) {
  names_ = ir::display_names(function_);
  for (backend::Kernel& k : backend::kernels_of(function_)) kernels_[k.name] = std::move(k);
}

KernelSite KernelSites::of(const std::string& task) const {
  KernelSite site;
  const auto found = kernels_.find(task.substr(0, task.find('.')));
  if (found == kernels_.end()) return site;
  for (ir::ValueId v : found->second.yields)
    site.stores += (site.stores.empty() ? "" : ", ") + names_[v.index];
  const ir::Place place = place_of(found->second);
  if (place.line == 0) return site;
  site.at = place;
  site.place = fmt::format("{}:{}", place.line, place.column);
  if (place.file != 0) site.place = module_.files[place.file] + ":" + site.place;
  // Places in a dump are those of the program it was made from.
  if (session_.program().module.stage != ir::Stage::Forward) return site;
  std::string_view line = session_.sources().line(place.file, place.line);
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  site.source = std::string(line);
  return site;
}

ir::Place KernelSites::place_of(const backend::Kernel& kernel) const {
  ir::Place place;
  for (ir::ValueId v : kernel.values) {
    const ir::Value& value = function_[v];
    const ir::Place p = passes::user_place(module_, value.locs);
    if (p.line != 0) place = p;
    const ir::Form form = ir::def(value.op).form;
    if (p.line != 0 && (form == ir::Form::Contract || form == ir::Form::Scatter)) break;
  }
  return place;
}

}  // namespace netc::tools
