// What a container uses: the Engine's stats, and two of them made into rates. The Engine's own
// deltas would take it a second more. Part of the docker source. Thread rule: pure.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace heald::docker {

struct Usage {
  int64_t read_ns = 0;  // by the Engine's clock; 0: there is none
  int64_t cpu_ns = -1;  // counters: -1 where the Engine doesn't say
  int64_t received_bytes = -1;
  int64_t sent_bytes = -1;
  int64_t disk_read_bytes = -1;
  int64_t disk_written_bytes = -1;
  int64_t memory_bytes = -1;  // without what the kernel gives back when it is needed
  int64_t memory_limit_bytes = 0;
  int64_t pids = -1;
  int64_t online_cpus = 0;
};

// stats: the body of GET /containers/{id}/stats.
Usage ReadUsage(const nlohmann::json& stats);

// How many processors a container may use; 0: as many as there are. inspect: GET
// /containers/{id}/json.
double CpuLimit(const nlohmann::json& inspect);

// name → value of everything that can be said; rates where `before` is of the same run of the
// container. cpu_limit: of CpuLimit.
std::vector<std::pair<std::string_view, double>> UsageSamples(const Usage& before, const Usage& now,
                                                              double cpu_limit);

}  // namespace heald::docker
