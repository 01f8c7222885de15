// Weights and other tensors between files and compiled entry points.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/safetensors.h"
#include "runtime/tensor.h"
#include "tools/netc/entry_runner.h"

namespace netc::tools {

/// Fills every parameter and layer state of `plan` from a safetensors file, or the one of a run
/// directory: complete, equal in shape and dtype, or runtime::Error. `layout` "torch" transposes
/// matrices on the way. Extra tensors warn, and without a `layout` square matrices of other
/// programs. Returns the file's metadata.
runtime::Metadata load_weights(const Session& session, const runtime::Plan& plan,
                               runtime::Arena& arena, const std::string& path,
                               const std::string& layout);

/// Gives `to` the parameters and layer states that `from` has in `arena`: all entry points of a
/// model have all of them.
void copy_weights(const runtime::Plan& from, const runtime::Arena& arena, EntryRunner& to);

/// Writes named tensors to a safetensors file.
void save_tensors(const std::string& path,
                  const std::vector<std::pair<std::string, const runtime::Tensor*>>& tensors);

/// Number `i` of a tensor as JSON, in shortest round-trip form of the tensor's type.
void append_number(const runtime::Tensor& t, int64_t i, std::string& out);
/// A tensor as nested JSON arrays, in shortest round-trip form.
void append_json(const runtime::Tensor& tensor, std::string& out);
/// Row `record` of a tensor whose leading dim counts records.
void append_record_json(const runtime::Tensor& tensor, int64_t record, std::string& out);

}  // namespace netc::tools
