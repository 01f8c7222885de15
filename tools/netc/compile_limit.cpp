// A timer of the system, so that a single slow pass or kernel is interrupted too.
#include "tools/netc/compile_limit.h"

#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "tools/netc/options.h"

namespace netc::tools {

namespace {
std::chrono::steady_clock::duration g_used{};
std::string g_message;

void give_up(int) {
  [[maybe_unused]] ssize_t n = write(STDERR_FILENO, g_message.data(), g_message.size());
  _exit(static_cast<int>(Exit::program));
}

void set_timer(double seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = static_cast<time_t>(seconds);
  timer.it_value.tv_usec =
      static_cast<suseconds_t>((seconds - double(timer.it_value.tv_sec)) * 1e6);
  setitimer(ITIMER_REAL, &timer, nullptr);
}
}  // namespace

CompileLimit::CompileLimit(double seconds, std::string message) {
  g_message = std::move(message);
  struct sigaction action{};
  action.sa_handler = give_up;
  sigaction(SIGALRM, &action, nullptr);
  // A timer of 0 would never ring.
  const double left = seconds - std::chrono::duration<double>(g_used).count();
  set_timer(std::clamp(left, 1e-5, 1e8));
}

CompileLimit::~CompileLimit() {
  set_timer(0);
  g_used += std::chrono::steady_clock::now() - start_;
}

}  // namespace netc::tools
