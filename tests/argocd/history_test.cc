// Which deployment a rollback goes to.
#include "tests/argocd/fixture.h"

namespace heald::argocd::testing {
namespace {

// Each letter is a revision.
Application Ran(const std::string& revisions) {
  Application app;
  app.name = "checkout";
  for (const char revision : revisions)
    app.history.push_back(
        {static_cast<int64_t>(app.history.size()), json{{"revision", std::string(1, revision)}}});
  return app;
}

std::string Target(const std::string& revisions, int64_t max_back = 9) {
  return PickRollback(Ran(revisions), std::nullopt, max_back).Shown();
}

int32_t WhyNot(const std::string& revisions, int64_t max_back = 9,
               std::optional<int64_t> id = std::nullopt) {
  try {
    PickRollback(Ran(revisions), id, max_back);
  } catch (const sdk::Failure& failure) {
    return failure.code();
  }
  return HEALD_OK;
}

TEST(ArgocdHistoryTest, GoesToWhatRanBefore) {
  EXPECT_EQ(Target("ab"), "a (history 0)");
  EXPECT_EQ(Target("abc"), "b (history 1)");
  EXPECT_EQ(Target("abcc"), "b (history 1)") << "the same again is no other deployment";
}

TEST(ArgocdHistoryTest, RollbackOfARollbackGoesFurtherBack) {
  EXPECT_EQ(Target("abcb"), "a (history 0)") << "c was what was wrong";
  EXPECT_EQ(Target("abcbd"), "b (history 3)") << "a new deployment begins anew";
}

TEST(ArgocdHistoryTest, GoesNoFurtherBackThanAllowed) {
  EXPECT_EQ(Target("zabc", 1), "b (history 2)");
  EXPECT_EQ(WhyNot("zabcb", 1), HEALD_FULL) << "b and c ran since a";
  EXPECT_EQ(WhyNot("zabcb", 2), HEALD_OK);
  EXPECT_EQ(WhyNot("abcd", 2, 0), HEALD_FULL);
  EXPECT_EQ(WhyNot("abcd", 3, 0), HEALD_OK);
}

TEST(ArgocdHistoryTest, SaysWhenThereIsNothingToGoBackTo) {
  EXPECT_EQ(WhyNot(""), HEALD_NOT_FOUND);
  EXPECT_EQ(WhyNot("a"), HEALD_NOT_FOUND);
  EXPECT_EQ(WhyNot("aa"), HEALD_NOT_FOUND);
  EXPECT_EQ(WhyNot("ab", 9, 7), HEALD_NOT_FOUND);
  EXPECT_EQ(WhyNot("aba", 9, 0), HEALD_CONFLICT) << "a runs already";
}

TEST(ArgocdHistoryTest, ChangedSourceIsAnotherDeployment) {
  Application app = Ran("aa");
  app.history[0].what["source"] = {{"helm", {{"parameters", {{{"name", "tag"}, {"value", "1"}}}}}}};
  app.history[1].what["source"] = {{"helm", {{"parameters", {{{"name", "tag"}, {"value", "2"}}}}}}};
  EXPECT_EQ(PickRollback(app, std::nullopt, 3).id, 0);
}

TEST(ArgocdHistoryTest, SeveralSourcesHaveSeveralRevisions) {
  Application app;
  app.history.push_back({1, json{{"revisions", {kA, kB}}}});
  app.history.push_back({2, json{{"revisions", {kA, kC}}}});
  EXPECT_EQ(PickRollback(app, std::nullopt, 3).Shown(), "aaaaaaa + bbbbbbb (history 1)");
}

TEST(ArgocdHistoryTest, ReadsWhatGoLeavesOut) {
  const Application app = ReadApplication(
      {{"metadata", {{"name", "x"}}},
       {"spec", {{"project", "default"}, {"syncPolicy", {{"automated", json::object()}}}}},
       {"status", {{"history", nullptr}, {"health", json::object()}}}});
  EXPECT_TRUE(app.auto_sync);
  EXPECT_FALSE(app.operation);
  EXPECT_TRUE(app.history.empty());
  const Application off =
      ReadApplication({{"metadata", {{"name", "x"}}},
                       {"spec", {{"syncPolicy", {{"automated", {{"enabled", false}}}}}}}});
  EXPECT_FALSE(off.auto_sync) << "newer ones keep the settings of what is off";
  EXPECT_THROW(ReadApplication({{"items", json::array()}}), sdk::Failure);
}

}  // namespace
}  // namespace heald::argocd::testing
