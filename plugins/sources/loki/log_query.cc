#include "plugins/sources/loki/log_query.h"

#include <algorithm>
#include <chrono>

#include "plugins/sources/loki/requests.h"

namespace heald::loki {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kForgetEveryNs = 1'000'000'000;
constexpr int64_t kSaveEveryNs = 1'000'000'000;  // by a tail, which hears something all the time
constexpr size_t kMaxLines = 10'000;             // of one call
constexpr int64_t kLeastPieceNs = 60'000'000'000;
constexpr int64_t kLeastPauseNs = 1'500'000'000;  // Loki pings once a second
constexpr int64_t kMostPauseNs = 5'000'000'000;

uint64_t Mix(uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return (hash ^ 0xff) * 0x100000001b3u;
}

uint64_t KeyOf(uint64_t stream, const Entry& entry) {
  const uint64_t at = (stream ^ static_cast<uint64_t>(entry.ts_ns)) * 0x9e3779b97f4a7c15u;
  return Mix(at ^ at >> 31, entry.line);
}

}  // namespace

LogQuery::LogQuery(sdk::Host host, std::string name, std::string logql, const LokiConfig& config,
                   const Counters& counters)
    : host_(host),
      name_(std::move(name)),
      logql_(std::move(logql)),
      config_(config),
      counters_(counters),
      limit_(config.limit),
      longest_pause_ns_(std::clamp(config.overlap.ns / 2, kLeastPauseNs, kMostPauseNs)),
      position_(std::string(host.StateDir()) + "/lines-" + name_ + ".position",
                config.url + "\n" + config.tenant + "\n" + logql_) {}

void LogQuery::Resume() {
  const std::lock_guard lock(mutex_);
  Position::Saved saved = position_.Load();
  if (saved.floor_ns == 0) return;
  floor_ns_ = saved.floor_ns;
  read_to_ns_ = std::max(saved.read_to_ns, saved.floor_ns);
  handed_on_ = std::move(saved.handed_on);
  position_.Write({floor_ns_, read_to_ns_, handed_on_});
}

void LogQuery::BeginAt(int64_t from_ns) {
  const std::lock_guard lock(mutex_);
  floor_ns_ = read_to_ns_ = from_ns;
  position_.Write({floor_ns_, read_to_ns_, handed_on_});
}
bool LogQuery::begun() const {
  const std::lock_guard lock(mutex_);
  return floor_ns_ != 0;
}

