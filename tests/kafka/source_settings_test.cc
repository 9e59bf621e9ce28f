// What of a kafka source's configuration reaches librdkafka. The mock brokers know neither SCRAM
// nor TLS of their own, so logins and certificates are held to librdkafka's own account of its
// settings here, and to real brokers where HEALD_TEST_KAFKA_BROKERS names some.
#include "plugins/sources/kafka/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace heald::kafka {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

SourceConfig GoodMetrics() {
  SourceConfig config;
  config.brokers = {"kafka1:9092"};
  config.topics = {"shop.metrics"};
  return config;
}

std::vector<std::string> Problems(const SourceConfig& config) {
  std::vector<std::string> out;
  for (const Problem& problem : CheckSourceConfig(config))
    out.push_back(problem.pointer + ": " + problem.message);
  return out;
}

std::string Value(const SourceConfig& config, const char* name) {
  const Conf conf = MakeConf(config, ConsumerSettings(config, "node"));
  std::array<char, 512> value{};
  size_t size = value.size();
  return rd_kafka_conf_get(conf.get(), name, value.data(), &size) == RD_KAFKA_CONF_OK ? value.data()
                                                                                      : "unknown";
}

TEST(KafkaSourceSettingsTest, LoginAndTlsReachLibrdkafka) {
  SourceConfig config = GoodMetrics();
  config.sasl = SaslConfig{Mechanism::kScramSha512, "anna", "secret"};
  config.tls.enabled = true;
  EXPECT_THAT(Problems(config), IsEmpty());
  EXPECT_EQ(Value(config, "security.protocol"), "sasl_ssl");
  EXPECT_EQ(Value(config, "sasl.mechanism"), "SCRAM-SHA-512");
  EXPECT_EQ(Value(config, "sasl.username"), "anna");
  EXPECT_EQ(Value(config, "sasl.password"), "secret");
  EXPECT_EQ(Value(config, "enable.ssl.certificate.verification"), "true");
  EXPECT_EQ(Value(config, "ssl.endpoint.identification.algorithm"), "https");
  EXPECT_EQ(Value(config, "group.id"), "heald-node");
  EXPECT_EQ(Value(config, "enable.auto.offset.store"), "false") << "only what was handed on";
  config.tls.insecure_skip_verify = true;
  EXPECT_EQ(Value(config, "enable.ssl.certificate.verification"), "false");
}

TEST(KafkaSourceSettingsTest, SettingsThatDontGoTogetherAreAMistakeInTheFile) {
  SourceConfig config = GoodMetrics();
  config.librdkafka = {{"max.poll.interval.ms", "5000"}, {"session.timeout.ms", "6000"}};
  EXPECT_THAT(Problems(config),
              ElementsAre(HasSubstr("/librdkafka: librdkafka wouldn't start with these: ")));
}

TEST(KafkaSourceSettingsTest, AnExpressionThatIsNoneIsAMistakeInTheFile) {
  SourceConfig config = GoodMetrics();
  config.topics = {"^shop\\..*", "^(", "shop metrics"};
  EXPECT_THAT(Problems(config),
              ElementsAre(HasSubstr("/topics/1: '^(' is no regular expression"),
                          HasSubstr("/topics/2: 'shop metrics' is no topic's name")));
}

}  // namespace
}  // namespace heald::kafka
