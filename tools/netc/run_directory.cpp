// Finds programs and weights in run directories.
#include "tools/netc/run_directory.h"

#include <fmt/format.h>

#include <filesystem>

namespace netc::tools {

namespace fs = std::filesystem;

std::string load_program_or_run(Session& session) {
  const std::string& path = session.options().file;
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    session.load();
    return "";
  }
  std::string config = (fs::path(path) / "config.net").string();
  if (!fs::is_regular_file(config, error))
    throw UsageError{fmt::format("`{}` is not a run directory: it has no config.net", path), ""};
  session.load_file(config);
  return (fs::path(path) / "last.safetensors").string();
}

}  // namespace netc::tools
