#include "plugins/sources/kafka/consumer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "plugins/support/intern.h"
#include "plugins/support/kafka/error_text.h"

namespace heald::kafka {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxMessages = 2000;  // gathered before they are handed on
constexpr size_t kMaxRows = 65'536;    // of one batch
constexpr int kWaitMs = 100;           // for a message
constexpr auto kCloseWithin = std::chrono::seconds(3);
constexpr auto kPatience = std::chrono::seconds(5);  // a group's usual time to share out
constexpr int kAskLagMs = 200;                       // one partition's end
constexpr size_t kMaxLags = 100;                     // topics with a gauge of their own
constexpr size_t kMaxLogged = 32;                    // different lines about bad messages
constexpr size_t kNamed = 3;                         // partitions in the node's state
constexpr int64_t kNsPerMs = 1'000'000;

struct DropList {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, DropList>;

List ListOf(const auto& partitions) {
  List list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const Partition& partition : partitions)
    rd_kafka_topic_partition_list_add(list.get(), partition.first.c_str(), partition.second);
  return list;
}

std::string NameOf(const Partition& partition) {
  return partition.first + "[" + std::to_string(partition.second) + "]";
}

std::string_view BodyOf(const rd_kafka_message_t& message) {
  return {static_cast<const char*>(message.payload), message.len};
}

}  // namespace

Consumer::Consumer(sdk::Host host, const SourceConfig& config)
    : host_(host),
      config_(config),
      messages_(host.Counter("messages_total", "Messages read and understood")),
      doubled_(host.Counter("doubled_messages_total",
                            "Messages that came again after a rebalance, and were left out")),
      bad_(host.Counter("bad_messages_total", "Messages that weren't understood")),
      nan_(host.Counter("dropped_samples_total", "Samples left out", {{"reason", "nan"}})),
      unsupported_(
          host.Counter("dropped_samples_total", "Samples left out", {{"reason", "unsupported"}})),
      refused_series_(
          host.Counter("dropped_samples_total", "Samples left out", {{"reason", "max_series"}})),
      partitions_(host.Gauge("assigned_partitions", "Partitions that this member reads")),
      cache_([this](std::string_view name, const sdk::LabelSet& labels) {
        return support::InternIfRoom(host_, name, labels, refused_series_);
      }),
      metrics_(cache_) {}

Consumer::~Consumer() {
  Stop();
}

void Consumer::Start(sdk::Sink sink) {
  sink_ = sink;
  client_ = std::make_unique<Client>(host_, config_, RD_KAFKA_CONSUMER,
                                     ConsumerSettings(config_, host_.Name()), *this);
  rd_kafka_poll_set_consumer(client_->get());
  const List topics(rd_kafka_topic_partition_list_new(static_cast<int>(config_.topics.size())));
  for (const std::string& topic : config_.topics)
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  if (const rd_kafka_resp_err_t error = rd_kafka_subscribe(client_->get(), topics.get());
      error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw sdk::Failure(HEALD_INVALID,
                       "the topics can't be read: " + std::string(rd_kafka_err2str(error)))
        .At("/topics");
  {
    const std::lock_guard lock(mutex_);
    waits_since_ = Clock::now();
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { Run(stop); });
}

void Consumer::Stop() {
  thread_ = {};  // joins
  client_.reset();
}

void Consumer::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const bool room = HandOn();
    SetPaused(!room);
    Gather(kWaitMs);
  }
  HandOn();
  Close();
}

// Leaves the group, which commits what is marked; but not for longer than a stop may take.
void Consumer::Close() {
  rd_kafka_t* const handle = client_->get();
  rd_kafka_queue_t* const queue = rd_kafka_queue_new(handle);
  if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(handle, queue)) {
    rd_kafka_error_destroy(error);
  } else {
    const auto until = Clock::now() + kCloseWithin;
    while (rd_kafka_consumer_closed(handle) == 0 && Clock::now() < until)
      rd_kafka_queue_poll_callback(queue, kWaitMs);
  }
  rd_kafka_queue_destroy(queue);
}

// ---- reading ----

void Consumer::Gather(int wait_ms) {
  for (size_t n = 0; n < kMaxMessages && pending_.rows.size() < kMaxRows; ++n) {
    rd_kafka_message_t* const message =
        rd_kafka_consumer_poll(client_->get(), n == 0 ? wait_ms : 0);
    if (message == nullptr) return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      Take(*message);
    else
      TakeError(*message);
    rd_kafka_message_destroy(message);
  }
}

