// Makes the mock broker of librdkafka, which listens on 127.0.0.1 at a port of its own choice, one
// that other machines can use: takes connections at an address of ours, and puts that address in
// place of the mock's in the answers that tell where brokers are. Used by heald-demo-broker. Thread
// rule: made and ended by one thread; connections have theirs.
#pragma once

#include <Poco/Net/TCPServer.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace heald::demo {

struct BrokerAddress {
  std::string host;
  uint16_t port = 0;
};

// One answer with `from` replaced by `to` wherever it stands as the protocol writes a broker's
// address: a string with its length before it (2 bytes, or one in newer versions), then the port.
std::string WithAddress(std::string_view answer, const BrokerAddress& from,
                        const BrokerAddress& to);

class BrokerFront {
 public:
  // Listens on all interfaces at told.port; throws Poco::Exception where that is taken.
  BrokerFront(BrokerAddress mock, BrokerAddress told);

 private:
  Poco::Net::TCPServer server_;
};

}  // namespace heald::demo
