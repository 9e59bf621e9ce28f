// Reads topics as a member of a consumer group, on a thread of its own: gathers messages, hands
// what they hold on, then marks their offsets for the next commit. Where the pipeline is behind,
// the partitions are paused, so that the member stays in its group and nothing is held in memory.
// Thread rule: Start, Stop and Look belong to the node's lane.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "heald/batch.h"
#include "plugins/sources/kafka/event_reader.h"
#include "plugins/sources/kafka/metric_reader.h"
#include "plugins/sources/kafka/offsets.h"
#include "plugins/sources/kafka/settings.h"
#include "plugins/support/kafka/client.h"

namespace heald::kafka {

class Consumer : public ClientEvents {
 public:
  Consumer(sdk::Host host, const SourceConfig& config);
  ~Consumer() override;

  void Start(sdk::Sink sink);
  void Stop();
  // Asks the brokers whether they are there, and how far behind this member is. What is wrong;
  // empty: nothing.
  std::string Look(int64_t within_ns);

 private:
  // What was gathered and isn't handed on yet.
  struct Pending {
    Rows rows;
    size_t handed = 0;  // rows of it
    std::vector<sdk::Finding> findings;
    std::map<Partition, int64_t> next;  // offsets behind its messages
    bool empty() const { return next.empty(); }
  };

  void OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                   rd_kafka_topic_partition_list_t* partitions) override;
  void Run(const std::stop_token& stop);
  void Close();
  void Gather(int wait_ms);
  void Take(const rd_kafka_message_t& message);
  void TakeError(const rd_kafka_message_t& message);
  void TakeBad(const rd_kafka_message_t& message, const Partition& partition,
               const std::string& why);
  // False: the pipeline has no room now.
  bool HandOn();
  void Mark();
  void SetPaused(bool paused);
  std::string LookAtTopics(int64_t within_ns);
  void MeasureLag(int64_t within_ns);

  const sdk::Host host_;
  const SourceConfig config_;
  const sdk::Metric messages_;
  const sdk::Metric doubled_;
  const sdk::Metric bad_;
  const sdk::Metric nan_;
  const sdk::Metric unsupported_;
  const sdk::Metric refused_series_;
  const sdk::Metric partitions_;
  std::map<std::string, sdk::Metric> lag_;  // by topic
  std::unique_ptr<Client> client_;
  std::optional<sdk::Sink> sink_;

  // Of the thread alone:
  SeriesCache cache_;
  MetricReader metrics_;
  EventReader events_;
  Pending pending_;
  std::set<std::string> logged_;  // kinds of bad messages

  std::mutex mutex_;
  // Guarded by mutex_:
  Offsets offsets_;
  std::set<Partition> assigned_;
  std::map<Partition, std::string> stopped_;  // at a bad message: why
  std::string group_trouble_;
  bool paused_ = false;
  std::optional<std::chrono::steady_clock::time_point> waits_since_;  // for its share of the group

  std::jthread thread_;  // last, so that it ends first
};

}  // namespace heald::kafka
