// The lock is flock() on the directory itself: nothing to clean up after a crash.
#include "runtime/run_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/checkpoint.h"
#include "runtime/durable_file.h"
#include "runtime/error.h"

namespace netc::runtime {
namespace {

Error cannot_create(const std::string& path) {
  return Error(Fault::Output, fmt::format("cannot create the directory {}: {}", printable(path),
                                          system_message(errno)))
      .in_file(path);
}

/// Creates a directory and those above it.
void create_all(const std::string& path) {
  struct stat status{};
  if (path.empty() || (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))) return;
  if (path != directory_of(path)) create_all(directory_of(path));
  if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) throw cannot_create(path);
}

/// What training was for: a checkpoint or weights.
bool is_result(std::string_view name) {
  for (const char* own :
       {kStateFile, kPreviousStateFile, kWeightsFile, "best.safetensors", "ema.safetensors"}) {
    if (name == own) return true;
  }
  return name.starts_with("epoch-") && name.ends_with(".safetensors");
}

bool is_ours(std::string_view name) {
  for (const char* own : {"metrics.jsonl", "metrics.csv", "config.net", "report.html"}) {
    if (name == own) return true;
  }
  return is_result(name);
}

bool is_temporary(std::string_view name) {
  const size_t at = name.find(".tmp.");
  return at != std::string_view::npos && is_ours(name.substr(0, at)) &&
         name.substr(at + 5).find_first_not_of("0123456789") == std::string_view::npos;
}

template <typename Condition>
std::vector<std::string> files(const std::string& path, Condition condition) {
  std::vector<std::string> names;
  DIR* stream = opendir(path.c_str());
  if (!stream) return names;
  while (const dirent* entry = readdir(stream)) {
    if (condition(std::string_view(entry->d_name))) names.emplace_back(entry->d_name);
  }
  closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

void remove(const std::string& path, const std::vector<std::string>& names) {
  for (const std::string& name : names) unlink((path + "/" + name).c_str());
}

}  // namespace

RunDirectory::RunDirectory(std::string path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0) {
    Error error(Fault::Output, fmt::format("cannot open the directory {}: {}", printable(path_),
                                           system_message(errno)));
    if (errno == ENOTDIR) error.help("it is a file: choose another name with `-o`");
    throw Error(error.in_file(path_));
  }
  if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    close(descriptor_);
    throw Error(Fault::Checkpoint,
                fmt::format("{} is in use by another training run", printable(path_)))
        .in_file(path_);
  }
}

RunDirectory::~RunDirectory() {
  if (descriptor_ >= 0) close(descriptor_);
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

RunDirectory& RunDirectory::operator=(RunDirectory&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

RunDirectory RunDirectory::create(const std::string& parent, const std::string& model) {
  create_all(parent);
  for (int64_t number = 1;; ++number) {
    const std::string path = fmt::format("{}/{}-{}", parent, model, number);
    if (mkdir(path.c_str(), 0777) == 0) return RunDirectory(path);
    if (errno != EEXIST) throw cannot_create(path);
  }
}

RunDirectory RunDirectory::open(const std::string& path, bool create) {
  if (create) create_all(path);
  return RunDirectory(path);
}

std::string RunDirectory::start_new() {
  const std::vector<std::string> present = files(path_, is_ours);
  const bool of_a_run = std::find(present.begin(), present.end(), "metrics.jsonl") != present.end();
  if (!present.empty() && !of_a_run)
    throw Error(Error(Fault::Output, fmt::format("{} holds {}, which no run has written",
                                                 printable(path_), present.front()))
                    .help("a run needs a directory of its own: choose another one with `-o`")
                    .in_file(path_));
  std::string kept;
  if (std::any_of(present.begin(), present.end(), is_result))
    kept = move_aside(present);
  else
    remove(path_, present);
  remove_temporaries();
  return kept;
}

std::string RunDirectory::move_aside(const std::vector<std::string>& names) const {
  std::string base = path_;
  while (base.size() > 1 && base.back() == '/') base.pop_back();
  const std::string last = base.substr(base.find_last_of('/') + 1);
  if (last == "." || last == "..") base = std::filesystem::canonical(base).string();
  for (int64_t number = 1;; ++number) {
    const std::string kept = fmt::format("{}.{}", base, number);
    if (mkdir(kept.c_str(), 0777) != 0) {
      if (errno != EEXIST) throw cannot_create(kept);
      continue;
    }
    for (const std::string& name : names)
      if (std::rename((path_ + "/" + name).c_str(), (kept + "/" + name).c_str()) != 0)
        throw Error(Fault::Output, fmt::format("cannot move {}/{} to {}: {}", printable(path_),
                                               name, printable(kept), system_message(errno)))
            .in_file(path_);
    return kept;
  }
}

void RunDirectory::remove_temporaries() { remove(path_, files(path_, is_temporary)); }

}  // namespace netc::runtime
