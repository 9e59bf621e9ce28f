#include "plugins/sources/docker/usage.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "plugins/support/docker/container.h"
#include "plugins/support/docker/json.h"

namespace heald::docker {
namespace {

using nlohmann::json;

int64_t CountOr(const json& object, const char* pointer, int64_t absent) {
  const json& value = At(object, pointer);
  return value.is_number() ? value.get<int64_t>() : absent;
}

int64_t MemoryBytes(const json& memory) {
  const int64_t usage = CountOr(memory, "/usage", -1);
  if (usage < 0) return -1;
  // cgroup v2, then v1.
  const int64_t cache =
      CountOr(memory, "/stats/total_inactive_file", CountOr(memory, "/stats/inactive_file", 0));
  return cache < usage ? usage - cache : usage;
}

void ReadNetworks(const json& networks, Usage* usage) {
  // Null with the host's network, and without any.
  if (!networks.is_object() || networks.empty()) return;
  usage->received_bytes = usage->sent_bytes = 0;
  for (const auto& [name, network] : networks.items()) {
    usage->received_bytes += Number(network, "/rx_bytes");
    usage->sent_bytes += Number(network, "/tx_bytes");
  }
}

void ReadDisks(const json& list, Usage* usage) {
  if (!list.is_array()) return;
  usage->disk_read_bytes = usage->disk_written_bytes = 0;
  for (const json& item : list) {
    std::string op = Text(item, "/op");
    std::transform(op.begin(), op.end(), op.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (op == "read") usage->disk_read_bytes += Number(item, "/value");
    if (op == "write") usage->disk_written_bytes += Number(item, "/value");
  }
}

// "0-2,7": how many those are; 0 for anything else.
int64_t CountCpus(std::string_view set) {
  int64_t count = 0;
  while (!set.empty()) {
    const std::string_view part = set.substr(0, set.find(','));
    set.remove_prefix(std::min(set.size(), part.size() + 1));
    int64_t first = 0;
    int64_t last = 0;
    const char* end = part.data() + part.size();
    auto read = std::from_chars(part.data(), end, first);
    if (read.ec != std::errc()) return 0;
    last = first;
    if (read.ptr != end && *read.ptr == '-') read = std::from_chars(read.ptr + 1, end, last);
    if (read.ec != std::errc() || read.ptr != end || last < first) return 0;
    count += last - first + 1;
  }
  return count;
}

}  // namespace

Usage ReadUsage(const json& stats) {
  Usage usage;
  usage.read_ns = ParseTimeNs(Text(stats, "/read"));
  if (usage.read_ns == 0) return usage;  // it doesn't run
  usage.cpu_ns = CountOr(stats, "/cpu_stats/cpu_usage/total_usage", -1);
  const json& each = At(stats, "/cpu_stats/cpu_usage/percpu_usage");
  usage.online_cpus = CountOr(stats, "/cpu_stats/online_cpus",
                              each.is_array() ? static_cast<int64_t>(each.size()) : 0);
  usage.memory_bytes = MemoryBytes(At(stats, "/memory_stats"));
  usage.memory_limit_bytes = CountOr(stats, "/memory_stats/limit", 0);
  usage.pids = CountOr(stats, "/pids_stats/current", -1);
  ReadNetworks(At(stats, "/networks"), &usage);
  ReadDisks(At(stats, "/blkio_stats/io_service_bytes_recursive"), &usage);
  return usage;
}

double CpuLimit(const json& inspect) {
  const auto nano_cpus = static_cast<double>(Number(inspect, "/HostConfig/NanoCpus"));
  if (nano_cpus > 0) return nano_cpus / 1e9;
  const auto quota = static_cast<double>(Number(inspect, "/HostConfig/CpuQuota"));
  const auto period = static_cast<double>(Number(inspect, "/HostConfig/CpuPeriod"));
  if (quota > 0) return quota / (period > 0 ? period : 100'000);
  return static_cast<double>(CountCpus(Text(inspect, "/HostConfig/CpusetCpus")));
}

std::vector<std::pair<std::string_view, double>> UsageSamples(const Usage& before, const Usage& now,
                                                              double cpu_limit) {
  std::vector<std::pair<std::string_view, double>> samples;
  if (now.read_ns == 0) return samples;
  if (now.memory_bytes >= 0) {
    const auto bytes = static_cast<double>(now.memory_bytes);
    samples.emplace_back("memory_bytes", bytes);
    if (now.memory_limit_bytes > 0)
      samples.emplace_back("memory_ratio", bytes / static_cast<double>(now.memory_limit_bytes));
  }
  if (now.pids >= 0) samples.emplace_back("pids", static_cast<double>(now.pids));
  if (before.read_ns == 0 || now.read_ns <= before.read_ns) return samples;
  const double seconds = static_cast<double>(now.read_ns - before.read_ns) / 1e9;
  const auto add_rate = [&](std::string_view name, int64_t from, int64_t to, double per) {
    // Less than before: another run of the container, or a network that was left.
    if (from >= 0 && to >= from && per > 0)
      samples.emplace_back(name, static_cast<double>(to - from) / seconds / per);
  };
  const double cpus = cpu_limit > 0 ? cpu_limit : static_cast<double>(now.online_cpus);
  add_rate("cpu_ratio", before.cpu_ns, now.cpu_ns, cpus * 1e9);
  add_rate("network_received_bytes_per_second", before.received_bytes, now.received_bytes, 1);
  add_rate("network_sent_bytes_per_second", before.sent_bytes, now.sent_bytes, 1);
  add_rate("disk_read_bytes_per_second", before.disk_read_bytes, now.disk_read_bytes, 1);
  add_rate("disk_written_bytes_per_second", before.disk_written_bytes, now.disk_written_bytes, 1);
  return samples;
}

}  // namespace heald::docker
