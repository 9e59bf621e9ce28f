#include "core/telemetry/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <memory>
#include <vector>

#include "core/base/clock.h"
#include "core/telemetry/log_format.h"

namespace heald {
namespace {

class FunctionSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FunctionSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    write_({message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

 private:
  std::function<void(std::string_view)> write_;
};

struct Writer {
  bool json = false;
  std::shared_ptr<spdlog::logger> logger;
};

std::shared_ptr<const Writer> MakeWriter(const LogOptions& options) {
  auto writer = std::make_shared<Writer>();
  writer->json = options.format == "json";
  spdlog::sink_ptr sink;
  if (options.sink)
    sink = std::make_shared<FunctionSink>(options.sink);
  else
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  writer->logger = std::make_shared<spdlog::logger>("heald", std::move(sink));
  writer->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  writer->logger->set_level(spdlog::level::trace);  // filtered before formatting, in Log
  // A stderr that is gone leaves no place to complain; the agent goes on.
  writer->logger->set_error_handler([](const std::string&) {});
  return writer;
}

struct State {
  std::atomic<LogLevel> level{LogLevel::kInfo};
  std::mutex mutex;
  std::shared_ptr<const Writer> writer = MakeWriter(LogOptions{});  // under mutex

  std::shared_ptr<const Writer> Get() {
    const std::lock_guard lock(mutex);
    return writer;
  }
};

// Never destroyed: threads may still log while the process exits.
State& TheState() {
  static State* const state = new State;
  return *state;
}

Result<LogLevel> ParseLevel(std::string_view name) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError})
    if (name == ToString(level)) return level;
  return MakeError(Code::kInvalid, "log level '" + std::string(name) +
                                       "' is unknown: use debug, info, warning or error");
}

}  // namespace

Status InitLog(const LogOptions& options) {
  const Result<LogLevel> level = ParseLevel(options.level);
  if (!level) return level.error();
  if (options.format != "text" && options.format != "json")
    return MakeError(Code::kInvalid,
                     "log format '" + options.format + "' is unknown: use text or json");
  std::shared_ptr<const Writer> writer = MakeWriter(options);
  State& state = TheState();
  {
    const std::lock_guard lock(state.mutex);
    state.writer.swap(writer);
  }
  state.level.store(*level, std::memory_order_relaxed);
  return {};
}

bool LogEnabled(LogLevel level) {
  return level >= TheState().level.load(std::memory_order_relaxed);
}

void Log(LogLevel level, std::string_view node, std::string_view message,
         std::span<const LogField> fields) {
  if (!LogEnabled(level)) return;
  const std::shared_ptr<const Writer> writer = TheState().Get();
  const LogEvent event{SystemClock().NowNs(), level, node, message, fields};
  const std::string line = writer->json ? FormatJson(event) : FormatText(event);
  writer->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void Log(LogLevel level, std::string_view node, std::string_view message,
         std::initializer_list<LogField> fields) {
  Log(level, node, message, std::span(fields.begin(), fields.size()));
}

LogLimiter::Entry& LogLimiter::Find(std::string_view key, int64_t now_ns) {
  if (const auto at = entries_.find(key); at != entries_.end()) return at->second;
  if (entries_.size() >= kMaxKeys)
    std::erase_if(entries_, [&](const auto& e) {
      return e.second.left_out == 0 && now_ns - e.second.written_ns >= period_ns_;
    });
  // Too many different complaints at once share one entry: memory stays bounded.
  if (entries_.size() >= kMaxKeys) key = "";
  return entries_.try_emplace(std::string(key), Entry{now_ns - period_ns_, 0}).first->second;
}

bool LogLimiter::Log(int64_t now_ns, std::string_view key, LogLevel level, std::string_view node,
                     std::string_view message, std::initializer_list<LogField> fields) {
  std::vector<LogField> all(fields);
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = Find(key, now_ns);
    if (now_ns - entry.written_ns < period_ns_) {
      ++entry.left_out;
      return false;
    }
    if (entry.left_out > 0) all.emplace_back("repeated", entry.left_out);
    entry = {now_ns, 0};
  }
  heald::Log(level, node, message, all);
  return true;
}

}  // namespace heald
