// The template of a report, filled.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace netc::tools {

/// The page. Texts in `values` are escaped; null, false, empty texts and lists count as absent.
std::string render_page(const nlohmann::json& values);

}  // namespace netc::tools
