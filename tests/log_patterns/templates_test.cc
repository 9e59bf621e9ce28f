#include "plugins/detectors/log_patterns/templates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/log_patterns/harness.h"

namespace heald::log_patterns {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class TemplatesTest : public ::testing::Test {
 protected:
  Templates::Match Learn(std::string_view line) {
    const std::span<const Token> tokens = splitter_.Split(line);
    return templates_.Learn(line, tokens, splitter_.hash(), ++ts_ns_);
  }
  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    templates_.ForEach([&](uint32_t, const Template& known) { texts.push_back(known.Text()); });
    return texts;
  }
  void Limit(const TreeLimits& limits) { templates_ = Templates(limits); }

  Splitter splitter_{4096};
  Templates templates_{TreeLimits{}};
  int64_t ts_ns_ = 0;
};

TEST_F(TemplatesTest, LinesThatDifferInAWordBecomeOneTemplate) {
  EXPECT_TRUE(Learn("connection from alice closed").created);
  EXPECT_FALSE(Learn("connection from bob closed").created);
  EXPECT_FALSE(Learn("connection from 10.0.0.7 closed").created);
  EXPECT_THAT(Texts(), ElementsAre("connection from <*> closed"));
}

TEST_F(TemplatesTest, OtherLengthsOtherFirstWordsAndUnlikeLinesAreOtherTemplates) {
  Learn("connection from alice closed");
  EXPECT_TRUE(Learn("connection from alice closed again").created);
  EXPECT_TRUE(Learn("session from alice closed").created);
  EXPECT_TRUE(Learn("connection from nowhere in sight today").created);
  EXPECT_EQ(templates_.size(), 4u);
}

TEST_F(TemplatesTest, TheMostSimilarTemplateIsTaken) {
  Learn("job cleanup of disk one done now");
  Learn("job cleanup with errors five times again");
  const uint32_t id = Learn("job cleanup of disk two done now").id;
  EXPECT_EQ(templates_[id].Text(), "job cleanup of disk <*> done now");
}

TEST_F(TemplatesTest, NumbersAreMaskedFromTheFirstLineOnAndTheLineIsKept) {
  const uint32_t id = Learn("GET /users/42 took 17ms").id;
  EXPECT_EQ(templates_[id].Text(), "GET /users/<*> took <*>");
  EXPECT_EQ(templates_[id].example, "GET /users/42 took 17ms");
  Learn("GET /users/7 took 3ms");
  EXPECT_EQ(templates_[id].count, 2u);
}

TEST_F(TemplatesTest, WordsThatVaryTooMuchInOnePlaceCountAsVariable) {
  TreeLimits limits;
  limits.max_children = 3;
  limits.depth = 1;
  Limit(limits);
  for (const char* name : {"anna", "bert", "carl", "dora", "emil", "fred"})
    Learn(std::string(name) + " logged in from home");
  EXPECT_THAT(Texts(), UnorderedElementsAre("anna logged in from home", "bert logged in from home",
                                            "carl logged in from home", "<*> logged in from home"));
}

TEST_F(TemplatesTest, TheTemplateSeenLongestAgoMakesRoom) {
  TreeLimits limits;
  limits.max_templates = 3;
  Limit(limits);
  for (const char* line : {"alpha one", "beta two", "gamma three"}) Learn(line);
  Learn("alpha one");
  Learn("delta four");
  EXPECT_THAT(Texts(), ElementsAre("gamma three", "alpha one", "delta four"));
  EXPECT_EQ(templates_.evicted(), 1u);
  EXPECT_TRUE(Learn("beta two").created) << "forgotten is forgotten";
}

TEST_F(TemplatesTest, ATimeInFrontOfTheLinesLeadsNowhere) {
  Learn("2026-11-22 10:00:00,123 ERROR disk is full");
  EXPECT_TRUE(Learn("2026-11-22 10:00:01,456 ERROR out of memory").created)
      << "its time and level are equal, which says little";
  EXPECT_FALSE(Learn("2026-11-23 11:22:33,044 ERROR out of memory").created);
}

TEST_F(TemplatesTest, AllKindsOfOneShapeHaveRoom) {
  const auto kind = [](int number) {
    std::string line = "all begin alike";
    for (int word = 0; word < 6; ++word)
      line += " " + Word(static_cast<uint64_t>(100 * number + word));
    return line;
  };
  for (int number = 0; number < 3000; ++number) EXPECT_TRUE(Learn(kind(number)).created);
  for (int number = 0; number < 3000; ++number) EXPECT_FALSE(Learn(kind(number)).created);
  EXPECT_EQ(templates_.evicted(), 0u);
}

TEST_F(TemplatesTest, AmongManyTemplatesNoneThatIsSimilarIsMissed) {
  TreeLimits limits;
  limits.depth = 1;
  limits.max_templates = 60;  // some make room meanwhile
  Limit(limits);
  uint64_t random = 1;
  for (int i = 0; i < 5'000; ++i) {
    std::string line = "begin";
    for (int word = 0; word < 9; ++word) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      line += " " + Word((random >> 33) % (word % 3 == 0 ? 9 : 400));
    }
    const std::span<const Token> tokens = splitter_.Split(line);
    size_t most = 0;
    templates_.ForEach([&](uint32_t, const Template& known) {
      size_t equal = 0;
      for (size_t at = 0; at < tokens.size(); ++at)
        equal += known.words[at] == tokens[at].hash ? 1 : 0;
      most = std::max(most, equal);
    });
    ASSERT_EQ(Learn(line).created, most < 4) << line;
  }
  EXPECT_GT(templates_.evicted(), 0u);
}

TEST_F(TemplatesTest, WhoseTemplatesMadeRoomIsKnown) {
  TreeLimits limits;
  limits.max_templates = 2;
  Limit(limits);
  const uint32_t id = Learn("alpha one").id;
  templates_.RateOf(id, 7, [] { return Rate(0); });
  for (const char* line : {"beta two", "gamma three"}) Learn(line);
  EXPECT_EQ(templates_.EvictedFrom(7), 1);
  EXPECT_EQ(templates_.EvictedFrom(8), 0);
}

TEST_F(TemplatesTest, StaysBoundedWhateverComes) {
  TreeLimits limits;
  limits.max_templates = 50;
  limits.max_rates = 100;
  Limit(limits);
  uint64_t random = 1;
  for (int i = 0; i < 20'000; ++i) {
    std::string line;
    for (int word = 0; word < 5; ++word) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      for (int c = 0; c < 4; ++c) line += static_cast<char>('a' + (random >> (20 + 5 * c)) % 26);
      line += ' ';
    }
    const uint32_t id = Learn(line).id;
    templates_.RateOf(id, static_cast<uint32_t>(i % 7), [] { return Rate(0); });
    ASSERT_LE(templates_.size(), 50u);
  }
  size_t rates = 0;
  templates_.ForEach([&](uint32_t, const Template& known) { rates += known.rates.size(); });
  EXPECT_LE(rates, 100u);
  EXPECT_FALSE(Learn("a known line").id == Templates::kNone);
  EXPECT_FALSE(Learn("a known line").created);
}

TEST_F(TemplatesTest, RatesOfAGroupThatIsGoneGo) {
  const uint32_t id = Learn("hello there").id;
  templates_.RateOf(id, 1, [] { return Rate(0); });
  templates_.RateOf(id, 2, [] { return Rate(0); });
  templates_.DropRates([](uint32_t group) { return group == 1; });
  EXPECT_EQ(templates_[id].RateOf(1), nullptr);
  EXPECT_NE(templates_[id].RateOf(2), nullptr);
}

}  // namespace
}  // namespace heald::log_patterns
