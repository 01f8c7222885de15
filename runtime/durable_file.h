// Writing files: plainly, and so that a crash at any moment leaves the old file or the new one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace netc::runtime {

using Pieces = std::vector<std::span<const std::byte>>;

/// Creates or overwrites `path` with the pieces one after the other. Throws Error(Output).
void write_file(const std::string& path, const Pieces& pieces);
void write_file(const std::string& path, const std::string& text);

/// Replaces `path`: a new file beside it is written in full and synced, renamed over it, and the
/// directory synced. When anything fails the old file is as it was and Error(Output) is thrown.
/// The new file has the old one's rights. Of a symbolic link the target is replaced, and what is no
/// file (a pipe, a device) is written as it is. With `previous`, the old file stays under that
/// name; there is no moment at which neither the old nor the new content has one of the two names.
void replace_file(const std::string& path, const Pieces& pieces, const std::string& previous = "");

/// That replace_file can make its file, as far as can be told beforehand. Throws Error(Output).
void require_writable(const std::string& path);

/// Syncs a directory, so that names made in it survive a power loss.
void sync_directory(const std::string& directory);
/// `runs/a/last.state` -> `runs/a`; a bare name -> `.`.
std::string directory_of(const std::string& path);

}  // namespace netc::runtime
