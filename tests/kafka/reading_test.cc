// The source against brokers: those that HEALD_TEST_KAFKA_BROKERS names, else mock ones. To join a
// group takes the mock brokers three seconds, so each case does much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/fakes/child_process.h"
#include "tests/fakes/source_harness.h"
#include "tests/kafka/cluster.h"

extern "C" const heald_plugin heald_plugin_v1;

namespace heald::kafka_test {
namespace {

using fakes::SourceHarness;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;
using std::chrono::milliseconds;

#define NEEDS_THE_MOCK()                                                  \
  if (cluster_.outside()) {                                               \
    GTEST_SKIP() << "brokers that do as they are told are needed: unset " \
                    "HEALD_TEST_KAFKA_BROKERS";                           \
  }

std::string Sample(int number) {
  return R"({"name": "n", "value": )" + std::to_string(number) + "}";
}

class KafkaSourceTest : public ::testing::Test {
 protected:
  Json Config(const std::string& topic, const std::string& group) const {
    Json config = {{"brokers", cluster_.broker_list()},
                   {"topics", {topic}},
                   {"group", group},
                   {"start", "earliest"},
                   {"interval", 1'000'000'000}};
    // The mock brokers make a rebalance last that long, less a second; the first takes three.
    if (!cluster_.outside())
      config["librdkafka"] = {{"session.timeout.ms", "3500"}, {"heartbeat.interval.ms", "300"}};
    return config;
  }
  // kafkajs writes the samples 1 to `count`.
  void ProduceByAnotherClient(const std::string& topic, int count) {
    const std::string folder = ::testing::TempDir() + Unique("heald-kafka");
    std::filesystem::create_directories(folder);
    std::ofstream lines(folder + "/lines");
    for (int i = 1; i <= count; ++i) lines << Sample(i) << "\n";
    lines.close();
    fakes::ChildProcess client(
        {"/bin/sh", "-c",
         std::string("exec '") + HEALD_NODE + "' '" + HEALD_KAFKA_CLIENT + "' produce " +
             cluster_.brokers() + " " + topic + " <" + folder + "/lines"},
        folder + "/log");
    EXPECT_TRUE(Await([&] { return !client.Running(); }));
    std::ifstream log(folder + "/log");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(log), {}), "");
    std::filesystem::remove_all(folder);
  }
  // The values of all that came, once there are `count` of them.
  static std::vector<int> Values(SourceHarness& source, size_t count, int seconds = 40) {
    std::vector<int> values;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (values.size() < count && std::chrono::steady_clock::now() < until) {
      for (const auto& row : source.TakeRows()) values.push_back(static_cast<int>(row.value));
      std::this_thread::sleep_for(milliseconds(10));
    }
    return values;
  }
  template <typename F>
  static bool Await(F met, int seconds = 40) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < until) {
      if (met()) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }
  static std::vector<int> Range(int from, int to) {
    std::vector<int> range;
    for (int i = from; i <= to; ++i) range.push_back(i);
    return range;
  }

