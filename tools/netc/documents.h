// What netc writes about its own command line, from the option table.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace netc::tools {

/// The word by which the build asks for a document: `netc __document man`, `… markdown`.
inline constexpr const char* kDocumentCommand = "__document";

/// netc.1, for man.
std::string manual_page(const CLI::App& app);
/// docs/cli.md.
std::string command_line_page(const CLI::App& app);

}  // namespace netc::tools
