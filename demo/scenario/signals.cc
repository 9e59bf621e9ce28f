#include "demo/scenario/signals.h"

#include <csignal>
#include <ctime>

#include "core/base/units.h"

namespace heald::demo {
namespace {

const sigset_t& Signals() {
  static const sigset_t kSignals = [] {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
    return set;
  }();
  return kSignals;
}

}  // namespace

void BlockSignals() {
  pthread_sigmask(SIG_BLOCK, &Signals(), nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool PauseOrStop(int64_t duration_ns) {
  static bool asked = false;
  const timespec wait{duration_ns / kSecond, duration_ns % kSecond};
  asked = asked || sigtimedwait(&Signals(), nullptr, &wait) > 0;
  return asked;
}

}  // namespace heald::demo
