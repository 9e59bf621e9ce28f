#include "core/agent/crash.h"

#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <initializer_list>

#include "core/base/activity.h"

namespace heald::agent {
namespace {

// Only write(2) is safe in here.
void Say(const char* text) {
  const ssize_t ignored = write(STDERR_FILENO, text, std::strlen(text));
  static_cast<void>(ignored);
}

const char* NameOf(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV (bad memory access)";
    case SIGABRT:
      return "SIGABRT (abort)";
    case SIGBUS:
      return "SIGBUS (bad memory access)";
    case SIGFPE:
      return "SIGFPE (arithmetic)";
    default:
      return "SIGILL (illegal instruction)";
  }
}

extern "C" void OnFatalSignal(int signal) {
  const Activity activity = CurrentActivity();
  Say("heald: fatal: ");
  Say(NameOf(signal));
  if (activity.node != nullptr) {
    Say(" in node '");
    Say(activity.node);
    Say("', call ");
    Say(activity.call);
    Say(". A plugin crashed; what was under way is taken up again at the next start");
  }
  Say("\n");
  // The handler was reset on entry: this ends the process with the same signal, core dump included.
  raise(signal);
}

}  // namespace

void InstallCrashHandler() {
  struct sigaction action {};
  action.sa_handler = &OnFatalSignal;
  action.sa_flags = SA_RESETHAND | SA_NODEFER;
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL})
    sigaction(signal, &action, nullptr);
}

}  // namespace heald::agent
