// The notifier `log`: every event as one line of JSON, in a file or on stdout.
// Thread rule: as every heald::sdk::Notifier.
#pragma once

#include <string>

#include "heald/plugin.h"
#include "plugins/notifiers/log/log_writer.h"
#include "plugins/support/record_json.h"

namespace heald::log_notifier {

struct Config {
  std::string path;
  bool fsync = false;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(Field("path", &Config::path, "File to append to; stdout when empty or '-'"),
                      Field("fsync", &Config::fsync,
                            "Force each line to the disk, so that it survives a power cut"));
  }
};

class LogNotifier : public sdk::Notifier<LogNotifier> {
 public:
  using Config = log_notifier::Config;
  static constexpr sdk::Info kInfo{
      .name = "log", .doc = "Writes every event as a line of JSON", .flags = HEALD_BLOCKING};

  LogNotifier(sdk::Host, const Config& config) : writer_(config.path, config.fsync) {}

  void Notify(const heald_notification& item, const Config&) {
    const std::string line = support::OneLine(support::NotificationJson(item));
    // The disk may have room again later: the host keeps the event and asks again.
    if (const std::string problem = writer_.Append(line); !problem.empty())
      throw sdk::Failure(HEALD_UNAVAILABLE, "cannot write the event: " + problem).Retryable();
  }

 private:
  LogWriter writer_;
};

}  // namespace heald::log_notifier