void Consumer::Take(const rd_kafka_message_t& message) {
  const Partition partition(rd_kafka_topic_name(message.rkt), message.partition);
  client_->NoteWell();
  int64_t low = -1;
  int64_t end = -1;
  rd_kafka_get_watermark_offsets(client_->get(), partition.first.c_str(), partition.second, &low,
                                 &end);
  {
    const std::lock_guard lock(mutex_);
    group_trouble_.clear();
    if (stopped_.contains(partition)) return;
    if (offsets_.Seen(partition, message.offset, end)) {
      doubled_.Record(1);
      pending_.next[partition] = std::max(message.offset + 1, offsets_.Next(partition));
      return;
    }
  }
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const int64_t ms = rd_kafka_message_timestamp(&message, &kind);
  // Producers say what they like, and brokers before Kafka 4.0 take any time.
  const bool known =
      kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && ms > 0 && ms <= INT64_MAX / kNsPerMs;
  const int64_t ts_ns = known ? ms * kNsPerMs : host_.NowNs();
  try {
    if (message.len == 0) {
      // A tombstone of a compacted topic says nothing.
    } else if (config_.reads == Reads::kEvents) {
      events_.Read(BodyOf(message), ts_ns, &pending_.findings);
    } else {
      const MetricReader::LeftOut left =
          metrics_.Read(BodyOf(message), ts_ns, host_.MonotonicNs(), &pending_.rows);
      nan_.Record(static_cast<double>(left.nan));
      unsupported_.Record(static_cast<double>(left.unsupported));
    }
    messages_.Record(1);
  } catch (const BadMessage& bad) {
    TakeBad(message, partition, bad.why);
    if (config_.on_bad_message == OnBadMessage::kStop) return;
  }
  pending_.next[partition] = message.offset + 1;
}

void Consumer::TakeBad(const rd_kafka_message_t& message, const Partition& partition,
                       const std::string& why) {
  bad_.Record(1);
  const std::string text =
      "message " + std::to_string(message.offset) + " of " + NameOf(partition) + " " + why;
  if (config_.on_bad_message == OnBadMessage::kStop) {
    rd_kafka_pause_partitions(client_->get(), ListOf(std::set<Partition>{partition}).get());
    const std::lock_guard lock(mutex_);
    stopped_[partition] =
        text +
        ": the partition isn't read any further; mend its producer, and skip the message "
        "with on_bad_message: skip";
    return;
  }
  if (logged_.size() < kMaxLogged && logged_.insert(partition.first + why).second)
    host_.Log(sdk::Level::kWarning,
              text + ": skipped, as are others like it (heald_plugin_bad_messages_total)");
}

void Consumer::TakeError(const rd_kafka_message_t& message) {
  const std::string topic = message.rkt != nullptr ? rd_kafka_topic_name(message.rkt) : "";
  const std::string reason =
      message.payload != nullptr ? std::string(BodyOf(message)) : rd_kafka_message_errstr(&message);
  std::string text;
  if (message.err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
    text = Explain(message.err, reason, config_);
  else if (!topic.empty())
    text = ExplainTopic(message.err, topic, config_);
  else
    text = CleanReason(reason);
  const std::lock_guard lock(mutex_);
  group_trouble_ = text;
}

// ---- handing on ----

bool Consumer::HandOn() {
  if (pending_.empty()) return true;
  try {
    Rows& rows = pending_.rows;
    while (pending_.handed < rows.size()) {
      sdk::BatchWriter batch = sink_->Reserve(std::min(rows.size() - pending_.handed, kMaxRows));
      size_t at = pending_.handed;
      for (; at < rows.size() && batch.size() < batch.capacity(); ++at)
        batch.Add(rows.series[at], rows.ts_ns[at], rows.value[at]);
      if (!batch.Commit()) cache_.Forget();
      pending_.handed = at;
    }
    while (!pending_.findings.empty()) {
      sink_->Emit(pending_.findings.front());
      pending_.findings.erase(pending_.findings.begin());
    }
  } catch (const sdk::Failure& failed) {
    if (failed.code() != HEALD_FULL && failed.code() != HEALD_CANCELLED) {
      const std::lock_guard lock(mutex_);
      group_trouble_ = "messages can't be handed on: " + std::string(failed.what());
    }
    return false;
  }
  Mark();
  return true;
}

void Consumer::Mark() {
  std::set<Partition> partitions;
  for (const auto& [partition, next] : pending_.next) partitions.insert(partition);
  const List list = ListOf(partitions);
  {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < list->cnt; ++i) {
      rd_kafka_topic_partition_t& at = list->elems[i];
      at.offset = pending_.next[{at.topic, at.partition}];
      offsets_.Done({at.topic, at.partition}, at.offset);
    }
  }
  // One that has just been taken away isn't marked: its new reader gets these messages again.
  rd_kafka_offsets_store(client_->get(), list.get());
  pending_ = {};
}

