#include "plugins/sources/docker/usage.h"

#include <gmock/gmock.h>

namespace heald::docker {
namespace {

using nlohmann::json;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

json Stats(int second, int64_t cpu_ns) {
  return {{"read", "2026-11-21T21:02:" + std::to_string(second) + ".5Z"},
          {"cpu_stats", {{"cpu_usage", {{"total_usage", cpu_ns}}}, {"online_cpus", 4}}},
          {"memory_stats",
           {{"usage", 700}, {"limit", 1000}, {"stats", {{"inactive_file", 200}, {"cache", 300}}}}},
          {"pids_stats", {{"current", 7}}}};
}

TEST(DockerUsageTest, TheFirstLookHasNoRates) {
  EXPECT_THAT(
      UsageSamples({}, ReadUsage(Stats(30, 5)), 0),
      UnorderedElementsAre(Pair("memory_bytes", 500), Pair("memory_ratio", 0.5), Pair("pids", 7)));
}

TEST(DockerUsageTest, CpuIsARatioOfWhatTheContainerMayUse) {
  const Usage before = ReadUsage(Stats(30, 1'000'000'000));
  const Usage now = ReadUsage(Stats(32, 2'000'000'000));  // half a processor
  EXPECT_THAT(UsageSamples(before, now, 0),
              ::testing::Contains(Pair("cpu_ratio", DoubleEq(0.125))));
  EXPECT_THAT(UsageSamples(before, now, 0.5), ::testing::Contains(Pair("cpu_ratio", DoubleEq(1))));
}

TEST(DockerUsageTest, LimitsComeInThreeForms) {
  EXPECT_EQ(CpuLimit({{"HostConfig", {{"NanoCpus", 1'500'000'000}}}}), 1.5);
  EXPECT_EQ(CpuLimit({{"HostConfig", {{"CpuQuota", 50'000}, {"CpuPeriod", 0}}}}), 0.5);
  EXPECT_EQ(CpuLimit({{"HostConfig", {{"CpusetCpus", "0-2,7"}}}}), 4);
  EXPECT_EQ(CpuLimit({{"HostConfig", {{"CpusetCpus", "0-x"}}}}), 0);
  EXPECT_EQ(CpuLimit(json::object()), 0);
}

TEST(DockerUsageTest, NetworksAndDisksAreSummedUpPerSecond) {
  const auto at = [](int second, int64_t bytes) {
    json stats = Stats(second, 0);
    stats["networks"] = {{"eth0", {{"rx_bytes", bytes}, {"tx_bytes", 2 * bytes}}},
                         {"eth1", {{"rx_bytes", bytes}, {"tx_bytes", 0}}}};
    stats["blkio_stats"]["io_service_bytes_recursive"] = {{{"op", "Read"}, {"value", bytes}},
                                                          {{"op", "write"}, {"value", 3 * bytes}}};
    return ReadUsage(stats);
  };
  EXPECT_THAT(UsageSamples(at(30, 1000), at(40, 2000), 0),
              ::testing::IsSupersetOf({Pair("network_received_bytes_per_second", 200.0),
                                       Pair("network_sent_bytes_per_second", 200.0),
                                       Pair("disk_read_bytes_per_second", 100.0),
                                       Pair("disk_written_bytes_per_second", 300.0)}));
}

TEST(DockerUsageTest, ARestartIsNoNegativeRate) {
  EXPECT_THAT(UsageSamples(ReadUsage(Stats(30, 9)), ReadUsage(Stats(40, 5)), 0),
              ::testing::Not(::testing::Contains(Pair("cpu_ratio", ::testing::_))));
}

TEST(DockerUsageTest, AContainerThatEndedUsesNothing) {
  EXPECT_THAT(
      UsageSamples(
          {}, ReadUsage({{"read", "0001-01-01T00:00:00Z"}, {"memory_stats", json::object()}}), 0),
      IsEmpty());
}

TEST(DockerUsageTest, GarbageIsNothing) {
  for (const char* text : {"{}", "[]", "null", R"({"read":5,"cpu_stats":[],"networks":"x"})"})
    EXPECT_EQ(ReadUsage(json::parse(text)).read_ns, 0) << text;
}

}  // namespace
}  // namespace heald::docker
