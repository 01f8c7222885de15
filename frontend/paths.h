// Paths that a program writes are relative to its file. When the program moves (a dump, a run
// directory) they are written anew.
#pragma once

#include <optional>
#include <string>

#include "frontend/ast.h"
#include "frontend/program.h"

namespace netc::frontend {

/// The folder of a file, `.` when the path names none.
std::string folder_of(const std::string& path);
/// `path` as seen from where `folder` is; absolute paths stay.
std::string joined(const std::string& folder, const std::string& path);
/// `path`, relative to folder `from`, made relative to folder `to`; absolute paths stay.
std::string relocated(const std::string& path, const std::string& from, const std::string& to);

/// Relocates the paths of `use` items, of `data` (its values are in `data`) and of `load("…")`.
void rewrite_paths(File& file, const std::optional<DataSpec>& data, const std::string& from,
                   const std::string& to);

}  // namespace netc::frontend
