// A receiver of traces over OTLP/HTTP in JSON that holds each request against the protocol, field
// by field: names, types, ids and times as opentelemetry-proto's trace.proto and its JSON mapping
// have them. It can also be away, slow or say no, as HttpServer can. Used by tests of whatever
// sends traces. Thread rule: all methods are callable from any thread.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/fakes/http_server.h"

namespace heald::fakes {

// A span as it was sent, with what it inherits.
struct ReceivedSpan {
  std::string service;  // service.name of its resource
  std::string scope;
  std::string trace_id;
  std::string span_id;
  std::string parent_id;
  std::string name;
  int kind = 0;
  int status = 0;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
  std::map<std::string, nlohmann::json> attributes;  // plain: texts, numbers, booleans
  std::vector<std::pair<std::string, int64_t>> events;
};

class OtlpReceiver {
 public:
  explicit OtlpReceiver(FakeTls tls = {});

  std::string url() const { return server_.url(); }
  HttpServer& server() { return server_; }
  // The next so many requests get this instead, and their spans aren't kept.
  void Refuse(size_t requests, FakeReply reply);

  std::vector<ReceivedSpan> spans() const;
  // Those of a name, and of a service where that isn't empty.
  std::vector<ReceivedSpan> Named(const std::string& name, const std::string& service = "") const;
  // What wasn't as the protocol says; empty: all was.
  std::vector<std::string> problems() const;
  // False after `within`.
  bool WaitForSpans(size_t count, std::chrono::milliseconds within) const;

 private:
  FakeReply Answer(const FakeRequest& request);

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::vector<ReceivedSpan> spans_;
  std::vector<std::string> problems_;
  size_t refusals_ = 0;
  FakeReply refusal_;
  HttpServer server_;  // last: it answers from its construction on
};

}  // namespace heald::fakes