  Cluster cluster_;
};

TEST_F(KafkaSourceTest, ReadsOnWhereItsGroupEndedAndEventsToo) {
  const std::string events = cluster_.NewTopic();
  Json config = Config(events, Unique("group"));
  config["reads"] = "events";
  SourceHarness event_source(heald_plugin_v1, "alerts", config);
  cluster_.Produce(events, R"({"name": "Down", "target": {"service": "orders"}})");
  cluster_.Produce(events,
                   R"({"name": "Down", "target": {"service": "orders"}, "state": "clear"})");

  const std::string topic = cluster_.NewTopic();
  const std::string group = Unique("group");
  ProduceByAnotherClient(topic, 20);
  cluster_.Produce(topic, "poison");
  cluster_.Produce(topic, R"({"name": "cpu", "fields": {"idle": 21}, "tags": {"host": "a"}})");
  {
    SourceHarness source(heald_plugin_v1, "bus", Config(topic, group));
    EXPECT_EQ(Values(source, 21), Range(1, 21));
    EXPECT_THAT(source.log(), ::testing::Contains(::testing::AllOf(
                                  HasSubstr("message 20 of " + topic), HasSubstr("] is no JSON"),
                                  HasSubstr("skipped"))));
    EXPECT_EQ(source.host().MetricTotal("bad_messages_total"), 1);
    EXPECT_EQ(source.Poll(), "");
    EXPECT_GT(source.host().MetricTotal("assigned_partitions"), 0);
  }
  for (int i = 22; i <= 30; ++i) cluster_.Produce(topic, Sample(i));
  SourceHarness source(heald_plugin_v1, "bus", Config(topic, group));
  EXPECT_EQ(Values(source, 9), Range(22, 30)) << "committed when it left";

  std::vector<sdk::Finding> findings;
  ASSERT_TRUE(Await([&] {
    for (sdk::Finding& finding : event_source.sink().TakeFindings())
      findings.push_back(std::move(finding));
    return findings.size() == 2;
  }));
  EXPECT_EQ(findings[0].metric, "Down");
  EXPECT_EQ(findings[1].state, sdk::FindingState::kClear);
  EXPECT_EQ(findings[0].id, findings[1].id);
}

TEST_F(KafkaSourceTest, AMessageOfATimeThatNoClockShowsIsOfNow) {
  NEEDS_THE_MOCK();  // Kafka 4.0 and later refuse what is more than an hour ahead
  const std::string topic = cluster_.NewTopic();
  cluster_.Produce(topic, Sample(1), "key", INT64_MAX / 1000);
  SourceHarness source(heald_plugin_v1, "bus", Config(topic, Unique("group")));
  std::vector<SourceHarness::Row> rows;
  ASSERT_TRUE(Await([&] { return !(rows = source.TakeRows()).empty(); }));
  EXPECT_EQ(rows[0].ts_ns, source.host().now_ns());
}

TEST_F(KafkaSourceTest, WaitsWhereThePipelineIsBehindAndStopsAtABadMessageWhereAsked) {
  const std::string topic = cluster_.NewTopic();
  Json config = Config(topic, Unique("group"));
  config["on_bad_message"] = "stop";
  SourceHarness source(heald_plugin_v1, "bus", config);
  source.sink().SetFull(true);
  for (int i = 1; i <= 10; ++i) cluster_.Produce(topic, Sample(i));
  ASSERT_TRUE(Await([&] { return source.host().MetricTotal("messages_total") > 0; }));
  for (int i = 11; i <= 300; ++i) cluster_.Produce(topic, Sample(i));
  ASSERT_TRUE(Await([&] {
    EXPECT_EQ(source.Poll(), "");
    return source.host().MetricTotal("lag_messages|topic=" + topic) > 0;
  }));
  EXPECT_LT(source.host().MetricTotal("messages_total"), 300) << "paused";
  EXPECT_THAT(source.TakeRows(), IsEmpty());
  source.sink().SetFull(false);
  EXPECT_EQ(Values(source, 300), Range(1, 300));

  cluster_.Produce(topic, R"({"value": 1})");
  cluster_.Produce(topic, Sample(301));
  std::string health;
  ASSERT_TRUE(Await([&] { return !(health = source.Poll()).empty(); }));
  EXPECT_THAT(health, ::testing::AllOf(HasSubstr("message 300 of " + topic),
                                       HasSubstr("] has no name: the partition isn't read any "
                                                 "further")));
  EXPECT_THAT(source.TakeRows(), IsEmpty());
}

TEST_F(KafkaSourceTest, TwoMembersShareAndHandOver) {
  const std::string topic = cluster_.NewTopic(4);
  const std::string group = Unique("group");
  SourceHarness first(heald_plugin_v1, "bus", Config(topic, group));
  int number = 0;
  const auto produce = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ++number;
      cluster_.Produce(topic, Sample(number), "key" + std::to_string(number));
    }
  };
  produce(20);
  std::vector<int> all = Values(first, 20);
  ASSERT_EQ(all.size(), 20u);
  // Mock brokers refuse the commit of a member that is about to lose its partitions.
  ASSERT_TRUE(Await([&] { return cluster_.Committed(group, topic, 4) == 20; }));
  const auto take = [&](SourceHarness& source) {
    const std::vector<SourceHarness::Row> rows = source.TakeRows();
    for (const auto& row : rows) all.push_back(static_cast<int>(row.value));
    return rows.size();
  };
  {
    SourceHarness second(heald_plugin_v1, "bus", Config(topic, group));
    ASSERT_TRUE(Await([&] { return second.host().MetricTotal("assigned_partitions") > 0; }));
    // Its gauge as a sum: 4, then none, then its share.
    ASSERT_TRUE(Await([&] { return first.host().MetricTotal("assigned_partitions") > 4; }));
    produce(40);
    size_t of_second = 0;
    ASSERT_TRUE(Await([&] {
      take(first);
      of_second += take(second);
      return all.size() >= 60;
    }));
    EXPECT_GT(of_second, 0u);
  }
  produce(20);
  ASSERT_TRUE(Await([&] {
    take(first);
    return all.size() >= 80;
  }));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, Range(1, 80)) << "each message once";
}

