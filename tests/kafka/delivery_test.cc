// Events from the runner by way of the spool and the plugin's boundary to brokers that go away,
// refuse, and come back: each is in the topic once, under its own id. The cases that need no
// trouble run against any cluster.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "core/agent/notice_codec.h"
#include "core/pipeline/placeholders.h"
#include "core/pipeline/runner.h"
#include "core/plugin/instances.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/child_process.h"
#include "tests/kafka/cluster.h"
#include "tests/kafka/secure_proxy.h"
#include "tests/notifiers/node_health.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::kafka_test {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;
using std::chrono::milliseconds;

#define NEEDS_THE_MOCK()                                             \
  if (cluster_->outside()) {                                         \
    GTEST_SKIP() << "brokers that can be stopped are needed: unset " \
                    "HEALD_TEST_KAFKA_BROKERS";                      \
  }

// What it takes to run a notifier in the runner.
class Station {
 public:
  Station(std::string dir, Value::Map config) : dir_(std::move(dir)) {
    EXPECT_TRUE(loader_.AddTable(&heald_plugin_v1));
    node_.kind = Kind::kNotifier;
    node_.name = "bus";
    node_.plugin = "kafka";
    node_.blocking = true;
    node_.templated = true;
    node_.inputs = {{"cure", "", ""}};
    node_.config = std::move(config);
    RunnerOptions options;
    options.state_dir = dir_;
    options.delivery.codec = agent::JsonNotices();
    runner_ = std::make_unique<Runner>(options, clock_, series_, factory_, health_);
    PipelineSpec spec;
    spec.nodes = {node_};
    const Status started = runner_->Start(spec);
    EXPECT_TRUE(started) << started.error().message;
  }
  void Tell(int number) {
    Incident incident;
    incident.id = static_cast<uint64_t>(number);
    incident.trace_id = "trace" + std::to_string(number);
    incident.target = {{"service", "svc-" + std::to_string(number % 4)}};
    incident.opened_ns = clock_.NowNs();
    Notification n;
    n.kind = Notification::Kind::kIncident;
    n.node = "cure";
    n.text = "incident " + std::to_string(number) + " opened";
    n.event_id = "event-" + std::to_string(number);
    n.ts_ns = clock_.NowNs();
    n.incident = std::make_shared<const Incident>(incident);
    runner_->Notify(n, {});
  }
  bool Await(const std::function<bool()>& met, int seconds = 30) const {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < until) {
      if (met()) return true;
      std::this_thread::sleep_for(milliseconds(5));
    }
    return false;
  }
  bool Delivered() const {
    return Await([&] { return stats().spool.items == 0; });
  }
  NodeStats stats() const { return runner_->stats().at(0); }
  const testing::NodeHealth& health() const { return health_; }

 private:
  const std::string dir_;
  SystemClock clock_;
  SeriesTable series_;
  testing::NodeHealth health_;
  plugin::Loader loader_{"", {}, ""};
  plugin::Factory factory_{loader_, plugin::Shared{&series_, &clock_, &health_, dir_}};
  NodeSpec node_;
  std::unique_ptr<Runner> runner_;
};

Value::Map ConfigOf(const std::string& brokers, const std::string& topic) {
  Value::List list;
  std::istringstream in(brokers);
  for (std::string broker; std::getline(in, broker, ',');) list.emplace_back(broker);
  return {{"brokers", std::move(list)}, {"topic", topic}};
}

class KafkaDeliveryTest : public ::testing::Test {
 protected:
  ~KafkaDeliveryTest() override { std::filesystem::remove_all(dir_); }
  // With one key for all, and so one order.
  Value::Map Config(const std::string& topic) const {
    Value::Map config = ConfigOf(cluster_->brokers(), topic);
    config.emplace_back("key", "all");
    return config;
  }
  // The ids of all that is in the topic, when there are `count`.
  std::vector<std::string> Ids(const std::string& topic, size_t count) {
    std::vector<std::string> ids;
    for (const Record& record : cluster_->Read(topic, count))
      ids.push_back(Json::parse(record.value).at("id"));
    return ids;
  }
  static std::vector<std::string> Expected(int count) {
    std::vector<std::string> ids;
    for (int i = 1; i <= count; ++i) ids.push_back("event-" + std::to_string(i));
    return ids;
  }

