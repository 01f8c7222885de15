// Answers to what an editor asks of one file, as the protocol's JSON. Offsets are bytes.
#pragma once

#include <nlohmann/json.hpp>

#include "tools/netc/lsp/analysis.h"
#include "tools/netc/lsp/document.h"

namespace netc::tools::lsp {

using nlohmann::json;

/// The range of a span of `sources`.
json range_of(const frontend::SourceSet& sources, frontend::Span span);

/// Diagnostics with code, related places and, under `data`, the edits that their help proposes.
json diagnostics_json(const Analysis& a, const Document& document);
/// Quick fixes of the diagnostics given by the editor in `context`, for the file `uri`.
json code_actions(const json& diagnostics, const std::string& uri);

/// Markdown on the name or operator at a byte: type, cost, documentation; null when there is none.
json hover(const Analysis& a, uint32_t offset);
/// The place of the declaration of the name at a byte; null when there is none.
json definition(const Analysis& a, uint32_t offset);
json document_symbols(const Analysis& a);
json completion(const Analysis& a, uint32_t offset);
/// The call that a byte stands in, and the parameter it is at; null outside of calls.
json signature_help(const Analysis& a, uint32_t offset);

}  // namespace netc::tools::lsp
