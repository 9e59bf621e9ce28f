#include "plugins/sources/kafka/offsets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plugins/sources/kafka/settings.h"

namespace heald::kafka {
namespace {

using ::testing::HasSubstr;

TEST(KafkaOffsetsTest, KnowsWhatWasHandedOn) {
  Offsets offsets;
  const Partition first("t", 0);
  EXPECT_FALSE(offsets.Seen(first, 0, 10));
  offsets.Done(first, 5);
  EXPECT_TRUE(offsets.Seen(first, 4, 10));
  EXPECT_FALSE(offsets.Seen(first, 5, 10));
  EXPECT_FALSE(offsets.Seen({"t", 1}, 4, 10));
  EXPECT_EQ(offsets.Next(first), 5);
  EXPECT_EQ(offsets.Next({"t", 1}), -1);
}

TEST(KafkaOffsetsTest, BeginsAnewWithATopicThatWasMadeAnew) {
  Offsets offsets;
  offsets.Done({"t", 0}, 500);
  EXPECT_TRUE(offsets.Seen({"t", 0}, 3, -1)) << "its end isn't known";
  EXPECT_FALSE(offsets.Seen({"t", 0}, 0, 4));
  EXPECT_FALSE(offsets.Seen({"t", 0}, 1, 4));
}

SourceConfig Good() {
  SourceConfig config;
  config.brokers = {"kafka1:9092"};
  config.topics = {"metrics", "^telegraf\\..*"};
  return config;
}

std::vector<std::string> ProblemsOf(const SourceConfig& config) {
  std::vector<std::string> texts;
  for (const Problem& problem : CheckSourceConfig(config))
    texts.push_back(problem.pointer + ": " + problem.message);
  return texts;
}

TEST(KafkaSourceConfigTest, ChecksTopics) {
  SourceConfig config = Good();
  EXPECT_THAT(ProblemsOf(config), ::testing::IsEmpty());
  config.topics = {"a b", "", "x", "x"};
  EXPECT_THAT(
      ProblemsOf(config),
      ::testing::ElementsAre(HasSubstr("/topics/0: 'a b' is no topic's name"),
                             "/topics/1: is empty: name a topic", "/topics/3: 'x' is named twice"));
}

TEST(KafkaSourceConfigTest, WhatReadingRestsUponStaysAsItIs) {
  SourceConfig config = Good();
  config.librdkafka = {{"enable.auto.offset.store", "true"}, {"fetch.wait.max.ms", "100"}};
  EXPECT_THAT(ProblemsOf(config),
              ::testing::ElementsAre(
                  "/librdkafka/enable.auto.offset.store: is set by heald itself: leave it out"));
}

TEST(KafkaSourceConfigTest, TheGroupIsTheNodesUnlessNamed) {
  SourceConfig config = Good();
  EXPECT_EQ(ConsumerSettings(config, "bus").fixed.at("group.id"), "heald-bus");
  config.group = "mine";
  config.start = Begin::kEarliest;
  EXPECT_EQ(ConsumerSettings(config, "bus").fixed.at("group.id"), "mine");
  EXPECT_EQ(ConsumerSettings(config, "bus").fixed.at("auto.offset.reset"), "earliest");
}

}  // namespace
}  // namespace heald::kafka