  const std::string dir_ = [] {
    std::string pattern = ::testing::TempDir() + "heald-kafka-XXXXXX";
    return std::string(mkdtemp(pattern.data()));
  }();
  std::unique_ptr<Cluster> cluster_ = std::make_unique<Cluster>();
};

TEST_F(KafkaDeliveryTest, WritesEachEventOnceInOrder) {
  const std::string topic = cluster_->NewTopic();
  Station station(dir_, Config(topic));
  for (int i = 1; i <= 200; ++i) station.Tell(i);
  ASSERT_TRUE(station.Delivered());
  EXPECT_EQ(Ids(topic, 200), Expected(200));
}

TEST_F(KafkaDeliveryTest, AnIncidentsEventsKeepToOnePartition) {
  const std::string topic = cluster_->NewTopic(4);
  Value::Map config = ConfigOf(cluster_->brokers(), topic);
  config.emplace_back("headers", Value::Map{{"who", "${target.service}"}});
  Station station(dir_, config);
  for (int i = 1; i <= 40; ++i) station.Tell(i);
  ASSERT_TRUE(station.Delivered());
  std::map<std::string, std::set<int32_t>> partitions;
  const std::vector<Record> records = cluster_->Read(topic, 40);
  ASSERT_EQ(records.size(), 40u);
  for (const Record& record : records) {
    partitions[record.key].insert(record.partition);
    EXPECT_EQ("service=" + record.headers.at("who"), record.key);
    EXPECT_EQ(record.headers.at("content-type"), "application/cloudevents+json");
  }
  EXPECT_EQ(partitions.size(), 4u);
  for (const auto& [key, where] : partitions) EXPECT_EQ(where.size(), 1u) << key;
}

TEST_F(KafkaDeliveryTest, AnotherMakersClientReadsWhatIsWritten) {
  const std::string topic = cluster_->NewTopic();
  // As brokers answer that have just started: the client asks again.
  constexpr int16_t kFindCoordinator = 10;
  if (!cluster_->outside())
    rd_kafka_mock_push_request_errors(cluster_->mock(), kFindCoordinator, 1,
                                      RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE);
  fakes::ChildProcess client(
      {HEALD_NODE, HEALD_KAFKA_CLIENT, "consume", cluster_->brokers(), topic, "3"},
      dir_ + "/client.log");
  Station station(dir_, Config(topic));
  for (int i = 1; i <= 3; ++i) station.Tell(i);
  ASSERT_TRUE(station.Delivered());
  EXPECT_TRUE(station.Await([&] { return !client.Running(); }, 60));
  std::ifstream log(dir_ + "/client.log");
  std::vector<std::string> ids;
  for (std::string line; std::getline(log, line);) {
    SCOPED_TRACE(line);
    const Json message = Json::parse(line);
    const Json event = Json::parse(message["value"].get<std::string>());
    EXPECT_EQ(message["headers"]["content-type"], "application/cloudevents+json");
    EXPECT_EQ(message["key"], "all");
    EXPECT_EQ(event["type"], "dev.heald.incident.opened");
    ids.push_back(event["id"]);
  }
  EXPECT_EQ(ids, Expected(3));
}

TEST_F(KafkaDeliveryTest, LosesAndDoublesNothingWhileTheBrokersAreAwayInTheMiddle) {
  NEEDS_THE_MOCK();
  // HEALD_TEST_OUTAGE_SECONDS=30 for the long version.
  const char* wanted = std::getenv("HEALD_TEST_OUTAGE_SECONDS");
  const milliseconds outage(wanted != nullptr ? std::atoi(wanted) * 1000 : 3000);
  const std::string topic = cluster_->NewTopic();
  Station station(dir_, Config(topic));
  for (int i = 1; i <= 100; ++i) station.Tell(i);
  ASSERT_TRUE(station.Await([&] { return station.stats().out > 0; }));
  cluster_->Down();
  const auto down = std::chrono::steady_clock::now();
  for (int i = 101; i <= 200; ++i) station.Tell(i);
  ASSERT_TRUE(station.Await([&] { return !station.stats().ok; }));
  EXPECT_THAT(station.stats().last_error, HasSubstr("no broker of " + cluster_->broker_list()[0]));
  EXPECT_THAT(station.stats().last_error, HasSubstr("events wait on disk"));
  std::this_thread::sleep_until(down + outage);
  EXPECT_LE(station.stats().errors, 5u) << "told once, not at every try";
  cluster_->Up();
  const auto up = std::chrono::steady_clock::now();
  ASSERT_TRUE(station.Delivered());
  EXPECT_LT(std::chrono::steady_clock::now() - up, std::chrono::seconds(6));
  EXPECT_TRUE(station.stats().ok);
  EXPECT_EQ(station.health().told().back(), "");
  EXPECT_EQ(Ids(topic, 200), Expected(200));
}

