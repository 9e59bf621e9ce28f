#include "plugins/actions/process/record.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

namespace heald::process {

std::optional<Record> ReadRecord(const std::string& path, std::string* problem) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  const auto json = nlohmann::json::parse(file, nullptr, false);
  try {
    Record record;
    record.instance = json.at("instance").get<std::string>();
    record.replacing = json.at("replacing").get<std::string>();
    record.want_up = json.at("want_up").get<bool>();
    record.pid = json.at("pid").get<pid_t>();
    record.start_ticks = json.at("start_ticks").get<uint64_t>();
    record.boot_id = json.at("boot_id").get<std::string>();
    record.fingerprint = json.at("fingerprint").get<std::string>();
    return record;
  } catch (const nlohmann::json::exception& exception) {
    *problem = path + ": not a record of a service (" + exception.what() + "); ignored";
    return std::nullopt;
  }
}

std::string WriteRecord(const std::string& path, const Record& record) {
  const std::string text =
      nlohmann::json{{"instance", record.instance},       {"replacing", record.replacing},
                     {"want_up", record.want_up},         {"pid", record.pid},
                     {"start_ticks", record.start_ticks}, {"boot_id", record.boot_id},
                     {"fingerprint", record.fingerprint}}
          .dump() +
      "\n";
  // A rename survives a killed agent without fsync; after a power cut the children are gone too.
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool written =
      fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  int error = errno;
  if (fd >= 0) close(fd);
  if (written && rename(fresh.c_str(), path.c_str()) != 0) {
    written = false;
    error = errno;
  }
  return written ? "" : path + ": " + std::generic_category().message(error);
}

}  // namespace heald::process
