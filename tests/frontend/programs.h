// Program texts that the tests of parser and formatter share: the examples of the language page,
// dumps, the examples people start from and the standard library.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

namespace netc::frontend {

/// Text of every program by path from the source folder.
inline std::map<std::string, std::string> program_texts() {
  namespace fs = std::filesystem;
  std::map<std::string, std::string> texts;
  const fs::path root = NETC_SOURCE_DIR;
  for (const char* folder : {"tests/frontend/programs", "examples", "frontend/std"}) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      if (entry.path().extension() != ".net") continue;
      std::ifstream in(entry.path(), std::ios::binary);
      std::stringstream text;
      text << in.rdbuf();
      texts[fs::relative(entry.path(), root).string()] = text.str();
    }
  }
  return texts;
}

}  // namespace netc::frontend