TEST_F(KafkaDeliveryTest, BrokersThatFailAndForgetGetEachEventOnce) {
  NEEDS_THE_MOCK();
  const std::string topic = cluster_->NewTopic();
  constexpr int16_t kProduce = 0;
  rd_kafka_mock_push_request_errors(
      cluster_->mock(), kProduce, 6, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT,
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
  Station station(dir_, Config(topic));
  for (int i = 1; i <= 50; ++i) station.Tell(i);
  ASSERT_TRUE(station.Delivered());
  EXPECT_EQ(Ids(topic, 50), Expected(50));
  EXPECT_EQ(station.stats().dropped, 0u);
}

TEST_F(KafkaDeliveryTest, AClosedTopicKeepsItsEventsUntilItIsOpen) {
  NEEDS_THE_MOCK();
  const std::string topic = cluster_->NewTopic();
  constexpr int16_t kProduce = 0;
  rd_kafka_mock_push_request_errors(cluster_->mock(), kProduce, 1,
                                    RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
  Station station(dir_, Config(topic));
  station.Tell(1);
  ASSERT_TRUE(station.Await([&] { return station.stats().errors == 1; }));
  EXPECT_EQ(station.stats().last_error,
            "topic '" + topic + "' isn't open to clients that don't log in: grant it there");
  ASSERT_TRUE(station.Delivered());
  EXPECT_EQ(Ids(topic, 1), Expected(1));
}

TEST_F(KafkaDeliveryTest, WhatCanNeverBeWrittenIsDroppedAndBlocksNothing) {
  NEEDS_THE_MOCK();
  const std::string topic = cluster_->NewTopic();
  constexpr int16_t kProduce = 0;
  rd_kafka_mock_push_request_errors(cluster_->mock(), kProduce, 1,
                                    RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
  Station station(dir_, Config(topic));
  station.Tell(1);
  ASSERT_TRUE(station.Delivered());
  EXPECT_EQ(station.stats().notices_refused, 1u);
  EXPECT_THAT(station.stats().last_error, HasSubstr("raise max.message.bytes"));
  station.Tell(2);
  ASSERT_TRUE(station.Delivered());
  EXPECT_EQ(Ids(topic, 1), std::vector<std::string>{"event-2"});
}

TEST_F(KafkaDeliveryTest, AnEndWaitsForNobodyAndTheRestIsWrittenAfterTheNextStart) {
  NEEDS_THE_MOCK();
  const std::string topic = cluster_->NewTopic();
  cluster_->Down();
  const auto begun = std::chrono::steady_clock::now();
  {
    Station station(dir_, Config(topic));
    for (int i = 1; i <= 20; ++i) station.Tell(i);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(8));
  cluster_->Up();
  Station station(dir_, Config(topic));
  ASSERT_TRUE(station.Delivered());
  EXPECT_EQ(Ids(topic, 20), Expected(20));
}

class KafkaSecurityTest : public KafkaDeliveryTest {
 protected:
  // Tells one event; what is wrong then.
  std::string Trouble(const Value::Map& config) {
    Station station(dir_, config);
    station.Tell(1);
    EXPECT_TRUE(station.Await([&] { return !station.stats().ok; }));
    return station.stats().last_error;
  }
  Value::Map Tls() const { return {{"enabled", true}, {"ca_file", authority_.ca_file()}}; }
  static Value::Map Login(const std::string& password) {
    return {{"mechanism", "PLAIN"}, {"username", "anna"}, {"password", password}};
  }

  const fakes::Authority authority_{dir_, "authority"};
  const fakes::CertificateFiles certificate_ = authority_.Issue("broker", "IP:127.0.0.1");
};

TEST_F(KafkaSecurityTest, WritesThroughTlsWithALogin) {
  NEEDS_THE_MOCK();
  const SecureProxy proxy(cluster_->broker_list(), certificate_, "secret");
  const std::string topic = cluster_->NewTopic(4);
  Value::Map config = ConfigOf(proxy.brokers(), topic);
  config.emplace_back("tls", Tls());
  config.emplace_back("sasl", Login("secret"));
  Station station(dir_, config);
  for (int i = 1; i <= 20; ++i) station.Tell(i);
  ASSERT_TRUE(station.Delivered()) << station.stats().last_error;
  EXPECT_EQ(Ids(topic, 20).size(), 20u);
  EXPECT_GT(proxy.logins(), 0);
}

TEST_F(KafkaSecurityTest, ARefusedLoginNamesTheUserAndNotThePassword) {
  NEEDS_THE_MOCK();
  const SecureProxy proxy(cluster_->broker_list(), certificate_, "secret");
  Value::Map config = ConfigOf(proxy.brokers(), "t");
  config.emplace_back("tls", Tls());
  config.emplace_back("sasl", Login("wr0ng"));
  const std::string trouble = Trouble(config);
  EXPECT_THAT(trouble, HasSubstr("the brokers refuse the login of user 'anna'"));
  EXPECT_THAT(trouble, HasSubstr("Invalid username or password"));
  EXPECT_THAT(trouble, HasSubstr("check sasl.username, sasl.password and sasl.mechanism"));
  EXPECT_THAT(trouble, ::testing::Not(HasSubstr("wr0ng")));
}

TEST_F(KafkaSecurityTest, AnUnknownAuthorityIsNotTrusted) {
  NEEDS_THE_MOCK();
  const SecureProxy proxy(cluster_->broker_list(), certificate_);
  Value::Map config = ConfigOf(proxy.brokers(), "t");
  config.emplace_back("tls", Value::Map{{"enabled", true}});
  EXPECT_THAT(Trouble(config), HasSubstr("shows a certificate that isn't trusted"));
}

TEST_F(KafkaSecurityTest, ACertificateForAnotherNameIsNotTrusted) {
  NEEDS_THE_MOCK();
  const SecureProxy proxy(cluster_->broker_list(), authority_.Issue("other", "DNS:elsewhere"));
  Value::Map config = ConfigOf(proxy.brokers(), "t");
  config.emplace_back("tls", Tls());
  EXPECT_THAT(Trouble(config), HasSubstr("or is made for another name"));
}

TEST_F(KafkaSecurityTest, PlainWhereTlsIsSpokenAndTlsWhereItIsNotAreTold) {
  NEEDS_THE_MOCK();
  const SecureProxy proxy(cluster_->broker_list(), certificate_);
  EXPECT_THAT(Trouble(ConfigOf(proxy.brokers(), "t")),
              HasSubstr("Then write tls: {enabled: true}"));
  Value::Map config = Config("t");
  config.emplace_back("tls", Value::Map{{"enabled", true}});
  EXPECT_THAT(Trouble(config), HasSubstr("hangs up instead of talking TLS"));
}

// The child of the next test: has events that no broker takes, until it is killed.
TEST(KafkaCrashTest, DISABLED_Child) {
  const char* dir = std::getenv("HEALD_KAFKA_CHILD_DIR");
  ASSERT_NE(dir, nullptr) << "this is started by SurvivesAKill";
  Station station(dir, ConfigOf(std::getenv("HEALD_KAFKA_CHILD_BROKERS"), "unused"));
  for (int i = 1; i <= 20; ++i) station.Tell(i);
  std::ofstream(std::string(dir) + "/told") << "told";
  while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
}

TEST_F(KafkaDeliveryTest, SurvivesAKillWithTheSameIds) {
  const std::string topic = cluster_->NewTopic();
  setenv("HEALD_KAFKA_CHILD_DIR", dir_.c_str(), 1);
  unsetenv("GTEST_TOTAL_SHARDS");  // the child runs that one case
  unsetenv("GTEST_SHARD_INDEX");
  const std::string nobody = "127.0.0.1:" + std::to_string(fakes::FreePort());
  setenv("HEALD_KAFKA_CHILD_BROKERS", nobody.c_str(), 1);
  {
    fakes::ChildProcess child({"/proc/self/exe", "--gtest_also_run_disabled_tests",
                               "--gtest_filter=KafkaCrashTest.DISABLED_Child"},
                              dir_ + "/child.log");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!std::filesystem::exists(dir_ + "/told") && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(milliseconds(5));
    ASSERT_TRUE(std::filesystem::exists(dir_ + "/told"));
    kill(child.pid(), SIGKILL);
  }
  Station station(dir_, Config(topic));
  ASSERT_TRUE(station.Delivered());
  EXPECT_EQ(Ids(topic, 20), Expected(20));
}

}  // namespace
}  // namespace heald::kafka_test
