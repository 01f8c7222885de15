// Run directories: made with a number of their own, locked while they are written to.
#pragma once

#include <string>
#include <vector>

namespace netc::runtime {

/// A directory that this process alone trains in, until the object goes. Throws Error(Output) when
/// it cannot be made, Error(Checkpoint) when another process has it.
class RunDirectory {
 public:
  /// The first of `parent`/`model`-1, -2 … that does not exist yet, created.
  static RunDirectory create(const std::string& parent, const std::string& model);
  /// `path`, created when missing.
  static RunDirectory open(const std::string& path, bool create);

  ~RunDirectory();
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&& other) noexcept;
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Makes room for a new run. An earlier one that left a checkpoint or weights moves to a
  /// directory beside this one (`runs/a.1`, `runs/a.2` …), which is returned; what came to nothing
  /// is removed, so that files of two runs never mix. Throws Error(Output) when a file that
  /// training would write is there and no run has written it.
  std::string start_new();
  /// Removes temporary files that a killed process left.
  void remove_temporaries();

 private:
  explicit RunDirectory(std::string path);
  std::string move_aside(const std::vector<std::string>& names) const;

  std::string path_;
  int descriptor_ = -1;
};

}  // namespace netc::runtime
