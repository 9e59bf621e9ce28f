#include "heald/plugin.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "heald/time_text.h"
#include "plugins/sources/replay/outlet.h"
#include "plugins/sources/replay/pace.h"
#include "plugins/sources/replay/settings.h"
#include "plugins/sources/replay/tape.h"

namespace heald::replay {
namespace {

using recording::Moment;

constexpr sdk::Duration kPollEvery = sdk::Milliseconds(100);
constexpr sdk::Duration kAfterTheEnd = sdk::Minutes(1);
constexpr int64_t kFirstStepNs = 1'000'000'000;  // between two rounds of a single moment

class ReplaySource : public sdk::Source<ReplaySource> {
 public:
  static constexpr sdk::Info kInfo{.name = "replay",
                                   .doc = "Recorded samples, played again: recordings and CSV",
                                   .flags = HEALD_BLOCKING | HEALD_DETERMINISTIC};
  using Config = ReplayConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const Problem& problem : CheckConfig(config))
      problems.Add(problem.pointer, problem.message);
  }
  static std::vector<std::string> Outputs(const Config& config) { return OutputNames(config); }

  ReplaySource(sdk::Host host, const Config& config)
      : host_(host),
        config_(config),
        at_once_(SpeedOf(config) == 0),
        disorder_(host.Counter("out_of_order_samples_total",
                               "Samples played that are older than one before them")),
        refused_(
            host.Counter("dropped_samples_total", "Samples left out", {{"reason", "max_series"}})),
        rounds_(host.Counter("rounds_total", "Times that everything was played to its end")),
        position_(host.Gauge("position_timestamp_seconds",
                             "Recorded time that has been reached, since 1970")),
        tape_(MakeTape(true)),
        outlet_(host, tape_, refused_),
        pace_(SpeedOf(config), config.shift) {}

  sdk::Duration Interval() const { return ended_ ? kAfterTheEnd : kPollEvery; }

  void Poll(sdk::Sink& sink, int64_t deadline_ns) {
    if (!outlet_.Flush(sink) || ended_) return;
    if (!pace_.begun() && !Begin()) return;
    while (!host_.Cancelled() && host_.MonotonicNs() < deadline_ns) {
      const Moment* const moment = Next();
      if (moment == nullptr) {
        if (outlet_.Flush(sink)) End();
        return;
      }
      const int64_t recorded_ns = moment->ts_ns + round_shift_ns_;
      if (!pace_.IsDue(recorded_ns, host_.MonotonicNs())) break;
      Play(*moment, pace_.TimeOf(recorded_ns));
      if (outlet_.full() && !outlet_.Flush(sink)) return;
    }
    outlet_.Flush(sink);
    position_.Record(static_cast<double>(last_ns_) / 1e9);
  }

  // shift: now lays the beginning of what was recorded into the range, and what comes behind it is
  // played live. shift: original gives what was recorded then, and that isn't played again.
  void Backfill(sdk::Sink& sink, int64_t from_ns, int64_t to_ns) {
    if (config_.shift == Shift::kOriginal) {
      GiveRange(sink, from_ns, to_ns);
    } else if (at_once_) {
      host_.Log(sdk::Level::kInfo, Node() + "speed max plays everything at once: no history");
    } else if (const Moment* moment = tape_.Peek(); moment != nullptr) {
      const int64_t shift_ns = from_ns - moment->ts_ns;
      live_from_ns_ = to_ns - shift_ns;
      for (; moment != nullptr && moment->ts_ns < *live_from_ns_; moment = tape_.Peek()) {
        Play(*moment, moment->ts_ns + shift_ns);
        if (outlet_.full()) outlet_.FlushAll(sink);
      }
      outlet_.FlushAll(sink);
    }
  }

 private:
  // What ranges of history are read from, beside what is played.
  struct Past {
    explicit Past(const ReplaySource& source)
        : tape(source.MakeTape(false)), outlet(source.host_, tape, source.refused_) {}
    Tape tape;
    Outlet outlet;
    int64_t until_ns = INT64_MIN;
    std::vector<Moment> at_end;  // of the range before
  };

  Tape MakeTape(bool tells) const {
    return Tape({FilesOf(config_), config_.sources, config_.labels,
                 [this, tells](const std::string& remark) {
                   if (tells) host_.Log(sdk::Level::kWarning, Node() + remark);
                 }});
  }
  std::string Node() const { return "replay `" + std::string(host_.Name()) + "`: "; }
  void CheckCancelled() const {
    if (host_.Cancelled()) throw sdk::Failure(HEALD_CANCELLED, "stopped while reading");
  }

