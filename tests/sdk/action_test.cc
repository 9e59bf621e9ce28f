#include <gmock/gmock.h>

#include "heald/plugin.h"
#include "tests/sdk/no_config.h"

namespace heald::sdk {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Rolling : public Action<Rolling> {
 public:
  static constexpr Info kInfo{.name = "rolling", .doc = "Remembers what it was asked for"};
  using Config = NoConfig;
  static Abilities AbilitiesOf(const Config&) { return {.canary = true}; }
  Rolling(Host, const Config&) {}
  Plan MakePlan(const Request&, const Config&) {
    Plan plan;
    plan.summary = "restart a, b";
    plan.can_canary = true;
    return plan;
  }
  Effect Execute(const Request& request, const Plan& plan, const Config&) {
    part = request.part;
    can_canary = plan.can_canary;
    RecordCall({"POST /a", "204", 1000, 5});
    if (fails) {
      RecordCall({"POST /b", "500", 1010, 7});
      throw Failure(HEALD_UNAVAILABLE, "b refuses");
    }
    return {EffectState::kDone, "well"};
  }
  Effect Observe(const Request&, const Plan&, const Config&) { return {EffectState::kDone, ""}; }

  bool fails = false;
  Part part = Part::kAll;
  bool can_canary = false;
};

class Undoing : public Action<Undoing> {
 public:
  static constexpr Info kInfo{.name = "undoing", .doc = "Takes back what it did"};
  using Config = NoConfig;
  Undoing(Host, const Config&) {}
  Plan MakePlan(const Request&, const Config&) { return {}; }
  Effect Execute(const Request&, const Plan&, const Config&) { return {}; }
  Effect Observe(const Request&, const Plan&, const Config&) { return {}; }
  Effect Undo(const Request&, const Plan&, const Config&) { return {}; }
};

class SdkActionTest : public ::testing::Test {
 protected:
  SdkActionTest() {
    request_.size = sizeof request_;
    request_.params = &config_;
    request_.part = HEALD_PART_REST;
    plan_.size = sizeof plan_;
    plan_.can_canary = 1;
    effect_.size = sizeof effect_;
  }
  int32_t Execute() {
    return Rolling::VTable()->execute(&action_, &request_, &plan_, &effect_, &error_);
  }
  std::vector<std::string> Calls() const {
    std::vector<std::string> out;
    for (uint64_t i = 0; i < effect_.call_count; ++i)
      out.push_back(std::string(detail::View(effect_.calls[i].call)) + " -> " +
                    std::string(detail::View(effect_.calls[i].answer)));
    return out;
  }

  heald_host host_{};
  heald_value config_{HEALD_VALUE_MAP, 0, {0}, 0};
  heald_action_request request_{};
  heald_plan plan_{};
  heald_effect effect_{};
  heald_error error_ = detail::NewError();
  Rolling action_{Host(&host_), NoConfig()};
};

TEST_F(SdkActionTest, IsToldWhichPartOfItsTarget) {
  ASSERT_EQ(Execute(), HEALD_OK);
  EXPECT_EQ(action_.part, Part::kRest);
  EXPECT_TRUE(action_.can_canary);
  heald_plan plan{};
  plan.size = sizeof plan;
  ASSERT_EQ(Rolling::VTable()->plan(&action_, &request_, &plan, &error_), HEALD_OK);
  EXPECT_EQ(plan.size, sizeof plan);
  EXPECT_EQ(plan.can_canary, 1u);
}

TEST_F(SdkActionTest, SaysWhatItIsAbleToDoUnderAConfig) {
  const heald_component* rolling = Rolling::Component();
  EXPECT_EQ(rolling->abilities_of(&config_), uint32_t{HEALD_CAN_CANARY});
  // One that says nothing of it can undo where it has Undo.
  EXPECT_EQ(Undoing::Component()->abilities_of(&config_), uint32_t{HEALD_CAN_UNDO});
}

TEST_F(SdkActionTest, ReportsTheCallsThatItMade) {
  ASSERT_EQ(Execute(), HEALD_OK);
  EXPECT_THAT(Calls(), ElementsAre("POST /a -> 204"));
  EXPECT_EQ(effect_.calls[0].at_ns, 1000);
  EXPECT_EQ(effect_.calls[0].took_ns, 5);
  ASSERT_EQ(Rolling::VTable()->observe(&action_, &request_, &plan_, &effect_, &error_), HEALD_OK);
  EXPECT_THAT(Calls(), IsEmpty());
}

TEST_F(SdkActionTest, ReportsThemAlsoWhereItFails) {
  action_.fails = true;
  EXPECT_EQ(Execute(), HEALD_UNAVAILABLE);
  EXPECT_THAT(Calls(), ElementsAre("POST /a -> 204", "POST /b -> 500"));
}

TEST(SdkCallsTest, OutsideAnActionNothingIsKept) {
  RecordCall({"GET /metrics", "200", 1, 1});
  EXPECT_EQ(detail::CallLog::Current(), nullptr);
}

}  // namespace
}  // namespace heald::sdk
