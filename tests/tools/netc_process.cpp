// Temporary folders, made-up data files and a child process with captured streams.
#include "tests/tools/netc_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace netc::test {

namespace fs = std::filesystem;

namespace {
std::string npy(const std::string& descr, const std::vector<int64_t>& shape,
                const std::string& values) {
  std::string dims;
  for (int64_t d : shape) dims += std::to_string(d) + ", ";
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + dims + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string out = "\x93NUMPY\x01";
  out += '\0';
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  return out + header + values;
}

uint32_t mix(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

int64_t product(const std::vector<int64_t>& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

std::string big_endian(uint32_t v) {
  return {char(v >> 24), char(v >> 16 & 0xff), char(v >> 8 & 0xff), char(v & 0xff)};
}

/// Every picture is noise with a bright bar whose place says the label.
void write_mnist_part(const fs::path& folder, const std::string& part, int records, uint32_t salt) {
  std::string images =
      big_endian(2051) + big_endian(uint32_t(records)) + big_endian(28) + big_endian(28);
  std::string labels = big_endian(2049) + big_endian(uint32_t(records));
  for (int r = 0; r < records; ++r) {
    uint32_t label = mix(salt + uint32_t(r) * 7919u) % 10;
    labels += static_cast<char>(label);
    for (uint32_t p = 0; p < 784; ++p) {
      bool bar = p / 28 >= 2 * label + 3 && p / 28 < 2 * label + 5;
      images += static_cast<char>(mix(salt * 31u + uint32_t(r) * 784u + p) % 64 + (bar ? 150 : 0));
    }
  }
  std::ofstream(folder / (part + "-images-idx3-ubyte"), std::ios::binary) << images;
  std::ofstream(folder / (part + "-labels-idx1-ubyte"), std::ios::binary) << labels;
}

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    read = fds[0], write = fds[1];
  }
};

struct Child {
  pid_t pid;
  Pipe in, out, err;
};

Child start(const fs::path& folder, const std::vector<std::string>& arguments) {
  Child c{};
  std::vector<char*> argv;
  std::string program = NETC_BINARY;
  argv.push_back(program.data());
  std::vector<std::string> copy = arguments;
  for (std::string& a : copy) argv.push_back(a.data());
  argv.push_back(nullptr);
  c.pid = fork();
  if (c.pid == 0) {
    dup2(c.in.read, 0), dup2(c.out.write, 1), dup2(c.err.write, 2);
    if (chdir(folder.c_str()) != 0) _exit(127);
    setenv("XDG_CACHE_HOME", (folder / "cache").c_str(), 1);
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(c.in.read), close(c.out.write), close(c.err.write);
  return c;
}

/// Reads both streams until they close; sends SIGINT once `when` (not empty) has been seen.
ProcessResult finish(Child& c, const std::string& when) {
  ProcessResult result;
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  bool open[2] = {true, true}, sent = when.empty();
  while (open[0] || open[1]) {
    pollfd fds[2] = {{open[0] ? c.out.read : -1, POLLIN, 0},
                     {open[1] ? c.err.read : -1, POLLIN, 0}};
    poll(fds, 2, 200);
    for (int i = 0; i < 2; ++i) {
      if ((fds[i].revents & (POLLIN | POLLHUP)) == 0) continue;
      char buffer[4096];
      ssize_t n = read(fds[i].fd, buffer, sizeof buffer);
      if (n <= 0)
        open[i] = false;
      else
        (i == 0 ? result.out : result.err).append(buffer, size_t(n));
    }
    if (!sent && (result.out + result.err).find(when) != std::string::npos) {
      kill(c.pid, SIGINT);
      sent = true;
    }
    if (std::chrono::steady_clock::now() > deadline) kill(c.pid, SIGKILL);
  }
  int status = 0;
  waitpid(c.pid, &status, 0);
  close(c.out.read), close(c.err.read);
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}
}  // namespace

Scratch::Scratch() {
  std::string pattern = (fs::temp_directory_path() / "netc-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = pattern;
}

Scratch::~Scratch() {
  std::error_code error;
  fs::remove_all(folder_, error);
}

void Scratch::write(const std::string& name, const std::string& text) const {
  std::ofstream(path(name), std::ios::binary) << text;
}

std::string Scratch::read(const std::string& name) const {
  std::ifstream in(path(name), std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void Scratch::mnist(int train_records, int test_records, const std::string& folder) const {
  fs::create_directories(path(folder));
  write_mnist_part(path(folder), "train", train_records, 1);
  write_mnist_part(path(folder), "t10k", test_records, 2);
}

std::vector<std::string> example_names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(fs::path(NETC_SOURCE_DIR) / "examples"))
    if (entry.path().extension() == ".net") names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

void Scratch::example(const std::string& name, int train_records, int test_records) const {
  fs::copy_file(fs::path(NETC_SOURCE_DIR) / "examples" / name, path(name));
  const std::string text = read(name), loader = "mnist(\"";
  if (const size_t at = text.find(loader); at != std::string::npos) {
    const size_t begin = at + loader.size();
    mnist(train_records, test_records, text.substr(begin, text.find('"', begin) - begin));
  }
  for (const auto& entry : fs::directory_iterator(fs::path(NETC_SOURCE_DIR) / "examples"))
    if (const std::string file = entry.path().filename(); text.find('"' + file + '"') != text.npos)
      fs::copy_file(entry.path(), path(file));
}

void Scratch::npy_u8(const std::string& name, std::vector<int64_t> shape, int range,
                     int salt) const {
  std::string values;
  for (int64_t i = 0; i < product(shape); ++i)
    values += static_cast<char>(mix(uint32_t(salt) * 7919u + uint32_t(i)) % uint32_t(range));
  write(name, npy("|u1", shape, values));
}

void Scratch::npy_f32(const std::string& name, std::vector<int64_t> shape, int salt) const {
  std::string values;
  for (int64_t i = 0; i < product(shape); ++i) {
    float v = float(mix(uint32_t(salt) * 104729u + uint32_t(i)) >> 8) * 0x1p-23f - 1.0f;
    values.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  write(name, npy("<f4", shape, values));
}

ProcessResult Scratch::netc(const std::vector<std::string>& arguments,
                            const std::string& input) const {
  Child c = start(folder_, arguments);
  signal(SIGPIPE, SIG_IGN);
  for (size_t done = 0; done < input.size();) {
    ssize_t n = ::write(c.in.write, input.data() + done, input.size() - done);
    if (n <= 0) break;
    done += size_t(n);
  }
  close(c.in.write);
  return finish(c, "");
}

ProcessResult Scratch::netc_interrupted(const std::vector<std::string>& arguments,
                                        const std::string& when) const {
  Child c = start(folder_, arguments);
  close(c.in.write);
  return finish(c, when);
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> list;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) list.push_back(line);
  return list;
}

}  // namespace netc::test
