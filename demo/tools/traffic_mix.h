// What ordinary clients ask of a service: a random mix of its business requests that remembers the
// ids it was given. Used by the load engine, one per service.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace heald::demo {

struct PlannedRequest {
  std::string method;
  std::string path;
  std::string body;  // JSON, or empty
};

class TrafficMix {
 public:
  TrafficMix(std::string service, uint64_t seed);
  PlannedRequest Next();
  // An answer teaches the mix ids; a 404 makes it forget (the service was restarted).
  void Learn(const PlannedRequest& request, int status, const std::string& body);

 private:
  int Pick(int from, int to);
  PlannedRequest Create();

  const std::string service_;
  std::mt19937_64 random_;
  std::string known_id_;
};

}  // namespace heald::demo
