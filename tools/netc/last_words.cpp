// All texts are made beforehand: a signal handler may only look for files and write.
#include "tools/netc/last_words.h"

#include <fmt/format.h>
#include <unistd.h>

#include "runtime/checkpoint.h"
#include "runtime/interrupt.h"
#include "runtime/training_events.h"

namespace netc::tools {

namespace {
std::string g_checkpoint, g_weights;         ///< paths
std::string g_kept, g_lost;                  ///< texts with and without a checkpoint
std::string g_end_with_weights, g_bare_end;  ///< events

void put(int stream, const std::string& text) {
  [[maybe_unused]] const ssize_t n = write(stream, text.data(), text.size());
}

void say() {
  const auto exists = [](const std::string& path) { return access(path.c_str(), F_OK) == 0; };
  put(STDERR_FILENO, exists(g_checkpoint) ? g_kept : g_lost);
  put(STDOUT_FILENO, exists(g_weights) ? g_end_with_weights : g_bare_end);
}
}  // namespace

LastWords::LastWords(const std::string& directory, bool json, bool quiet) {
  g_checkpoint = directory + "/" + runtime::kStateFile;
  g_weights = directory + "/" + runtime::kWeightsFile;
  g_kept = g_lost = g_end_with_weights = g_bare_end = "";
  if (!quiet) {
    g_kept = fmt::format(
        "\nstopped before all was saved: `netc train --resume {}` goes on from the last "
        "checkpoint\n",
        directory);
    g_lost = fmt::format("\nstopped before anything was saved in {}\n", directory);
  }
  if (json) {
    runtime::EndEvent end;
    end.reason = runtime::StopReason::Killed;
    g_bare_end = runtime::to_json(end) + "\n";
    end.weights = g_weights;
    g_end_with_weights = runtime::to_json(end) + "\n";
  }
  runtime::at_second_signal(say);
}

LastWords::~LastWords() { runtime::at_second_signal(nullptr); }

}  // namespace netc::tools
