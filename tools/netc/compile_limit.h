// The limit on the time from source to machine code (--max-compile-time).
#pragma once

#include <chrono>
#include <string>

namespace netc::tools {

/// While one exists, compiling goes on. Once all of them together have lasted longer than the
/// limit, the process says so and ends with exit code 1: nothing is written while compiling that
/// could be left half done.
class CompileLimit {
 public:
  CompileLimit(double seconds, std::string message);
  ~CompileLimit();
  CompileLimit(const CompileLimit&) = delete;
  CompileLimit& operator=(const CompileLimit&) = delete;

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace netc::tools