LogQuery::Reading LogQuery::Read(support::HttpClient& http, LineParser& parser,
                                 const sdk::Sink& sink, int64_t to_ns, int64_t timeout_ns) {
  const auto until = Clock::now() + std::chrono::nanoseconds(timeout_ns);
  const auto left_ns = [&] { return (until - Clock::now()) / std::chrono::nanoseconds(1); };
  int64_t from_ns = 0;
  {
    const std::lock_guard lock(mutex_);
    dropped_ = false;
    const int64_t oldest_ns = to_ns - config_.max_catch_up.ns;
    if (read_to_ns_ < oldest_ns && floor_ns_ < oldest_ns) {
      host_.Log(
          sdk::Level::kWarning,
          "loki `" + std::string(host_.Name()) + "`: query '" + name_ + "': lines of " +
              sdk::detail::DurationText((oldest_ns - read_to_ns_) / 1'000'000'000 * 1'000'000'000) +
              " are left out: they are older than max_catch_up");
      floor_ns_ = read_to_ns_ = oldest_ns;
      position_.Write({floor_ns_, read_to_ns_, handed_on_});
    }
    from_ns = std::max(floor_ns_, read_to_ns_ - config_.overlap.ns);
  }
  while (from_ns < to_ns) {
    if (left_ns() < kMinAttemptNs) return {"", 0, false, false, true};
    const int64_t piece_to_ns = piece_ns_ == 0 ? to_ns : std::min(to_ns, from_ns + piece_ns_);
    const support::HttpRequest request =
        ReadLines(logql_, from_ns, piece_to_ns, limit_, std::min(config_.timeout.ns, left_ns()));
    support::HttpResult result = http.Perform(request);
    if (!result.ok()) {
      if (result.error.fault == support::HttpFault::kCancelled) return {"", 0, true, false, false};
      const Refusal refusal = Explain(result);
      if (refusal.max_limit > 0 && refusal.max_limit < limit_) {
        limit_ = refusal.max_limit;
        continue;
      }
      if (result.error.fault == support::HttpFault::kTooLarge && limit_ > 1) {
        limit_ /= 2;
        continue;
      }
      // The past of an outage may be more than the server reads at once.
      const int64_t least_ns = std::max(kLeastPieceNs, 2 * config_.overlap.ns);
      if (refusal.too_much && piece_to_ns - from_ns > least_ns) {
        piece_ns_ = std::max(least_ns, (piece_to_ns - from_ns) / 2);
        if (result.error.fault == support::HttpFault::kStatus) continue;
      }
      const bool query =
          result.error.fault == support::HttpFault::kStatus && result.response.status == 400;
      return {refusal.message, result.error.retry_after_ns, false, !query, false};
    }
    const LogAnswer answer = parser.ParseAnswer(result.response.body);
    if (!answer.error.empty()) return {answer.error, 0, false, false, false};
    for (;;) {
      try {
        const std::lock_guard lock(mutex_);
        Emit(answer, sink);
        break;
      } catch (const sdk::Failure& failed) {
        if (failed.code() != HEALD_FULL) throw;
        if (left_ns() < kMinAttemptNs) return {"", 0, false, false, true};
        if (!http.Sleep(std::max(failed.retry_after_ns(), kWaitForRoomNs)))
          return {"", 0, true, false, false};
      }
    }
    if (answer.listed < static_cast<size_t>(limit_)) {
      if (piece_to_ns == to_ns) break;
      from_ns = piece_to_ns;
    } else {
      // There is more: of the last moment maybe as well, so it is asked for again.
      int64_t next_ns = std::max(answer.entries.back().ts_ns, from_ns);
      if (next_ns == answer.entries.front().ts_ns) {
        ++next_ns;
        counters_.unread.Record(1);
      }
      from_ns = next_ns;
    }
    const std::lock_guard lock(mutex_);
    read_to_ns_ = std::max(read_to_ns_, from_ns);
    SavePosition();
  }
  const std::lock_guard lock(mutex_);
  piece_ns_ = 0;
  read_to_ns_ = std::max(read_to_ns_, to_ns);
  Forget(read_to_ns_ - 2 * config_.overlap.ns);
  SavePosition();
  return {};
}

void LogQuery::Take(const LogAnswer& answer, const sdk::Sink& sink) {
  const std::lock_guard lock(mutex_);
  Emit(answer, sink);
}

void LogQuery::TailIsUp(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  tail_since_ns_ = tail_alive_ns_ = now_ns;
}
void LogQuery::TailIsAlive(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (now_ns - std::exchange(tail_alive_ns_, now_ns) > longest_pause_ns_) dropped_ = true;
  // Once readings have reached beyond its beginning it alone brings all lines.
  if (tail_since_ns_ == 0 || dropped_ || read_to_ns_ < tail_since_ns_ + config_.overlap.ns) return;
  read_to_ns_ = std::max(read_to_ns_, now_ns);
  Forget(read_to_ns_ - 2 * config_.overlap.ns);
  if (read_to_ns_ - saved_ns_ >= kSaveEveryNs) SavePosition();
}
void LogQuery::TailIsDown() {
  const std::lock_guard lock(mutex_);
  tail_since_ns_ = 0;
}
void LogQuery::TailDropped() {
  const std::lock_guard lock(mutex_);
  dropped_ = true;
}
bool LogQuery::NeedsReading() const {
  const std::lock_guard lock(mutex_);
  return tail_since_ns_ == 0 || dropped_ || read_to_ns_ < tail_since_ns_ + config_.overlap.ns;
}

