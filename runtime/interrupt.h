// Ctrl-C and SIGTERM as a request that the training loop looks at.
#pragma once

namespace netc::runtime {

/// While it lives, a first SIGINT or SIGTERM sets requested_signal() and a second ends the process
/// at once with 128 + its number. SIGPIPE and SIGXFSZ are ignored: the write reports the failure.
/// Scopes nest: the outermost one does the work, so a signal before an inner one is not forgotten.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;
};

/// What a second signal calls before it ends the process: it may do only what signal handlers may.
/// Null: nothing.
void at_second_signal(void (*last_words)());

/// The signal that asked the process to stop; 0: none did.
int requested_signal();

}  // namespace netc::runtime
