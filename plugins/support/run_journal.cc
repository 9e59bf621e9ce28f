#include "plugins/support/run_journal.h"

#include <cctype>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

namespace heald::support {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using sdk::Failure;

constexpr auto kKept = std::chrono::hours(24 * 7);

}  // namespace

std::string RunJournal::Path(std::string_view decision, std::string_view suffix) const {
  // Decisions are hashes; whatever else one may hold must not lead out of the folder.
  std::string name;
  for (const char c : decision) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return folder_ + "/run-" + name + std::string(suffix);
}

std::string RunJournal::OutputPath(std::string_view decision) const {
  return Path(decision, ".out");
}

std::optional<RunJournal::Entry> RunJournal::Find(std::string_view decision) const {
  const std::string path = Path(decision, ".json");
  std::ifstream file(path);
  if (!file) return std::nullopt;
  const json read = json::parse(file, nullptr, false);
  try {
    Entry entry;
    entry.pid = read.at("pid").get<pid_t>();
    entry.start_ticks = read.at("start_ticks").get<uint64_t>();
    if (read.contains("state"))
      entry.effect = sdk::Effect{read.at("state").get<sdk::EffectState>(),
                                 read.at("detail").get<std::string>()};
    return entry;
  } catch (const json::exception&) {
    throw Failure(HEALD_CORRUPT, path +
                                     " is damaged, so whether this decision was carried out "
                                     "can't be told");
  }
}

void RunJournal::Write(std::string_view decision, const Entry& entry) const {
  json out{{"pid", entry.pid}, {"start_ticks", entry.start_ticks}};
  if (entry.effect) {
    out["state"] = entry.effect->state;
    out["detail"] = entry.effect->detail;
  }
  const std::string path = Path(decision, ".json");
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << out.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  file.close();
  std::error_code error;
  if (!file) error = std::make_error_code(std::errc::io_error);
  if (!error) fs::rename(fresh, path, error);
  if (error)
    throw Failure(HEALD_UNAVAILABLE, "cannot write " + path + ": " + error.message()).Retryable();
}

void RunJournal::Prune() const {
  std::error_code error;
  std::vector<fs::path> old;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const auto written = entry.last_write_time(error);
    if (!error && entry.path().filename().string().starts_with("run-") &&
        fs::file_time_type::clock::now() - written > kKept)
      old.push_back(entry.path());
  }
  for (const fs::path& path : old) fs::remove(path, error);
}

}  // namespace heald::support
