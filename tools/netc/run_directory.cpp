// Finds programs and weights in run directories.
#include "tools/netc/run_directory.h"

#include <fmt/format.h>

#include <filesystem>

#include "runtime/checkpoint.h"
#include "runtime/error.h"

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
    throw UsageError{fmt::format("`{}` is not a run directory: it has no config.net", path),
                     "give a program, or a directory that `netc train` has written"};
  session.load_file(config);
  return path;
}

std::string weights_of_run(const std::string& directory) {
  const fs::path folder = without_last_slashes(directory);
  std::error_code error;
  const fs::path weights = folder / runtime::kWeightsFile;
  if (fs::exists(weights, error)) return weights.string();
  runtime::Error none(runtime::Fault::Weights,
                      fmt::format("there are no weights in `{}`", folder.string()));
  const bool has_state = fs::exists(folder / runtime::kStateFile, error) ||
                         fs::exists(folder / runtime::kPreviousStateFile, error);
  if (has_state)
    none.note("the run ended before last.safetensors was written from its checkpoint")
        .help(fmt::format("`netc train --resume {} --steps 0` writes it", folder.string()));
  else if (fs::is_regular_file(folder / "config.net", error))
    none.note("the run ended before anything was saved")
        .help(fmt::format("train again: `netc train {} -o {}`", (folder / "config.net").string(),
                          folder.string()));
  throw none;
}

std::string without_last_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace netc::tools
