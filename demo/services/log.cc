#include "demo/services/log.h"

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "demo/services/tracer.h"

namespace heald::demo {
namespace {

const char* NameOf(Level level) {
  switch (level) {
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "";
}

// A pipe that is ready takes so much at once.
bool TakesALine(int fd) {
  pollfd ready{fd, POLLOUT, 0};
  return poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0;
}

}  // namespace

void ServiceLog::Write(Level level, const std::string& message,
                       const nlohmann::ordered_json& fields) {
  nlohmann::ordered_json line = {{"time", FormatTime(SystemClock().NowNs())},
                                 {"level", NameOf(level)},
                                 {"service", service_},
                                 {"msg", message}};
  if (const SpanScope* span = SpanScope::Current()) {
    const auto context = span->context();
    line["trace_id"] = context->trace_id;
    line["span_id"] = context->span_id;
  }
  line.update(fields);
  const std::lock_guard lock(mutex_);
  if (dropped_ != 0) line["dropped_lines"] = dropped_;
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (text.size() <= PIPE_BUF && TakesALine(fd_) &&
      write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    dropped_ = 0;
  else
    ++dropped_;
}

}  // namespace heald::demo
