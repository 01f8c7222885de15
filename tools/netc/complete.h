// What may stand at the cursor of an unfinished command line; the scripts that `netc completions`
// prints ask for it at each TAB.
#pragma once

#include <span>
#include <string>

namespace CLI {
class App;
}

namespace netc::tools {

/// The word that scripts call netc with in front of the words of the line.
inline constexpr const char* kCompleteCommand = "__complete";

/// Candidates for the last of `words`, those of the line that follow `netc`; lines of
/// CANDIDATE<TAB>WHAT IT IS. A candidate that ends in `=`, `.` or `,` goes on. A last line
/// `:file SUFFIX` or `:dir` says that a path may stand there too, after the text that follows.
std::string complete(const CLI::App& app, std::span<const std::string> words);

}  // namespace netc::tools
