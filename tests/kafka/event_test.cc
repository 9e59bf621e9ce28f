#include "plugins/notifiers/kafka/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "plugins/notifiers/kafka/config.h"
#include "plugins/support/cloud_event.h"

namespace heald::kafka {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;
using Json = nlohmann::json;

heald_str Str(std::string_view text) {
  return {text.data(), text.size()};
}

class KafkaEventTest : public ::testing::Test {
 protected:
  KafkaEventTest() {
    notice_.size = sizeof notice_;
    notice_.kind = HEALD_NOTICE_INCIDENT;
    notice_.event_id = Str("6f1c");
    notice_.node = Str("cure");
    notice_.ts_ns = 1'795'294'950'123'000'000;
    notice_.text = Str("incident #3 opened");
    incident_.size = sizeof incident_;
    incident_.id = 3;
    incident_.target = {labels_, 2};
    notice_.incident = &incident_;
    config_.topic = "heald.events";
  }
  heald_label labels_[2] = {{Str("namespace"), Str("shop")}, {Str("service"), Str("orders")}};
  heald_label finer_[3] = {{Str("instance"), Str("a:1")},
                           {Str("namespace"), Str("shop")},
                           {Str("service"), Str("orders")}};
  heald_notification notice_{};
  heald_incident incident_{};
  heald_finding finding_{};
  heald_plan plan_{};
  heald_decision decision_{};
  heald_outcome outcome_{};
  NotifierConfig config_;
};

TEST_F(KafkaEventTest, IsAStructuredCloudEvent) {
  const Message message = MessageOf(notice_, config_);
  EXPECT_EQ(message.topic, "heald.events");
  EXPECT_EQ(message.key, "namespace=shop,service=orders");
  EXPECT_THAT(message.headers, Contains(Pair("content-type", "application/cloudevents+json")));
  const Json event = Json::parse(message.value);
  EXPECT_EQ(event["specversion"], "1.0");
  EXPECT_EQ(event["id"], "6f1c");
  EXPECT_EQ(event["source"], "/heald");
  EXPECT_EQ(event["type"], "dev.heald.incident.opened");
  EXPECT_EQ(event["subject"], "namespace=shop,service=orders");
  EXPECT_EQ(event["time"], "2026-11-21T21:02:30.123Z");
  EXPECT_EQ(event["datacontenttype"], "application/json");
  EXPECT_EQ(event["data"]["event_id"], "6f1c");
  EXPECT_EQ(event["data"]["incident"]["id"], 3);
}

TEST_F(KafkaEventTest, InBinaryModeItsAttributesAreHeaders) {
  config_.format = Format::kBinary;
  const Message message = MessageOf(notice_, config_);
  for (const auto& [name, value] :
       std::map<std::string, std::string>{{"ce_specversion", "1.0"},
                                          {"ce_id", "6f1c"},
                                          {"ce_source", "/heald"},
                                          {"ce_type", "dev.heald.incident.opened"},
                                          {"ce_subject", "namespace=shop,service=orders"},
                                          {"ce_time", "2026-11-21T21:02:30.123Z"},
                                          {"content-type", "application/json"}})
    EXPECT_THAT(message.headers, Contains(Pair(name, value)));
  EXPECT_EQ(Json::parse(message.value)["incident"]["id"], 3);
}

TEST_F(KafkaEventTest, AllThatIsToldOfAnIncidentHasOneKey) {
  finding_.target = {finer_, 3};
  notice_.kind = HEALD_NOTICE_FINDING;
  notice_.finding = &finding_;
  EXPECT_EQ(MessageOf(notice_, config_).key, "namespace=shop,service=orders");
  notice_.incident = nullptr;
  EXPECT_EQ(MessageOf(notice_, config_).key, "instance=a:1,namespace=shop,service=orders");
  config_.key = "orders";
  EXPECT_EQ(MessageOf(notice_, config_).key, "orders");
}

TEST_F(KafkaEventTest, TypesNameWhatHappened) {
  incident_.state = HEALD_INCIDENT_RESOLVED;
  EXPECT_EQ(support::CloudEventType(notice_), "dev.heald.incident.resolved");
  notice_.kind = HEALD_NOTICE_DECISION;
  decision_.plan = &plan_;
  notice_.decision = &decision_;
  decision_.verdict = HEALD_DECISION_AWAITS_APPROVAL;
  EXPECT_EQ(support::CloudEventType(notice_), "dev.heald.decision.awaits_approval");
  notice_.kind = HEALD_NOTICE_OUTCOME;
  notice_.outcome = &outcome_;
  outcome_.state = HEALD_OUTCOME_VERIFIED;
  EXPECT_EQ(support::CloudEventType(notice_), "dev.heald.outcome.verified");
  outcome_.state = 99;
  EXPECT_EQ(support::CloudEventType(notice_), "dev.heald.outcome.unknown_99") << "of a later host";
  notice_.kind = HEALD_NOTICE_FINDING;
  notice_.finding = &finding_;
  finding_.state = HEALD_FINDING_CLEAR;
  EXPECT_EQ(support::CloudEventType(notice_), "dev.heald.finding.cleared");
}

TEST_F(KafkaEventTest, AFilledInTopicIsAlwaysAName) {
  config_.topic = "heald.Team A/B";
  EXPECT_EQ(MessageOf(notice_, config_).topic, "heald.Team_A_B");
  config_.topic = std::string(400, 'x');
  EXPECT_EQ(MessageOf(notice_, config_).topic.size(), 249u);
}

TEST_F(KafkaEventTest, CarriesHeadersOfOnesOwn) {
  config_.headers = {{"severity", "critical"}};
  EXPECT_THAT(MessageOf(notice_, config_).headers, Contains(Pair("severity", "critical")));
}

TEST_F(KafkaEventTest, TextThatIsNoUtf8DoesNotStopIt) {
  notice_.text = Str("bad \xff byte");
  EXPECT_THAT(MessageOf(notice_, config_).value, HasSubstr("bad \xef\xbf\xbd byte"));
}

// ---- config ----

std::vector<std::string> ProblemsOf(const NotifierConfig& config) {
  std::vector<std::string> texts;
  for (const Problem& problem : CheckNotifierConfig(config))
    texts.push_back(problem.pointer + ": " + problem.message);
  return texts;
}

NotifierConfig Good() {
  NotifierConfig config;
  config.brokers = {"kafka1:9092", "[::1]:9093", "kafka3"};
  return config;
}

TEST(KafkaConfigTest, TakesBrokersTlsAndALogin) {
  NotifierConfig config = Good();
  config.sasl = SaslConfig{Mechanism::kScramSha256, "anna", "secret"};
  config.tls.enabled = true;
  config.librdkafka = {{"compression.type", "zstd"}, {"linger.ms", "50"}};
  EXPECT_THAT(ProblemsOf(config), ::testing::IsEmpty());
  const Conf conf = MakeConf(config, ProducerSettings());
  const auto value = [&](const char* name) { return ConfValue(conf.get(), name); };
  EXPECT_EQ(value("bootstrap.servers"), "kafka1:9092,[::1]:9093,kafka3");
  EXPECT_EQ(value("security.protocol"), "sasl_ssl");
  EXPECT_EQ(value("sasl.mechanism"), "SCRAM-SHA-256");
  EXPECT_EQ(value("sasl.username"), "anna");
  EXPECT_EQ(value("sasl.password"), "secret");
  EXPECT_EQ(value("enable.idempotence"), "true");
  EXPECT_EQ(value("compression.type"), "zstd");
  EXPECT_EQ(value("enable.ssl.certificate.verification"), "true");
  EXPECT_EQ(value("ssl.endpoint.identification.algorithm"), "https");
}

TEST(KafkaConfigTest, KnowsTheFourWaysOfSecurity) {
  NotifierConfig config = Good();
  const auto protocol = [&] {
    return ConfValue(MakeConf(config, ProducerSettings()).get(), "security.protocol");
  };
  EXPECT_EQ(protocol(), "plaintext");
  config.tls.enabled = true;
  EXPECT_EQ(protocol(), "ssl");
  config.sasl = SaslConfig{};
  EXPECT_EQ(protocol(), "sasl_ssl");
  config.tls.enabled = false;
  EXPECT_EQ(protocol(), "sasl_plaintext");
}

TEST(KafkaConfigTest, SaysWhatIsWrongWithABroker) {
  NotifierConfig config = Good();
  config.brokers = {"kafka://kafka1:9092", "kafka1:9092,kafka2:9092", "kafka1:0", ":9092", ""};
  const std::vector<std::string> problems = ProblemsOf(config);
  ASSERT_EQ(problems.size(), 5u);
  EXPECT_EQ(problems[0],
            "/brokers/0: 'kafka://kafka1:9092' is not one broker like kafka1.example.com:9092");
}

TEST(KafkaConfigTest, SaysWhatIsWrongWithTls) {
  NotifierConfig config = Good();
  config.tls = TlsConfig{
      .enabled = true, .ca_file = "/no/such/ca.pem", .cert_file = "/dev/null", .key_file = ""};
  EXPECT_THAT(ProblemsOf(config),
              ::testing::ElementsAre("/tls/ca_file: '/no/such/ca.pem' can't be read",
                                     "/tls: cert_file and key_file belong together: give both"));
  config.tls = {};
  config.tls.ca_file = "/dev/null";
  EXPECT_THAT(ProblemsOf(config),
              ::testing::ElementsAre("/tls: write enabled: true beside these, or they do nothing"));
}

TEST(KafkaConfigTest, FilesThatHoldNoCertificateOrKeyAreAMistakeInTheFile) {
  NotifierConfig config = Good();
  const std::string garbage = ::testing::TempDir() + "/garbage.pem";
  std::ofstream(garbage) << "garbage";
  config.tls = TlsConfig{.enabled = true, .ca_file = "", .cert_file = garbage, .key_file = garbage};
  EXPECT_THAT(ProblemsOf(config), ::testing::ElementsAre(::testing::AllOf(
                                      HasSubstr("/tls: librdkafka wouldn't start with these: "),
                                      HasSubstr("ssl.certificate.location"))));
  config.librdkafka = {{"linger.ms", "50"}};
  EXPECT_THAT(ProblemsOf(config), ::testing::ElementsAre(HasSubstr("/tls: ")));
}

TEST(KafkaConfigTest, SettingsOfLibrdkafkaAreChecked) {
  NotifierConfig config = Good();
  config.librdkafka = {
      {"acks", "1"}, {"compression.type", "best"}, {"linger", "5"}, {"sasl.password", "x"}};
  EXPECT_THAT(
      ProblemsOf(config),
      ::testing::ElementsAre(
          "/librdkafka/acks: is set by heald itself: leave it out",
          HasSubstr("/librdkafka/compression.type: librdkafka says: Invalid value \"best\""),
          HasSubstr("/librdkafka/linger: librdkafka says: No such configuration property"),
          "/librdkafka/sasl.password: write sasl.password instead"));
}

TEST(KafkaConfigTest, SettingsThatDeliveryRestsUponAreRefusedByAnyName) {
  for (const char* name :
       {"retries", "message.send.max.retries", "max.in.flight",
        "max.in.flight.requests.per.connection", "delivery.timeout.ms", "transactional.id"}) {
    NotifierConfig config = Good();
    config.librdkafka = {{name, "10"}};
    EXPECT_THAT(ProblemsOf(config), ::testing::Contains(HasSubstr("leave it out"))) << name;
  }
}

TEST(KafkaConfigTest, ATimeInWhichNoBrokerCanAnswerIsRefused) {
  for (const char* name : {"request.timeout.ms", "socket.timeout.ms"}) {
    NotifierConfig config = Good();
    config.librdkafka = {{name, "10"}};
    EXPECT_THAT(ProblemsOf(config), ::testing::ElementsAre(HasSubstr("is too short"))) << name;
    config.librdkafka = {{name, "5000"}};
    EXPECT_THAT(ProblemsOf(config), ::testing::IsEmpty()) << name;
  }
}

TEST(KafkaConfigTest, ATopicNeedsAFixedPart) {
  NotifierConfig config = Good();
  config.topic = "heald.${target.team}";
  EXPECT_THAT(ProblemsOf(config), ::testing::IsEmpty());
  for (const char* topic : {"${target.team}", "", "..", "${target.a}.${target.b}"}) {
    config.topic = topic;
    EXPECT_THAT(ProblemsOf(config), ::testing::ElementsAre(HasSubstr("/topic: write a fixed part")))
        << topic;
  }
  config.topic = "heald events";
  EXPECT_THAT(ProblemsOf(config), ::testing::ElementsAre(HasSubstr("letters, digits")));
}

TEST(KafkaConfigTest, TheCloudEventsHeadersAreItsOwn) {
  NotifierConfig config = Good();
  config.headers = {{"ce_id", "x"}, {"content-type", "x"}, {"team", "${target.team}"}};
  EXPECT_EQ(ProblemsOf(config).size(), 2u);
}

}  // namespace
}  // namespace heald::kafka
