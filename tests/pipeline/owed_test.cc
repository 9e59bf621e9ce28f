#include "core/pipeline/owed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace heald {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class OwedTest : public ::testing::Test {
 protected:
  OwedTest() {
    std::string pattern = ::testing::TempDir() + "heald-owed-XXXXXX";
    state_ = mkdtemp(pattern.data());
  }
  ~OwedTest() override { std::filesystem::remove_all(state_); }

  void Leave(const std::string& node, const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(state_ + "/nodes/" + node);
    std::ofstream(state_ + "/nodes/" + node + "/" + file) << text;
  }
  std::vector<std::string> With(const std::map<std::string, RunningNode>& running) const {
    std::vector<std::string> told;
    for (const Owed& owed : OwedByGone(state_, running)) told.push_back(owed.Sentence());
    return told;
  }
  std::string state_;
};

TEST_F(OwedTest, IsToldOnceTheNodeIsGone) {
  Leave("back", "owed-argocd-1", "auto-sync of shop is off\n{}\n");
  Leave("back", "snapshot", "something else\n");
  const auto told = "back is no longer in the pipeline and has left this: auto-sync of shop is off";
  EXPECT_THAT(With({{"back", {"argocd", {}}}}), IsEmpty()) << "it looks after it";
  EXPECT_THAT(With({{"other", {"argocd", {}}}}), ElementsAre(told));
  EXPECT_THAT(With({{"back", {"exec", {}}}}), ElementsAre(told)) << "another plugin by that name";
}

TEST_F(OwedTest, IsToldOnceTheNodeIsConfiguredOtherwise) {
  Leave("back", "owed-argocd-1", "auto-sync of shop is off\nwith url: https://a:8443/argo\n{}\n");
  const auto at = [](const std::string& url) {
    return std::map<std::string, RunningNode>{{"back", {"argocd", {{"url", url}}}}};
  };
  EXPECT_THAT(With(at("https://a:8443/argo")), IsEmpty());
  EXPECT_THAT(With(at("https://a:8443/argo/")), IsEmpty()) << "the same place";
  EXPECT_THAT(With(at("https://a.example.org/argo")),
              ElementsAre("back has another url now and has left this: auto-sync of shop is off"));
  EXPECT_THAT(With({}), ElementsAre(HasSubstr("back is no longer in the pipeline")));
}

TEST_F(OwedTest, WhoTakesItOverIsSaid) {
  Leave("back", "owed-argocd-1", "auto-sync of shop is off\nwith url: https://a\n{}\n");
  const RunningNode same{"argocd", {{"url", "https://a/"}}};
  const RunningNode elsewhere{"argocd", {{"url", "https://b"}}};
  EXPECT_THAT(
      With({{"back_out", same}, {"b", elsewhere}, {"c", {"exec", {}}}}),
      ElementsAre("back is no longer in the pipeline; back_out takes over what it has left: "
                  "auto-sync of shop is off"));
  EXPECT_THAT(With({{"back", elsewhere}, {"back_out", same}, {"cart", same}}),
              ElementsAre("back has another url now; back_out or cart takes over what it has left: "
                          "auto-sync of shop is off"));
}

TEST_F(OwedTest, AFileWithoutASentenceIsNamed) {
  Leave("back", "owed-argocd-1", "");
  EXPECT_THAT(With({}), ElementsAre(HasSubstr("nodes/back/owed-argocd-1 is damaged")));
}

TEST_F(OwedTest, AStateFolderThatIsntThereHoldsNothing) {
  EXPECT_THAT(With({}), IsEmpty());
}

TEST(RunningNodesTest, OneThatIsSwitchedOffLooksAfterNothing) {
  PipelineSpec spec;
  for (const bool enabled : {true, false}) {
    NodeSpec& node = spec.nodes.emplace_back();
    node.name = enabled ? "on" : "off";
    node.plugin = "argocd";
    node.config = Value::Map{{"url", "https://a"}, {"timeout", 5}};
    node.enabled = enabled;
  }
  const auto running = RunningNodes(spec);
  ASSERT_EQ(running.size(), 1u);
  EXPECT_EQ(running.at("on").plugin, "argocd");
  EXPECT_THAT(running.at("on").config, ElementsAre(Pair("url", "https://a")));
}

}  // namespace
}  // namespace heald
