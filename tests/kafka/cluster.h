// Brokers for tests of the kafka plugins: those that HEALD_TEST_KAFKA_BROKERS names, else three of
// librdkafka's mock brokers in this process. Topics are the test's own, so that it may run against
// a cluster that others use. Thread rule: one thread.
#pragma once

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace heald::kafka_test {

struct Record {
  std::string key;
  std::string value;
  std::map<std::string, std::string> headers;
  int32_t partition = 0;
};

class Cluster {
 public:
  Cluster();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Not of this process: it can't be stopped, and takes no errors to give.
  bool outside() const { return mock_ == nullptr; }
  const std::string& brokers() const { return brokers_; }
  std::vector<std::string> broker_list() const;

  // A topic that nobody else has. Where the brokers don't let it be made, they may make it with
  // another number of partitions; messages of one key keep their order all the same.
  std::string NewTopic(int partitions = 1);
  // Written once it returns; throws with what the brokers say against it. ts_ms: the time that the
  // message says; 0: now.
  void Produce(const std::string& topic, const std::string& value, const std::string& key = "key",
               int64_t ts_ms = 0);
  // All of a topic from its beginning, once there are `count`, at the latest after `within`.
  std::vector<Record> Read(const std::string& topic, size_t count,
                           std::chrono::seconds within = std::chrono::seconds(20));
  // How many messages of all partitions the group has committed.
  int64_t Committed(const std::string& group, const std::string& topic, int partitions) const;

  // Of the mock only: no broker answers; all do again.
  void Down() { rd_kafka_mock_broker_set_down(mock_, -1); }
  void Up() { rd_kafka_mock_broker_set_up(mock_, -1); }
  rd_kafka_mock_cluster_t* mock() const { return mock_; }

 private:
  rd_kafka_t* handle_ = nullptr;  // a producer; holds the mock
  rd_kafka_mock_cluster_t* mock_ = nullptr;
  std::string brokers_;
};

// For a name that is unlike any before.
std::string Unique(const std::string& prefix);

}  // namespace heald::kafka_test
