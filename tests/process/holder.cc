// An agent for tests to kill: looks after one service until it dies.
//   process_holder STATE_DIR NAME COMMAND...
#include <unistd.h>

#include <string>
#include <vector>

#include "plugins/actions/process/service.h"

int main(int argc, char** argv) {
  using heald::process::Readiness;
  const std::string state_dir = argv[1];
  heald::process::ServiceSpec spec;
  spec.name = argv[2];
  spec.command.argv.assign(argv + 3, argv + argc);
  spec.command.log_file = state_dir + "/" + spec.name + ".log";
  spec.ready.port = 1;  // never probed for real
  heald::process::Service service(
      spec, state_dir, [](const Readiness&) { return std::string(); },
      [](bool, const std::string&) {});
  service.Start();
  for (;;) pause();
}
