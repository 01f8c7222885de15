// What every program may use without declaring it: std's items and the compiler's own functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/netc/lsp/names.h"

namespace netc::tools::lsp {

struct LibraryItem {
  std::string name;
  NameKind kind = NameKind::Function;
  std::string signature;
  std::string doc;
  std::string file;     ///< `std/layers.net`; empty: the compiler carries it
  frontend::Span span;  ///< of the name in that file
  bool listed = true;   ///< offered by completion; not what std has for itself
};

const std::vector<LibraryItem>& library();
const LibraryItem* find_in_library(std::string_view name);

/// A file of std as a file on disk, for editors to show; empty when it cannot be written.
std::string library_file(const std::string& name);

}  // namespace netc::tools::lsp
