// Options common to all commands.
#include "tools/netc/options.h"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "runtime/limits.h"
#include "tools/netc/option_table.h"

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

namespace {
void add_limits(CLI::App& command, CommonOptions& o) {
  const auto bytes = CLI::AsSizeValue(/*kb_is_1000=*/false);
  // CLI11 takes -1 for 2^64 - 1.
  const CLI::Validator small_number(
      [](std::string& text) {
        const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
        return digits > 0 && digits <= 15 ? std::string()
                                          : "`" + text + "` is no number of bytes: 4096, 512M, 8G";
      },
      "");
  command.add_option("--max-source", o.max_source, "limit: the source of a file (default 16M)")
      ->type_name("BYTES")
      ->transform(bytes)
      ->transform(small_number);
  const auto at_least_one = [](CLI::Option* option, int64_t most = INT64_MAX) {
    whole_number(option->type_name("N"), 1, most);
  };
  at_least_one(
      command.add_option("--max-nesting", o.max_nesting, "limit: levels of nesting (default 256)"),
      INT32_MAX);
  at_least_one(
      command.add_option("--max-ops", o.max_ops, "limit: ops of the program (default 1000000)"));
  at_least_one(
      command.add_option("--max-rank", o.max_rank, "limit: dims of a tensor (default 16)"));
  at_least_one(command.add_option("--max-elements", o.max_elements,
                                  "limit: elements of a tensor (default 2^40)"));
  command
      .add_option("--max-header", runtime::limits().file_header,
                  "limit: the header of a data or weight file (default 16M)")
      ->type_name("BYTES")
      ->transform(bytes)
      ->transform(small_number);
  command
      .add_option("--max-memory", runtime::limits().memory,
                  "limit: memory, as 512M or 8G (default: 80 % of the machine's)")
      ->type_name("BYTES")
      ->transform(bytes)
      ->transform(small_number);
  above_zero(command
                 .add_option("--max-compile-time", o.max_compile_time,
                             "limit: from source to machine code (default 60)")
                 ->type_name("SECONDS"));
}
}  // namespace

void add_common(CLI::App& command, CommonOptions& o, const char* file_help) {
  command.add_option("FILE", o.file, file_help)->required();
  command.option_defaults()->group(kCommonGroup);
  command.add_option("--set", o.set, "change a setting of train or data, or a let")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false)
      ->take_all();
  one_of(command.add_option("--dtype", o.dtype, "the default float"), {"f32", "f64"});
  whole_number(
      command.add_option("--threads", o.threads, "threads (default: CPUs this process may use)")
          ->type_name("N"),
      1, 4096);
  command.add_option("--seed", o.seed, "seed of initialisers, shuffling and dropout")
      ->type_name("N")
      ->check(CLI::Validator(
          [](std::string& text) {
            uint64_t seed = 0;
            auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
            bool good = error == std::errc() && end == text.data() + text.size();
            return good ? std::string() : "`" + text + "` is no whole number from 0 to 2^64 - 1";
          },
          "SEED"));
  one_of(command.add_option("--cpu", o.cpu, "instruction set level"),
         {"sse2", "avx2", "avx512", "native"});
  one_of(
      command.add_option("-O", o.optimise,
                         "0 no simplification, fusion or layouts; 1 no layouts; 2 all (default)"),
      {"0", "1", "2"});
  command.add_flag("--json", o.json, "JSON lines on stdout");
  one_of(command.add_option("--color", o.colour, "whether to colour (default: on a terminal)"),
         {"auto", "always", "never"});
  command.add_flag("-q,--quiet", o.quiet, "nothing on stderr but errors");
  command.add_flag("-v,--verbose", o.verbose, "say more");
  command.add_option("--model", o.model, "which model, where the file has several")
      ->type_name("MODEL");
  one_of(command.add_option("--diagnostics", o.diagnostics, "form of diagnostics"),
         {"full", "short", "json"});
  whole_number(
      command.add_option("--max-errors", o.max_errors, "errors shown in one run (default 20)")
          ->type_name("N"),
      1);
  add_limits(command, o);
  command.add_flag("--fast", o.fast, "allow rules that may lose NaN, inf or signed zero");
  whole_number(
      command.add_option("--fuel", o.fuel, "stop after this many rewrites")->type_name("N"), 0);
  command.option_defaults()->group("Options");
}

}  // namespace netc::tools
