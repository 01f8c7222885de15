// Options common to all commands.
#include "tools/netc/options.h"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

namespace netc::tools {

Console CommonOptions::console() const {
  Console c = Console::detect(colour == "always"  ? ColourChoice::always
                              : colour == "never" ? ColourChoice::never
                                                  : ColourChoice::automatic);
  c.quiet = quiet;
  c.verbose = verbose;
  return c;
}

int CommonOptions::thread_count() const {
  if (threads > 0) return threads;
  cpu_set_t cpus;
  if (sched_getaffinity(0, sizeof cpus, &cpus) != 0) return 1;
  return std::max(1, CPU_COUNT(&cpus));
}

void add_common(CLI::App& command, CommonOptions& o, const char* file_help) {
  command.add_option("file", o.file, file_help)->required();
  command.add_option("--set", o.set, "PATH=VALUE: change a setting of train or data, or a let")
      ->allow_extra_args(false)
      ->take_all();
  command.add_option("--dtype", o.dtype, "the default float")->check(CLI::IsMember({"f32", "f64"}));
  command.add_option("--threads", o.threads, "threads (default: CPUs this process may use)")
      ->check(CLI::Range(1, 4096));
  command.add_option("--seed", o.seed, "seed of initialisers, shuffling and dropout")
      ->check(CLI::Validator(
          [](std::string& text) {
            uint64_t seed = 0;
            auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
            bool good = error == std::errc() && end == text.data() + text.size();
            return good ? std::string() : "not a number from 0 to 2^64 - 1: " + text;
          },
          "SEED"));
  command.add_option("--cpu", o.cpu, "instruction set level")
      ->check(CLI::IsMember({"sse2", "avx2", "avx512", "native"}));
  command
      .add_option("-O", o.optimise, "0 no simplification, fusion or layouts; 1 no layouts; 2 all")
      ->check(CLI::Range(0, 2));
  command.add_flag("--json", o.json, "JSON lines on stdout");
  command.add_option("--color", o.colour, "colour on stderr")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  command.add_flag("-q,--quiet", o.quiet, "nothing on stderr but errors");
  command.add_flag("-v,--verbose", o.verbose, "say more");
  command.add_option("--model", o.model, "which model, where the file has several");
  command.add_option("--diagnostics", o.diagnostics, "form of diagnostics")
      ->check(CLI::IsMember({"full", "short", "json"}));
  command.add_option("--max-errors", o.max_errors, "errors shown in one run")
      ->check(CLI::Range(size_t{1}, size_t{1} << 30));
  command.add_option("--max-source", o.max_source, "limit: bytes of source");
  command.add_option("--max-nesting", o.max_nesting, "limit: nesting of the source");
  command.add_option("--max-ops", o.max_ops, "limit: ops of the program");
  command.add_flag("--fast", o.fast, "allow rules that may lose NaN, inf or signed zero");
  command.add_option("--fuel", o.fuel, "stop after this many rewrites");
}

}  // namespace netc::tools
