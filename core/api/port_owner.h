// Who listens on a port already, for the error message of a failed bind. Used by server.cc.
// Thread rule: reads /proc; any thread.
#pragma once

#include <cstdint>
#include <string>

namespace heald::api {

// "pid 123 (nginx)"; empty when this user may not see it.
std::string FindPortOwner(uint16_t port);

}  // namespace heald::api
