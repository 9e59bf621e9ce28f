// Sockets on 127.0.0.1 for servers of tests that speak their bytes themselves. Thread rule: any.
#pragma once

#include <netinet/in.h>

namespace heald::fakes {

sockaddr_in Loopback(int port);

// A listening socket on a free port, which is told; throws where there is none.
int ListenOnLoopback(int* port);

}  // namespace heald::fakes
