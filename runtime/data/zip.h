// The directory of a ZIP archive, which is what .npz files are.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace netc::runtime {

/// A file within an archive.
struct ArchiveMember {
  std::string archive;  ///< path of the archive
  std::string name;
  int64_t offset = 0;        ///< of its bytes in the archive
  int64_t stored_bytes = 0;  ///< there
  int64_t bytes = 0;         ///< when decompressed
  bool deflated = false;
  uint32_t crc = 0;  ///< of the decompressed bytes
};

/// The files of an archive, in its order; ZIP64 too. Throws Error(DataFile) when it is damaged,
/// encrypted, or compressed by another method than deflate.
std::vector<ArchiveMember> read_zip_directory(const std::string& path);

}  // namespace netc::runtime
