// The settings of a service, kept in a file: what it should run with, what it runs with just now,
// and what it last started with. The three differ after a change by hand and after a bad release.
// Used by DataFolder; the functions on folders also by heald-demo-upkeep.
// Thread rule: all functions from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "demo/services/router.h"

namespace heald::demo {

class Settings {
 public:
  static constexpr const char* kFile = "settings.json";
  static constexpr const char* kLastGoodFile = "settings.last-good.json";

  // Reads the file in `folder`, which gets one with the defaults when there is none, and keeps a
  // copy of it as the last that was good. What is wrong in it is named: the service can't start.
  static Result<std::unique_ptr<Settings>> Open(const std::string& folder);

  int64_t decline_above_cents() const;
  // Changes what is in force, past the file: the fault drift.
  void ChangeByHand();
  // Takes over what the file says.
  Status Apply();
  // The file says something else than what is in force, or nothing that can be read.
  bool Drifted() const;

  // GET /settings, GET /settings/in-sync (409 when drifted), POST /settings/apply.
  std::vector<Route> Routes();

 private:
  Settings(std::string folder, nlohmann::json live)
      : folder_(std::move(folder)), live_(std::move(live)) {}
  nlohmann::json Live() const;

  const std::string folder_;
  mutable std::mutex mutex_;
  nlohmann::json live_;  // guarded by mutex_
};

// A release with a mistake in its settings: the fault crash_loop.
Status BreakSettings(const std::string& folder);
// Brings back what the service last started with, and says so.
Result<std::string> RollBackSettings(const std::string& folder);

}  // namespace heald::demo