uint32_t LogQuery::StreamOf(const sdk::LabelSet& labels) {
  try {
    return host_.Intern(name_, labels);
  } catch (const sdk::Failure& failed) {
    if (failed.code() != HEALD_FULL) throw;
    return HEALD_SERIES_NONE;
  }
}

size_t LogQuery::Emit(const LogAnswer& answer, const sdk::Sink& sink) {
  struct Stream {
    uint32_t handle = HEALD_SERIES_NONE;
    uint64_t hash = 0;
    uint32_t severity = HEALD_SEVERITY_NORMAL;
    bool asked = false;
  };
  if (!answer.entries.empty()) heard_.store(true, std::memory_order_relaxed);
  std::vector<Stream> streams(answer.streams.size());
  for (size_t i = 0; i < streams.size(); ++i) {
    streams[i].hash = 0xcbf29ce484222325u;
    for (const auto& [name, value] : answer.streams[i].items())
      streams[i].hash = Mix(Mix(streams[i].hash, name), value);
    streams[i].severity = SeverityIn(answer.streams[i]);
  }
  std::vector<heald_log_line> lines;
  std::vector<std::pair<uint64_t, int64_t>> keys;
  std::vector<sdk::detail::BorrowedLabels> attributes;
  attributes.reserve(answer.entries.size());
  std::unordered_map<uint64_t, int64_t> fresh;
  uint64_t doubled = 0;
  uint64_t refused = 0;
  for (const Entry& entry : answer.entries) {
    if (entry.ts_ns < floor_ns_) continue;
    Stream& stream = streams[entry.stream];
    const uint64_t key = KeyOf(stream.hash, entry);
    if (handed_on_.contains(key) || !fresh.emplace(key, entry.ts_ns).second) {
      ++doubled;
      continue;
    }
    if (!std::exchange(stream.asked, true)) stream.handle = StreamOf(answer.streams[entry.stream]);
    if (stream.handle == HEALD_SERIES_NONE) {
      ++refused;
      continue;
    }
    heald_log_line line{};
    line.size = sizeof line;
    line.severity = SeverityIn(entry.attributes);
    if (line.severity == HEALD_SEVERITY_NORMAL) line.severity = stream.severity;
    line.stream = stream.handle;
    line.ts_ns = entry.ts_ns;
    line.line = sdk::detail::Str(entry.line);
    line.attributes = attributes.emplace_back(entry.attributes).get();
    lines.push_back(line);
    keys.emplace_back(key, entry.ts_ns);
  }
  for (size_t at = 0; at < lines.size(); at += kMaxLines) {
    const size_t count = std::min(kMaxLines, lines.size() - at);
    sink.EmitLogs({&lines[at], count});
    handed_on_.insert(keys.begin() + long(at), keys.begin() + long(at + count));
    position_.HandedOn({&keys[at], count});
  }
  counters_.lines.Record(static_cast<double>(lines.size()));
  counters_.doubled.Record(static_cast<double>(doubled));
  if (refused != 0) counters_.refused.Record(static_cast<double>(refused));
  return lines.size();
}

void LogQuery::Forget(int64_t before_ns) {
  // Looks at all of them, and a tail asks with every frame.
  if (before_ns - forgot_ns_ < kForgetEveryNs) return;
  forgot_ns_ = before_ns;
  std::erase_if(handed_on_, [&](const auto& line) { return line.second < before_ns; });
}

void LogQuery::SavePosition() {
  saved_ns_ = read_to_ns_;
  position_.ReadTo(read_to_ns_);
  if (!position_.error().empty() || position_.Grown(handed_on_.size()))
    position_.Write({floor_ns_, read_to_ns_, handed_on_});
  if (position_.error().empty() == !warned_) return;
  warned_ = !warned_;
  const std::string node = "loki `" + std::string(host_.Name()) + "`: query '" + name_ + "': ";
  if (warned_)
    host_.Log(sdk::Level::kWarning, node +
                                        "after a restart lines may come twice, its position "
                                        "can't be written: " +
                                        position_.error());
  else
    host_.Log(sdk::Level::kInfo, node + "its position is written again");
}

}  // namespace heald::loki
