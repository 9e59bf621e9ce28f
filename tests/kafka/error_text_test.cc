#include "plugins/support/kafka/error_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald::kafka {
namespace {

using ::testing::HasSubstr;

KafkaConfig Config() {
  KafkaConfig config;
  config.brokers = {"kafka1:9092", "kafka2:9092"};
  return config;
}

TEST(KafkaErrorTest, KeepsWhatMattersOfAReason) {
  EXPECT_EQ(CleanReason("127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection "
                        "refused (after 0ms in state CONNECT, 1 identical error(s) suppressed)"),
            "127.0.0.1:1: Connection refused");
  EXPECT_EQ(CleanReason("sasl_ssl://k:9/2: Disconnected (after 12ms in state UP)"),
            "k:9: Disconnected");
  EXPECT_EQ(CleanReason("3/3 brokers are down"), "3/3 brokers are down");
}

TEST(KafkaErrorTest, NamesTheBrokersThatDontAnswer) {
  EXPECT_EQ(Explain(RD_KAFKA_RESP_ERR__TRANSPORT,
                    "kafka2:9092/2: Connect to ipv4#10.0.0.2:9092 failed: Connection refused "
                    "(after 3ms in state CONNECT)",
                    Config()),
            "no broker of kafka1:9092, kafka2:9092 answers (kafka2:9092: Connection refused)");
}

TEST(KafkaErrorTest, ARefusedLoginSaysWhoseAndWhatToCheck) {
  KafkaConfig config = Config();
  config.sasl = SaslConfig{Mechanism::kPlain, "anna", "secret"};
  const std::string text =
      Explain(RD_KAFKA_RESP_ERR__AUTHENTICATION,
              "sasl_plaintext://kafka1:9092/bootstrap: SASL authentication error: Authentication "
              "failed (after 2ms in state AUTH_REQ)",
              config);
  EXPECT_EQ(text,
            "the brokers refuse the login of user 'anna' (kafka1:9092: SASL authentication error: "
            "Authentication failed): check sasl.username, sasl.password and sasl.mechanism");
  EXPECT_THAT(text, ::testing::Not(HasSubstr("secret")));
}

TEST(KafkaErrorTest, SaysWhatToDoAboutTls) {
  EXPECT_THAT(Explain(RD_KAFKA_RESP_ERR__SSL,
                      "ssl://k:9/bootstrap: SSL handshake failed: error:0A000086:SSL "
                      "routines::certificate verify failed: broker certificate could not be "
                      "verified (after 8ms in state SSL_HANDSHAKE)",
                      Config()),
              HasSubstr("k:9 shows a certificate that isn't trusted"));
  EXPECT_THAT(Explain(RD_KAFKA_RESP_ERR__SSL,
                      "ssl://k:9/bootstrap: SSL handshake failed: error:0A00010B:SSL "
                      "routines::wrong version number",
                      Config()),
              HasSubstr("k:9 doesn't talk TLS at that port"));
  EXPECT_THAT(Explain(RD_KAFKA_RESP_ERR__TRANSPORT,
                      "k:9/bootstrap: Disconnected while requesting ApiVersion: might be caused by "
                      "incorrect security.protocol configuration (connecting to a SSL listener?)",
                      Config()),
              HasSubstr("Then write tls: {enabled: true}"));
}

// Brokers that go away while a connection is made hang up like those that talk TLS.
TEST(KafkaErrorTest, SettingsThatWorkedAreNotCalledWrong) {
  KafkaConfig tls = Config();
  tls.tls.enabled = true;
  for (const KafkaConfig& config : {Config(), tls})
    EXPECT_EQ(Explain(RD_KAFKA_RESP_ERR__TRANSPORT,
                      "kafka1:9092/1: Disconnected while requesting ApiVersion: might be caused by "
                      "incorrect security.protocol configuration (connecting to a SSL listener?) "
                      "or broker version is < 0.10 (see api.version.request) (after 2ms in state "
                      "APIVERSION_QUERY)",
                      config, true),
              "no broker of kafka1:9092, kafka2:9092 answers (kafka1:9092: Disconnected while "
              "requesting ApiVersion)");
}

TEST(KafkaErrorTest, SaysWhatIsWrongWithATopic) {
  EXPECT_EQ(ExplainTopic(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "t", Config()),
            "topic 't' doesn't exist: create it, or correct its name");
  EXPECT_EQ(ExplainTopic(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "t", Config()),
            "topic 't' isn't open to clients that don't log in: grant it there");
  EXPECT_THAT(ExplainTopic(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, "t", Config()),
              HasSubstr("topic 't' fails: "));
}

TEST(KafkaErrorTest, OnlyWhatCanNeverGoIsGivenUp) {
  EXPECT_TRUE(IsPermanent(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE));
  EXPECT_FALSE(IsPermanent(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
  EXPECT_FALSE(IsPermanent(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
  EXPECT_FALSE(IsPermanent(RD_KAFKA_RESP_ERR__TRANSPORT));
}

}  // namespace
}  // namespace heald::kafka
