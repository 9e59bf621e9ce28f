#include "demo/scenario/session.h"

#include <chrono>
#include <deque>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "core/base/units.h"
#include "demo/scenario/remains.h"
#include "demo/scenario/signals.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr int64_t kStartLimit_ns = 15 * kSecond;
constexpr int64_t kLearnLimit_ns = 60 * kSecond;
constexpr int64_t kStopPatience_ns = 15 * kSecond;
constexpr int64_t kAsk_ns = 100 * kMillisecond;
constexpr size_t kLogLines = 8;

int64_t SteadyNow() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string LastLines(const std::string& file) {
  std::ifstream in(file);
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(line);
    if (lines.size() > kLogLines) lines.pop_front();
  }
  std::string out;
  for (const std::string& line : lines) out.append("\n    ").append(line);
  return out;
}

// What the detectors don't know yet; empty: nothing. A node's `learning` is told by its ticks, so
// it says nothing about the first second; every service has to have shown the detector what it
// needs, too.
std::string StillToLearn(const json& status) {
  std::string still;
  for (const json& node : status.value("nodes", json::array())) {
    if (node.value("kind", "") != "detector") continue;
    const std::string name = node.value("name", "");
    const size_t in = node.value("records_in", size_t{0});
    const size_t least =
        name == "unusual" ? kBaselineMinSamples * kBaselineSignals * kProfiles.size() : 1;
    if (const size_t learning = node.value("learning", size_t{0}); learning > 0 || in < least)
      still.append(still.empty() ? "" : ", ")
          .append(name)
          .append(" (")
          .append(std::to_string(learning) + " series, " + std::to_string(in) + " samples so far)");
  }
  return still;
}

}  // namespace

template <typename Ready>
Status Session::WaitFor(Ready ready, int64_t limit_ns, const std::string& what) {
  const int64_t deadline_ns = SteadyNow() + limit_ns;
  std::string problem;
  while (true) {
    if (ready(&problem)) return {};
    if (Status alive = Alive(); !alive) return alive;
    if (SteadyNow() >= deadline_ns) {
      std::string message = what + " within " + FormatElapsed(limit_ns) + ": " + problem;
      message.append("\n  the last lines of ").append(places_.heald_log()).append(":");
      return MakeError(Code::kDeadline, message.append(LastLines(places_.heald_log())));
    }
    if (PauseOrStop(kAsk_ns)) return MakeError(Code::kCancelled, "stopped");
  }
}

Status Session::Start() {
  std::error_code error;
  if (!places_.own_disk.empty()) std::filesystem::create_directories(places_.own_disk, error);
  if (error)
    return MakeError(Code::kUnavailable, "can't make " + places_.own_disk + ": " + error.message());
  auto child =
      Child::Start({places_.bin_dir + "/heald", "run", places_.pipeline}, places_.environment(),
                   places_.heald_log(), OwnDisk(places_.own_disk, kDiskMiB));
  if (!child) return child.error();
  heald_.emplace(std::move(*child));
  HttpClient client;
  const auto up = [&](std::string* problem) {
    if (const auto status = api_.Status(); !status) {
      *problem = status.error().message;
      return false;
    }
    const Status healthy = CheckReachable(&client, places_.targets());
    if (!healthy) *problem = healthy.error().message;
    return healthy.ok();
  };
  if (Status s = WaitFor(up, kStartLimit_ns, "heald and its services don't answer"); !s) return s;
  traffic_.emplace(places_.targets());
  return {};
}

Status Session::Learn(const std::function<void()>& meanwhile) {
  const auto learned = [&](std::string* problem) {
    meanwhile();
    const auto status = api_.Status();
    const std::string still = status ? StillToLearn(*status) : "";
    *problem = status ? "still learning: " + still : status.error().message;
    return status && still.empty();
  };
  return WaitFor(learned, kLearnLimit_ns, "heald has not learnt what is normal");
}

bool Session::Calm() {
  const auto status = api_.Status();
  return status && status->value("open_incidents", 1) == 0;
}

Status Session::Alive() {
  if (heald_->Running()) return {};
  return MakeError(Code::kUnavailable, "heald ended with " + heald_->end() +
                                           "; the last lines of " + places_.heald_log() + ":" +
                                           LastLines(places_.heald_log()));
}

bool Session::HasOwnDisk() const {
  std::ifstream mounts("/proc/" + std::to_string(heald_->pid()) + "/mountinfo");
  for (std::string line; std::getline(mounts, line);)
    if (!places_.own_disk.empty() && line.find(" " + places_.own_disk + " ") != std::string::npos)
      return true;
  return false;
}

void Session::Leave() {
  if (traffic_) traffic_->Stop();
  if (heald_) heald_->Stop(kStopPatience_ns);
  traffic_.reset();
}

void Session::Stop() {
  Leave();
  EndRemains(places_.state_dir);
}

Target Session::target(const std::string& service) const {
  return Select(places_.targets(), {service}).front();
}

}  // namespace heald::demo