void Consumer::SetPaused(bool paused) {
  std::set<Partition> partitions;
  {
    const std::lock_guard lock(mutex_);
    if (paused_ == paused) return;
    paused_ = paused;
    for (const Partition& partition : assigned_)
      if (!stopped_.contains(partition)) partitions.insert(partition);
  }
  const List list = ListOf(partitions);
  if (paused)
    rd_kafka_pause_partitions(client_->get(), list.get());
  else
    rd_kafka_resume_partitions(client_->get(), list.get());
}

void Consumer::OnRebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* partitions) {
  const bool assigned = code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  // What isn't handed on by now is for the next reader, which gets it again.
  if (!assigned && !HandOn()) pending_ = {};
  rd_kafka_assign(handle, assigned ? partitions : nullptr);
  const std::lock_guard lock(mutex_);
  assigned_.clear();
  stopped_.clear();
  paused_ = false;
  if (!assigned) {
    partitions_.Record(0);
    waits_since_ = Clock::now();
    return;
  }
  waits_since_.reset();
  group_trouble_.clear();
  for (int i = 0; i < partitions->cnt; ++i)
    assigned_.emplace(partitions->elems[i].topic, partitions->elems[i].partition);
  partitions_.Record(static_cast<double>(assigned_.size()));
}

// ---- health ----

std::string Consumer::Look(int64_t within_ns) {
  std::string topics = LookAtTopics(within_ns);
  std::string text = client_->trouble();
  if (text.empty()) text = std::move(topics);
  if (text.empty()) MeasureLag(within_ns);
  const std::lock_guard lock(mutex_);
  if (text.empty()) text = group_trouble_;
  if (text.empty() && waits_since_ && Clock::now() - *waits_since_ > kPatience)
    text =
        "waits for its partitions: the group shares them out anew once a member that was killed "
        "is known to be gone (session.timeout.ms)";
  size_t named = 0;
  if (text.empty())
    for (const auto& [partition, why] : stopped_)
      if (named++ < kNamed) text += (text.empty() ? "" : "; ") + why;
  if (named > kNamed) text += "; and " + std::to_string(named - kNamed) + " more partitions";
  return text;
}

// Where the brokers answer, they are well; what they say of the topics tells the rest.
std::string Consumer::LookAtTopics(int64_t within_ns) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(client_->get(), 0, nullptr, &metadata,
                        static_cast<int>(std::max<int64_t>(within_ns / 1'000'000, kAskLagMs)));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const std::string cause = client_->cause();
    return cause.empty() ? Explain(error, rd_kafka_err2str(error), config_) : cause;
  }
  client_->NoteWell();
  std::string text;
  for (int i = 0; i < metadata->topic_cnt && text.empty(); ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata->topics[i];
    if (topic.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      text = ExplainTopic(topic.err, topic.topic, config_);
    for (int p = 0; p < topic.partition_cnt && text.empty(); ++p)
      if (topic.partitions[p].leader < 0)
        text = NameOf({topic.topic, topic.partitions[p].id}) +
               " has no leader: its brokers are away, nothing of it can be read";
  }
  rd_kafka_metadata_destroy(metadata);
  return text;
}

void Consumer::MeasureLag(int64_t within_ns) {
  std::set<Partition> assigned;
  bool paused = false;
  {
    const std::lock_guard lock(mutex_);
    assigned = assigned_;
    paused = paused_;
  }
  const auto until = Clock::now() + std::chrono::nanoseconds(within_ns);
  const List positions = ListOf(assigned);
  rd_kafka_position(client_->get(), positions.get());
  std::map<std::string, int64_t> lags;
  for (int i = 0; i < positions->cnt; ++i) {
    const rd_kafka_topic_partition_t& at = positions->elems[i];
    int64_t low = -1;
    int64_t end = -1;
    // What is fetched tells the end; a partition that is paused fetches nothing.
    if (paused && Clock::now() < until)
      rd_kafka_query_watermark_offsets(client_->get(), at.topic, at.partition, &low, &end,
                                       kAskLagMs);
    else
      rd_kafka_get_watermark_offsets(client_->get(), at.topic, at.partition, &low, &end);
    int64_t next = at.offset;
    {
      const std::lock_guard lock(mutex_);
      if (const int64_t done = offsets_.Next({at.topic, at.partition}); done >= 0) next = done;
    }
    lags[at.topic] += end >= 0 && next >= 0 ? std::max<int64_t>(end - next, 0) : 0;
  }
  for (const auto& [topic, lag] : lags) {
    const auto known = lag_.find(topic);
    if (known == lag_.end() && lag_.size() >= kMaxLags) continue;
    const sdk::Metric gauge =
        known != lag_.end()
            ? known->second
            : lag_.try_emplace(topic, host_.Gauge("lag_messages", "Messages not handed on yet",
                                                  {{"topic", topic}}))
                  .first->second;
    gauge.Record(static_cast<double>(lag));
  }
}

}  // namespace heald::kafka
