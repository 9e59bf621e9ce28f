// A service's log: JSON lines on stdout, with the ids of the trace that the line belongs to. Who
// reads slowly loses lines, which are counted, and never holds a request up. Used by main and
// HttpApp. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

namespace heald::demo {

enum class Level : uint8_t { kInfo, kWarning, kError };

class ServiceLog {
 public:
  explicit ServiceLog(std::string service, int fd = 1) : service_(std::move(service)), fd_(fd) {}

  // {"time":…,"level":…,"service":…,"msg":…,"trace_id":…,"span_id":…} and the fields.
  void Write(Level level, const std::string& message,
             const nlohmann::ordered_json& fields = nlohmann::ordered_json::object());

 private:
  const std::string service_;
  const int fd_;
  std::mutex mutex_;
  uint64_t dropped_ = 0;  // under mutex_; since the last line
};

}  // namespace heald::demo
