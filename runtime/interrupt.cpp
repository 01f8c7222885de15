// Signal handlers; they do nothing but store to an atomic or leave.
#include "runtime/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <iterator>

namespace netc::runtime {
namespace {

std::atomic<int> requested{0};
std::atomic<void (*)()> last_words{nullptr};
static_assert(std::atomic<int>::is_always_lock_free);
static_assert(std::atomic<void (*)()>::is_always_lock_free);

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ};
struct sigaction saved_actions[std::size(kSignals)];
int depth = 0;  ///< scopes alive; only the main thread makes them

void handle(int signal) {
  int none = 0;
  if (requested.compare_exchange_strong(none, signal)) return;
  if (auto* say = last_words.load()) say();
  _exit(128 + signal);
}

}  // namespace

InterruptScope::InterruptScope() {
  if (depth++ > 0) return;
  requested.store(0);
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    struct sigaction action{};
    const bool stops = kSignals[i] == SIGINT || kSignals[i] == SIGTERM;
    action.sa_handler = stops ? handle : SIG_IGN;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(kSignals[i], &action, &saved_actions[i]);
  }
}

InterruptScope::~InterruptScope() {
  if (--depth > 0) return;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &saved_actions[i], nullptr);
  }
}

void at_second_signal(void (*say)()) { last_words.store(say); }

int requested_signal() { return requested.load(std::memory_order_relaxed); }

}  // namespace netc::runtime
