// What the API shows as services: whose a series is, and how it is.
#include "core/agent/targets.h"

#include <gmock/gmock.h>

namespace heald::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TargetsTest : public ::testing::Test {
 protected:
  TargetsTest() {
    facts_.group_by = {"namespace", "service"};
    facts_.sources = {{0, "host"}};
    facts_.now_ns = kNow;
  }
  void Sample(const Labels& labels) {
    const Result<uint32_t> handle = series_.Intern(0, labels, 100, kNow);
    ASSERT_TRUE(handle);
    SeriesTable::Touch(series_.Get(*handle), kNow, 1, kNow);
  }
  // NAME STATE SERIES of each.
  std::vector<std::string> Listed() const {
    std::vector<std::string> out;
    for (const api::ServiceHealth& health : ListTargets(series_, facts_))
      out.push_back(TargetName(health.target) + " " + health.state + " " +
                    std::to_string(health.series));
    return out;
  }

  static constexpr int64_t kNow = 1'000'000'000'000;
  SeriesTable series_;
  TargetFacts facts_;
};

TEST_F(TargetsTest, SeriesThatNameNoServiceAreTheirInstances) {
  Sample({{"__name__", "cpu"}, {"instance", "db1:9100"}});
  Sample({{"__name__", "disk"}, {"instance", "db1:9100"}, {"device", "sda"}});
  Sample({{"__name__", "up"}, {"instance", "db1:8001"}, {"service", "orders"}});
  EXPECT_THAT(Listed(), ElementsAre("db1:9100 healthy 2", "orders healthy 1"));
}

TEST_F(TargetsTest, AServicesInstanceIsNoServiceOfItsOwn) {
  Sample({{"__name__", "up"}, {"instance", "db1:8001"}});
  Sample({{"__name__", "rate"}, {"instance", "db1:8001"}, {"service", "orders"}});
  EXPECT_THAT(Listed(), ElementsAre("orders healthy 1"));
}

TEST_F(TargetsTest, SeriesThatNameNeitherAreNobodys) {
  Sample({{"__name__", "exchange_rate"}, {"currency", "eur"}});
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_F(TargetsTest, AnInstanceIsAsBadAsTheWorstOfItsIncidents) {
  Sample({{"__name__", "disk"}, {"instance", "db1:9100"}, {"device", "sda"}});
  facts_.open = {
      {1, {{"instance", "db1:9100"}}, IncidentState::kOpen, Severity::kWarning, ""},
      {2,
       {{"instance", "db1:9100"}, {"device", "sda"}},
       IncidentState::kOpen,
       Severity::kCritical,
       ""},
  };
  EXPECT_THAT(Listed(), ElementsAre("db1:9100 critical 1"));
  EXPECT_EQ(ListTargets(series_, facts_).front().incident, 2u);
}

TEST_F(TargetsTest, AnIncidentOfNothingThatIsKnownIsShownByWhatItNames) {
  facts_.open = {{3, {{"job", "backup"}}, IncidentState::kOpen, Severity::kWarning, ""}};
  EXPECT_THAT(Listed(), ElementsAre("backup warning 0"));
}

}  // namespace
}  // namespace heald::agent
