// What a run says when a second Ctrl-C ends it before all was saved.
#pragma once

#include <string>

namespace netc::tools {

/// While it lives, a second Ctrl-C or SIGTERM says what is kept of the run in `directory`; with
/// `json` as an `end` event too. One at a time.
class LastWords {
 public:
  LastWords(const std::string& directory, bool json, bool quiet);
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
};

}  // namespace netc::tools
