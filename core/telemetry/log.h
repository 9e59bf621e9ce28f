// The agent's log: one line per event, text for people or JSON for machines. Used by all host code
// and, through the plugin host, by plugins. Before InitLog lines go to stderr as text.
// Thread rule: any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/base/result.h"

namespace heald {

enum class LogLevel : uint8_t { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };  // as in the ABI

// Views: made in the call of Log, never kept.
struct LogField {
  std::string_view key;
  std::variant<std::string_view, int64_t, uint64_t, double, bool> value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, const char* v) : key(k), value(std::string_view(v)) {}
  LogField(std::string_view k, bool v) : key(k), value(v) {}
  LogField(std::string_view k, std::signed_integral auto v) : key(k), value(int64_t{v}) {}
  LogField(std::string_view k, std::unsigned_integral auto v) : key(k), value(uint64_t{v}) {}
  LogField(std::string_view k, double v) : key(k), value(v) {}
  // Left out of text for people, who would only stumble over it: ids to join logs with traces.
  static LogField ForMachines(std::string_view k, std::string_view v) {
    LogField field(k, v);
    field.for_machines = true;
    return field;
  }
  bool for_machines = false;
};

struct LogOptions {
  std::string format = "text";  // text | json
  std::string level = "info";   // debug | info | warning | error
  // Takes each finished line without its newline, one call at a time; null: stderr.
  std::function<void(std::string_view line)> sink;
};

// May be called again, for instance after a reload; lines being written finish under the old
// options.
Status InitLog(const LogOptions& options);
bool LogEnabled(LogLevel level);

// `node` is the pipeline node or the part of the agent that speaks ("store", "api").
void Log(LogLevel level, std::string_view node, std::string_view message,
         std::span<const LogField> fields);
void Log(LogLevel level, std::string_view node, std::string_view message,
         std::initializer_list<LogField> fields = {});

// Keeps a repeating complaint to one line per period; that line says how many were left out.
class LogLimiter {
 public:
  explicit LogLimiter(int64_t period_ns) : period_ns_(period_ns) {}

  // The first line of a key passes at once; later ones once the period is over, with the number
  // left out in between as the field `repeated`. Returns whether the line was written.
  bool Log(int64_t now_ns, std::string_view key, LogLevel level, std::string_view node,
           std::string_view message, std::initializer_list<LogField> fields = {});

 private:
  struct Entry {
    int64_t written_ns = 0;
    uint64_t left_out = 0;
  };
  static constexpr size_t kMaxKeys = 1024;

  Entry& Find(std::string_view key, int64_t now_ns);

  const int64_t period_ns_;
  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // under mutex_
};

}  // namespace heald
