#include "tests/kafka/cluster.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace heald::kafka_test {
namespace {

constexpr int kBrokers = 3;
constexpr int kPatienceMs = 30'000;
constexpr int kAdminMs = 10'000;

// The message's opaque is where what became of it goes.
void TakeReport(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  *static_cast<rd_kafka_resp_err_t*>(message->_private) = message->err;
}

rd_kafka_t* NewHandle(rd_kafka_type_t type, const std::map<std::string, std::string>& settings) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char error[512];
  for (const auto& [name, value] : settings)
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error, sizeof error) !=
        RD_KAFKA_CONF_OK)
      throw std::runtime_error(error);
  rd_kafka_conf_set_log_cb(conf, nullptr);
  if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, TakeReport);
  rd_kafka_t* handle = rd_kafka_new(type, conf, error, sizeof error);
  if (handle == nullptr) throw std::runtime_error(error);
  return handle;
}

// Where the brokers refuse to make one they may make it by themselves when it is written to.
void CreateTopic(rd_kafka_t* handle, const std::string& name, int partitions, int replicas) {
  char error[512];
  rd_kafka_NewTopic_t* topic =
      rd_kafka_NewTopic_new(name.c_str(), partitions, replicas, error, sizeof error);
  rd_kafka_AdminOptions_t* options =
      rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
  rd_kafka_AdminOptions_set_request_timeout(options, kAdminMs, error, sizeof error);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(handle);
  rd_kafka_CreateTopics(handle, &topic, 1, options, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kAdminMs);
  if (event != nullptr) rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_AdminOptions_destroy(options);
  rd_kafka_NewTopic_destroy(topic);
}

Record RecordOf(const rd_kafka_message_t& message) {
  Record record;
  record.partition = message.partition;
  record.value.assign(static_cast<const char*>(message.payload), message.len);
  record.key.assign(static_cast<const char*>(message.key), message.key_len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i)
      record.headers[name].assign(static_cast<const char*>(value), size);
  }
  return record;
}

}  // namespace

std::string Unique(const std::string& prefix) {
  static std::atomic<int> number{0};
  return prefix + "-" + std::to_string(getpid()) + "-" +
         std::to_string(std::chrono::system_clock::now().time_since_epoch().count() / 1000) + "-" +
         std::to_string(number++);
}

Cluster::Cluster() {
  const char* outside = std::getenv("HEALD_TEST_KAFKA_BROKERS");
  if (outside != nullptr && *outside != 0) {
    brokers_ = outside;
    handle_ = NewHandle(RD_KAFKA_PRODUCER, {{"bootstrap.servers", brokers_},
                                            {"message.timeout.ms", std::to_string(kPatienceMs)}});
    return;
  }
  // A handle of its own, connected to the mock that another one holds, would be one more.
  handle_ = NewHandle(RD_KAFKA_PRODUCER, {{"test.mock.num.brokers", std::to_string(kBrokers)},
                                          {"bootstrap.servers", "localhost"},
                                          {"message.timeout.ms", std::to_string(kPatienceMs)}});
  mock_ = rd_kafka_handle_mock_cluster(handle_);
  brokers_ = rd_kafka_mock_cluster_bootstraps(mock_);
}

Cluster::~Cluster() {
  rd_kafka_destroy(handle_);
}

std::vector<std::string> Cluster::broker_list() const {
  std::vector<std::string> list;
  std::istringstream in(brokers_);
  for (std::string broker; std::getline(in, broker, ',');) list.push_back(broker);
  return list;
}

std::string Cluster::NewTopic(int partitions) {
  const std::string name = Unique("heald-test");
  if (outside())
    CreateTopic(handle_, name, partitions, -1);
  else
    rd_kafka_mock_topic_create(mock_, name.c_str(), partitions, 1);
  return name;
}

void Cluster::Produce(const std::string& topic, const std::string& value, const std::string& key,
                      int64_t ts_ms) {
  rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
  error = rd_kafka_producev(handle_, RD_KAFKA_V_TOPIC(topic.c_str()),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                            RD_KAFKA_V_KEY(key.data(), key.size()), RD_KAFKA_V_TIMESTAMP(ts_ms),
                            RD_KAFKA_V_OPAQUE(&error), RD_KAFKA_V_END);
  // Ends with the report, for which message.timeout.ms is the limit.
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_flush(handle_, -1);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error("the test's own message to " + topic +
                             " isn't written: " + rd_kafka_err2str(error));
}

int64_t Cluster::Committed(const std::string& group, const std::string& topic,
                           int partitions) const {
  rd_kafka_t* asker =
      NewHandle(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers_}, {"group.id", group}});
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i) rd_kafka_topic_partition_list_add(list, topic.c_str(), i);
  rd_kafka_committed(asker, list, kPatienceMs);
  int64_t sum = 0;
  for (int i = 0; i < partitions; ++i) sum += std::max<int64_t>(list->elems[i].offset, 0);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy_flags(asker, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  return sum;
}

std::vector<Record> Cluster::Read(const std::string& topic, size_t count,
                                  std::chrono::seconds within) {
  const auto until = std::chrono::steady_clock::now() + within;
  rd_kafka_t* reader = NewHandle(RD_KAFKA_CONSUMER, {{"bootstrap.servers", brokers_},
                                                     {"group.id", Unique("reader")},
                                                     {"enable.auto.commit", "false"},
                                                     {"auto.offset.reset", "earliest"}});
  const rd_kafka_metadata_t* metadata = nullptr;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(handle_, topic.c_str(), nullptr);
  rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(1);
  if (rd_kafka_metadata(handle_, 0, handle, &metadata, kPatienceMs) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    for (int i = 0; i < metadata->topics[0].partition_cnt; ++i)
      rd_kafka_topic_partition_list_add(all, topic.c_str(), i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_metadata_destroy(metadata);
  }
  rd_kafka_topic_destroy(handle);
  rd_kafka_assign(reader, all);
  rd_kafka_topic_partition_list_destroy(all);
  std::vector<Record> records;
  // A moment longer than needed: what is too much shows as well.
  auto end = until;
  while (std::chrono::steady_clock::now() < end) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(reader, 50);
    if (message == nullptr) continue;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) records.push_back(RecordOf(*message));
    rd_kafka_message_destroy(message);
    if (records.size() == count)
      end = std::min(until, std::chrono::steady_clock::now() + std::chrono::milliseconds(300));
  }
  rd_kafka_destroy_flags(reader, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  return records;
}

}  // namespace heald::kafka_test
