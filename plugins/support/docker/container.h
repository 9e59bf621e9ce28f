// Containers: their state as the Engine's inspect tells it, and the labels that compose gives them.
// Used by the docker action and the docker source. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace heald::docker {

inline constexpr std::string_view kProjectLabel = "com.docker.compose.project";
inline constexpr std::string_view kServiceLabel = "com.docker.compose.service";
inline constexpr std::string_view kNumberLabel = "com.docker.compose.container-number";
inline constexpr std::string_view kOneOffLabel = "com.docker.compose.oneoff";

// RFC 3339 with up to nine decimals, in UTC, as the Engine writes it; 0 for its zero time
// "0001-01-01T00:00:00Z" and for anything else.
int64_t ParseTimeNs(std::string_view text);

struct Container {
  std::string id;
  std::string name;
  std::string status;      // created, running, paused, restarting, removing, exited, dead
  std::string started_at;  // as the Engine wrote it
  int64_t exit_code = 0;
  std::string error;
  bool auto_remove = false;
  bool has_health_check = false;
  std::string health;         // starting, healthy, unhealthy
  std::string health_output;  // of the latest check
  int64_t healthy_within_ns = 0;

  bool running() const { return status == "running" || status == "paused"; }
};

// inspect: the body of GET /containers/{id}/json.
Container ReadContainer(const nlohmann::json& inspect);
// "web (3f2a1b…)": name and the id's first twelve digits.
std::string NameAndId(const Container& container);

}  // namespace heald::docker
