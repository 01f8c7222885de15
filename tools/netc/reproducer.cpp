// Writes a folder that holds all that is needed to see an internal error again.
#include "tools/netc/reproducer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace netc::tools {

namespace {
std::string quoted(const std::string& argument) {
  std::string out = "'";
  for (char c : argument) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}
}  // namespace

ir::Diagnostic internal_error(const std::string& what, int argc, char** argv) {
  namespace fs = std::filesystem;
  ir::Diagnostic d;
  d.code = "I9901";
  d.message = "internal error: " + what;
  d.helps.emplace_back("this is a fault of netc, not of the program; please report it");
  std::error_code error;
  fs::path folder = fs::temp_directory_path(error) / fmt::format("netc-reproducer-{}", getpid());
  fs::create_directories(folder, error);
  std::ofstream script(folder / "command.sh");
  script << "# netc " << NETC_VERSION << ": " << what << "\nnetc";
  for (int i = 1; i < argc; ++i) {
    fs::path argument(argv[i]);
    bool is_program =
        fs::is_regular_file(argument, error) && fs::file_size(argument, error) < (16u << 20);
    if (is_program)
      fs::copy_file(argument, folder / argument.filename(), fs::copy_options::overwrite_existing,
                    error);
    script << ' ' << quoted(is_program ? argument.filename().string() : argv[i]);
  }
  script << '\n';
  if (script.flush()) {
    d.helps.back() += " with that folder";
    d.notes.push_back(fmt::format("program and command line are kept in {}", folder.string()));
  }
  return d;
}

}  // namespace netc::tools