TEST_F(KafkaSourceTest, LosesAndDoublesNothingWhileTheBrokersRefuseAndAreAway) {
  NEEDS_THE_MOCK();
  const char* wanted = std::getenv("HEALD_TEST_OUTAGE_SECONDS");
  const milliseconds outage(wanted != nullptr ? std::atoi(wanted) * 1000 : 2000);
  const std::string topic = cluster_.NewTopic();
  SourceHarness source(heald_plugin_v1, "bus", Config(topic, Unique("group")));
  for (int i = 1; i <= 50; ++i) cluster_.Produce(topic, Sample(i));
  ASSERT_EQ(Values(source, 50), Range(1, 50));
  // Brokers that refuse what they are asked for.
  constexpr int16_t kFetch = 1;
  constexpr int16_t kCommit = 8;
  rd_kafka_mock_push_request_errors(
      cluster_.mock(), kFetch, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT);
  rd_kafka_mock_push_request_errors(cluster_.mock(), kCommit, 2, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
                                    RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS);
  for (int i = 51; i <= 100; ++i) cluster_.Produce(topic, Sample(i));
  ASSERT_EQ(Values(source, 50), Range(51, 100));
  cluster_.Down();
  const auto down = std::chrono::steady_clock::now();
  std::string health;
  ASSERT_TRUE(Await([&] { return !(health = source.Poll()).empty(); }));
  EXPECT_THAT(health, HasSubstr("no broker of " + cluster_.broker_list()[0]));
  std::this_thread::sleep_until(down + outage);
  cluster_.Up();
  const auto up = std::chrono::steady_clock::now();
  for (int i = 101; i <= 150; ++i) cluster_.Produce(topic, Sample(i));
  EXPECT_EQ(Values(source, 50), Range(101, 150));
  ASSERT_TRUE(Await([&] { return source.Poll().empty(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - up, std::chrono::seconds(6));
}

TEST_F(KafkaSourceTest, SaysThatATopicIsMissing) {
  NEEDS_THE_MOCK();
  const std::string topic = cluster_.NewTopic();
  rd_kafka_mock_topic_set_error(cluster_.mock(), topic.c_str(),
                                RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
  SourceHarness source(heald_plugin_v1, "bus", Config(topic, Unique("group")));
  std::string health;
  ASSERT_TRUE(Await([&] { return !(health = source.Poll()).empty(); }));
  EXPECT_EQ(health, "topic '" + topic + "' doesn't exist: create it, or correct its name");
}

TEST_F(KafkaSourceTest, BrokersThatAreNotThereAreAClearState) {
  SourceHarness source(
      heald_plugin_v1, "bus",
      {{"brokers", {"127.0.0.1:1"}}, {"topics", {"t"}}, {"interval", 1'000'000'000}});
  EXPECT_EQ(source.Poll(milliseconds(300)),
            "no broker of 127.0.0.1:1 answers (127.0.0.1:1: Connection refused)");
}

// Whatever it is told, it answers the same.
class Babbler {
 public:
  explicit Babbler(std::string words) : words_(std::move(words)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(listener_, 4), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    broker_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::jthread([this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        pollfd waiting{listener_, POLLIN, 0};
        if (poll(&waiting, 1, 20) <= 0) continue;
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        char request[1024];
        if (recv(client, request, sizeof request, 0) > 0)
          send(client, words_.data(), words_.size(), MSG_NOSIGNAL);
        close(client);
      }
    });
  }
  ~Babbler() {
    thread_ = {};
    close(listener_);
  }
  const std::string& broker() const { return broker_; }

 private:
  const std::string words_;
  int listener_ = -1;
  std::string broker_;
  std::jthread thread_;
};

TEST_F(KafkaSourceTest, AnswersThatAreNoKafkaAreAClearState) {
  const auto state = [](const std::string& words) {
    const Babbler babbler(words);
    SourceHarness source(
        heald_plugin_v1, "bus",
        {{"brokers", {babbler.broker()}}, {"topics", {"t"}}, {"interval", 1'000'000'000}});
    std::string health;
    EXPECT_TRUE(Await([&] { return !(health = source.Poll(milliseconds(200))).empty(); }));
    return std::pair(health, babbler.broker());
  };
  const auto [web, at] = state("HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_THAT(web, HasSubstr(at + " doesn't talk Kafka at that port"));
  const std::string half(std::string("\0\0\0\x40", 4) + "ab");
  EXPECT_THAT(state(half).first, HasSubstr("hang up at once"));
  EXPECT_THAT(state(std::string("\0\0\0\4\xff\xff\xff\xff", 8)).first, HasSubstr("127.0.0.1"));
}

}  // namespace
}  // namespace heald::kafka_test