  // Ranges that follow each other, as backtest and record ask for them, read the files once.
  void GiveRange(sdk::Sink& sink, int64_t from_ns, int64_t to_ns) {
    if (!past_ || from_ns < past_->until_ns) past_ = std::make_unique<Past>(*this);
    // Ranges have both their ends, so the end of one is the beginning of the next.
    if (from_ns == past_->until_ns)
      for (const Moment& moment : past_->at_end) past_->outlet.Add(moment, moment.ts_ns);
    past_->at_end.clear();
    past_->until_ns = to_ns;
    for (const Moment* moment = past_->tape.Peek(); moment != nullptr && moment->ts_ns <= to_ns;
         moment = past_->tape.Peek()) {
      CheckCancelled();
      if (moment->ts_ns >= from_ns) {
        past_->outlet.Add(*moment, moment->ts_ns);
        given_until_ns_ = to_ns;
      }
      if (moment->ts_ns == to_ns) past_->at_end.push_back(*moment);
      past_->tape.Pop();
      if (past_->outlet.full()) past_->outlet.FlushAll(sink);
    }
    past_->outlet.FlushAll(sink);
  }

  // False: there is nothing to play.
  bool Begin() {
    const Moment* const first = Next();
    if (first == nullptr) {
      if (!first_ns_ && !given_until_ns_)
        throw sdk::Failure(HEALD_INVALID, "there are no samples in " + FilesOf(config_)[0]);
      End();
      return false;
    }
    // All at once ends now; the rest begins now.
    const int64_t recorded_ns = at_once_ ? LastRecorded() : live_from_ns_.value_or(first->ts_ns);
    pace_.Begin(recorded_ns, host_.NowNs(), host_.MonotonicNs());
    return true;
  }

  int64_t LastRecorded() const {
    Tape tape = MakeTape(false);
    int64_t last_ns = INT64_MIN;
    for (const Moment* moment = tape.Peek(); moment != nullptr; moment = tape.Peek()) {
      CheckCancelled();
      last_ns = std::max(last_ns, moment->ts_ns);
      tape.Pop();
    }
    return last_ns;
  }

  // The moment to play next; null at the end.
  const Moment* Next() {
    const Moment* moment = tape_.Peek();
    for (; moment != nullptr && given_until_ns_ && moment->ts_ns <= *given_until_ns_;
         moment = tape_.Peek())
      tape_.Pop();
    if (moment != nullptr || !config_.loop || !first_ns_) return moment;
    rounds_.Record(1);
    round_shift_ns_ += last_ns_ - *first_ns_ + step_ns_;
    tape_.Rewind();
    return tape_.Peek();
  }

  void Play(const Moment& moment, int64_t ts_ns) {
    if (!first_ns_) {
      first_ns_ = last_ns_ = moment.ts_ns;
    } else if (moment.ts_ns > last_ns_) {
      step_ns_ = moment.ts_ns - last_ns_;
      last_ns_ = moment.ts_ns;
    }
    if (played_ns_ && ts_ns < *played_ns_) {
      disorder_.Record(static_cast<double>(moment.samples.size()));
      if (!std::exchange(said_disorder_, true))
        host_.Log(sdk::Level::kWarning,
                  Node() + "samples of " + sdk::FormatTimeText(moment.ts_ns) +
                      " come after later ones; detectors leave such samples out");
    }
    played_ns_ = std::max(played_ns_.value_or(ts_ns), ts_ns);
    outlet_.Add(moment, ts_ns);
    tape_.Pop();
  }

  void End() {
    ended_ = true;
    rounds_.Record(1);
    host_.Log(sdk::Level::kInfo, Node() + "played to its end");
  }

  const sdk::Host host_;
  const Config config_;
  const bool at_once_;
  const sdk::Metric disorder_;
  const sdk::Metric refused_;
  const sdk::Metric rounds_;
  const sdk::Metric position_;
  Tape tape_;
  Outlet outlet_;
  Pace pace_;
  std::unique_ptr<Past> past_;
  std::optional<int64_t> live_from_ns_;    // recorded time at which what is live begins
  std::optional<int64_t> given_until_ns_;  // recorded time up to which there was history
  std::optional<int64_t> first_ns_;        // recorded times of what was played in this round
  int64_t last_ns_ = 0;
  int64_t step_ns_ = kFirstStepNs;  // between the last two
  int64_t round_shift_ns_ = 0;      // of the times, for the rounds before
  std::optional<int64_t> played_ns_;
  bool said_disorder_ = false;
  bool ended_ = false;
};

}  // namespace
}  // namespace heald::replay

HEALD_PLUGIN("replay", "0.1.0", "heald", "MIT", heald::replay::ReplaySource);
