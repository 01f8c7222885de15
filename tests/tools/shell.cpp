// A shell whose PATH begins with the folder of the binary, behind a pipe or a pseudo terminal.
#include "tests/tools/shell.h"

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <regex>
#include <stdexcept>

namespace netc::test {

namespace {
[[noreturn]] void become_shell(const Scratch& s, const std::string& line) {
  const std::string folder = std::filesystem::path(NETC_BINARY).parent_path();
  if (chdir(s.path(".").c_str()) != 0) _exit(127);
  setenv("PATH", (folder + ":" + getenv("PATH")).c_str(), 1);
  setenv("XDG_CACHE_HOME", s.path("cache").c_str(), 1);
  execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
  _exit(127);
}

/// All that comes until the other end closes.
std::string read_all(int fd, pid_t child) {
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) text.append(buffer, size_t(n));
  close(fd);
  waitpid(child, nullptr, 0);
  return text;
}
}  // namespace

std::string shell(const Scratch& s, const std::string& line) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], 1), dup2(ends[1], 2);
    close(ends[0]), close(ends[1]);
    become_shell(s, line);
  }
  close(ends[1]);
  return read_all(ends[0], pid);
}

std::string terminal(const Scratch& s, const std::string& line, int columns) {
  int fd = -1;
  const winsize size{40, static_cast<unsigned short>(columns), 0, 0};
  const pid_t pid = forkpty(&fd, nullptr, nullptr, &size);
  if (pid == 0) {
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("NO_COLOR", "1", 1);
    become_shell(s, line);
  }
  return std::regex_replace(read_all(fd, pid), std::regex("\r[^\r\n]*\x1b\\[K|\r"), "");
}

}  // namespace netc::test
