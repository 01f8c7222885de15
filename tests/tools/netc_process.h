// Runs the netc binary as a user would, in a folder of its own with small made-up data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace netc::test {

struct ProcessResult {
  int exit_code = -1;  ///< 128 + signal when killed by one
  std::string out, err;
};

/// A temporary folder, removed at the end.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::filesystem::path path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, const std::string& text) const;
  std::string read(const std::string& name) const;
  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }

  /// Copies examples/NAME here with the data it comes with; where it reads MNIST, writes a small
  /// data set for it.
  void example(const std::string& name, int train_records = 200, int test_records = 60) const;
  /// IDX files with pictures that show their label, so that a network can learn them.
  void mnist(int train_records, int test_records, const std::string& folder = "data/mnist") const;
  /// A .npy file of u8 or f32 with values that depend on `salt`.
  void npy_u8(const std::string& name, std::vector<int64_t> shape, int range, int salt = 1) const;
  void npy_f32(const std::string& name, std::vector<int64_t> shape, int salt = 1) const;

  /// Runs netc with these arguments in the folder; `input` goes to stdin. Neither stream is a
  /// terminal. Killed after 60 s.
  ProcessResult netc(const std::vector<std::string>& arguments,
                     const std::string& input = "") const;
  /// The same, with SIGINT sent as soon as `when` has appeared on stderr or stdout.
  ProcessResult netc_interrupted(const std::vector<std::string>& arguments,
                                 const std::string& when) const;

 private:
  std::filesystem::path folder_;
};

/// The files of examples/, sorted by name.
std::vector<std::string> example_names();

/// Lines of a text, without the last empty one.
std::vector<std::string> lines(const std::string& text);

}  // namespace netc::test
