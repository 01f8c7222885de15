// Items and words of the language as editors show them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace netc::frontend {

/// What a caller sees of an item: its source up to the body, on one line.
std::string item_signature(std::string_view source);

/// All keywords and reserved words.
std::vector<std::string_view> keyword_names();

}  // namespace netc::frontend
