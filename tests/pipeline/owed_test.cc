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
  std::vector<std::string> With(const std::map<std::string, std::string>& running) const {
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
  EXPECT_THAT(With({{"back", "argocd"}}), IsEmpty()) << "it looks after it";
  EXPECT_THAT(With({{"other", "argocd"}}), ElementsAre(told));
  EXPECT_THAT(With({{"back", "exec"}}), ElementsAre(told)) << "another plugin by that name";
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
    node.enabled = enabled;
  }
  EXPECT_EQ(RunningNodes(spec), (std::map<std::string, std::string>{{"on", "argocd"}}));
}

}  // namespace
}  // namespace heald
