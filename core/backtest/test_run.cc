#include "core/backtest/test_run.h"

#include <algorithm>
#include <memory>

#include "core/backtest/pretended_targets.h"
#include "core/backtest/quiet_services.h"
#include "core/backtest/replay.h"
#include "core/pipeline/graph.h"
#include "core/plugin/instances.h"
#include "core/store/open.h"

namespace heald::backtest {
namespace {

constexpr int64_t kStartNs = 1'767'225'600 * kSecond;  // 2026-01-01, so that dates read well
// After the feed's end: what is under way may come to its end.
constexpr int64_t kTailNs = kMinute;

struct Event {
  int64_t at_ns = 0;  // since the test's start
  std::string kind;
  std::map<std::string, std::string> fields;
  std::vector<std::string> guards;  // that refused
  std::string decision;             // of an execution
  Labels target;
  std::string text;
};

class Recall final : public remedy::EventSink {
 public:
  void OnNotice(const remedy::Notice& notice) override {
    Event event;
    event.at_ns = notice.ts_ns - kStartNs;
    event.text = notice.text;
    switch (notice.kind) {
      case remedy::NoticeKind::kFinding:
        event.kind = "finding";
        event.target = notice.finding->target;
        event.fields = {{"detector", notice.finding->node},
                        {"metric", notice.finding->metric},
                        {"state", std::string(ToString(notice.finding->state))},
                        {"kind", std::string(ToString(notice.finding->kind))},
                        {"severity", std::string(ToString(notice.finding->severity))}};
        break;
      case remedy::NoticeKind::kIncident:
        event.kind = "incident";
        event.target = notice.incident->target;
        event.fields = {{"state", std::string(ToString(notice.incident->state))},
                        {"severity", std::string(ToString(notice.incident->severity))}};
        break;
      case remedy::NoticeKind::kDecision:
        event.kind = "decision";
        event.target = notice.decision->target;
        event.fields = {{"policy", notice.decision->policy},
                        {"action", notice.decision->action},
                        {"step", std::to_string(notice.decision->step)},
                        {"verdict", std::string(ToString(notice.decision->verdict))}};
        for (const GuardVerdict& guard : notice.decision->guards)
          if (!guard.allowed) event.guards.push_back(guard.guard);
        break;
      case remedy::NoticeKind::kOutcome:
        event.kind = "execution";
        event.target = notice.decision->target;
        event.decision = notice.decision->id;
        event.fields = {{"policy", notice.decision->policy},
                        {"action", notice.decision->action},
                        {"step", std::to_string(notice.decision->step)},
                        {"part", parts[event.decision]},
                        {"state", std::string(ToString(notice.outcome->state))}};
        break;
    }
    events.push_back(std::move(event));
  }
  void OnProblem(const Error& error) override { problems.push_back(error.message); }

  // The target is called, after the event that announces it.
  void OnCall(const std::string& decision, Part part) {
    parts[decision] = ToString(part);
    if (!events.empty() && events.back().decision == decision &&
        events.back().fields["state"] == "issued")
      events.back().fields["part"] = parts[decision];
  }

  std::vector<Event> events;
  std::vector<std::string> problems;
  std::map<std::string, std::string> parts;  // that is being acted on, by decision
};

bool Matches(const TestExpectation& wanted, const Event& event) {
  if (event.kind != wanted.kind || event.at_ns < wanted.from_ns || event.at_ns > wanted.to_ns ||
      !event.target.Includes(wanted.target))
    return false;
  return std::all_of(wanted.fields.begin(), wanted.fields.end(), [&](const auto& field) {
    if (field.first == "guard")
      return std::find(event.guards.begin(), event.guards.end(), field.second) !=
             event.guards.end();
    const auto at = event.fields.find(field.first);
    return at != event.fields.end() && at->second == field.second;
  });
}

std::string Describe(const TestExpectation& wanted) {
  std::string text = wanted.kind;
  for (const auto& [name, value] : wanted.fields) text += " " + name + "=" + value;
  if (!wanted.target.empty()) text += " " + wanted.target.ToString();
  if (wanted.to_ns != INT64_MAX)
    text += " between " + FormatDuration(wanted.from_ns) + " and " + FormatDuration(wanted.to_ns);
  return text;
}

std::string WhyNot(const TestExpectation& wanted, const std::vector<Event>& events) {
  const auto count = static_cast<uint64_t>(std::count_if(
      events.begin(), events.end(), [&](const Event& event) { return Matches(wanted, event); }));
  const std::string times = std::to_string(count) + (count == 1 ? " time" : " times");
  if (wanted.never) return count == 0 ? "" : "happened, " + times + ": " + Describe(wanted);
  if (wanted.count)
    return count == *wanted.count ? ""
                                  : "happened " + times + ", not " + std::to_string(*wanted.count) +
                                        ": " + Describe(wanted);
  return count > 0 ? "" : "did not happen: " + Describe(wanted);
}

// An alert of a test's source: its name is the series', its severity a label as in Prometheus.
Finding AlertOf(const TestSeries& series, FindingState state, int64_t began_ns, int64_t now_ns) {
  constexpr std::string_view kSeverity = "severity";
  Finding alert;
  alert.node = series.source;
  alert.state = state;
  const std::string severity(series.labels.Get(kSeverity));
  if (state != FindingState::kClear)
    alert.severity = severity == "critical" ? Severity::kCritical
                     : severity == "info"   ? Severity::kInfo
                                            : Severity::kWarning;
  for (const Labels::Pair& pair : series.labels.pairs())
    if (pair.first != kSeverity) alert.target.Set(pair.first, pair.second);
  alert.metric = series.output;
  alert.summary = "alert " + series.output;
  alert.confidence = 1;
  alert.began_ns = began_ns;
  alert.ts_ns = now_ns;
  alert.id = series.source + "/replay/" + series.output + series.labels.ToString() + "/" +
             std::to_string(began_ns);
  return alert;
}

// The series that a test feeds, one step after the other. Of a source that gives findings a series
// that isn't one of its outputs is an alert: it fires while its value is not 0.
class Feed {
 public:
  Feed(const PipelineSpec& spec, const PipelineTest& test, const Catalog& plugins, Replay& replay)
      : replay_(replay) {
    for (const TestSeries& series : test.feed) {
      const NodeSpec* source = spec.FindNode(series.source);
      const bool alert = source != nullptr && (OutputsOf(plugins, *source) & kFindings) != 0 &&
                         std::find(source->outputs.begin(), source->outputs.end(), series.output) ==
                             source->outputs.end();
      runs_.push_back({&series, kNoSeries, series.values, 0, 0, alert, 0});
    }
  }

  Status Intern() {
    for (Run& run : runs_) {
      if (run.alert) continue;
      const TestSeries& s = *run.series;
      const Result<uint32_t> handle = replay_.Intern(s.source, s.output, s.labels);
      if (!handle) return handle.error();
      run.handle = *handle;
    }
    return {};
  }
  // INT64_MAX: the feed has ended.
  int64_t next_ns() const {
    int64_t next_ns = INT64_MAX;
    for (const Run& run : runs_)
      if (run.at < run.values.size()) next_ns = std::min(next_ns, kStartNs + run.due_ns);
    return next_ns;
  }
  Status FeedDue(int64_t now_ns) {
    std::vector<ReplaySample> due;
    for (Run& run : runs_) {
      if (run.at >= run.values.size() || kStartNs + run.due_ns > now_ns) continue;
      if (const std::optional<double>& value = run.values[run.at]) {
        if (run.alert)
          Fire(run, *value != 0, now_ns);
        else
          due.push_back({run.handle, now_ns, *value});
      }
      ++run.at;
      run.due_ns += run.series->every_ns;
    }
    return due.empty() ? Status() : replay_.Feed(due);
  }
  // An action has taken effect: the series of its target go on as the test says.
  void OnEffect(const std::string& action, const Labels& target) {
    for (Run& run : runs_) {
      const auto after = run.series->after.find(action);
      if (after == run.series->after.end() || !run.series->labels.Includes(target)) continue;
      run.values = after->second;
      run.at = 0;
    }
  }

 private:
  struct Run {
    const TestSeries* series;
    uint32_t handle;
    TestValues values;
    size_t at;
    int64_t due_ns;
    bool alert;
    int64_t firing_since_ns;  // 0: it doesn't
  };

  void Fire(Run& run, bool firing, int64_t now_ns) {
    if (firing == (run.firing_since_ns != 0)) return;
    if (firing) run.firing_since_ns = now_ns;
    replay_.TellEngine(AlertOf(*run.series, firing ? FindingState::kOpen : FindingState::kClear,
                               run.firing_since_ns, now_ns));
    if (!firing) run.firing_since_ns = 0;
  }

  Replay& replay_;
  std::vector<Run> runs_;
};

// The log lines that a test feeds.
class LogFeed {
 public:
  LogFeed(const PipelineTest& test, Replay& replay) : replay_(replay) {
    for (const TestLines& lines : test.logs)
      runs_.push_back({&lines, kNoSeries, 0, kStartNs + lines.from_ns});
  }

  Status Intern() {
    for (Run& run : runs_) {
      const Result<uint32_t> handle =
          replay_.Intern(run.lines->source, run.lines->output, run.lines->labels);
      if (!handle) return handle.error();
      run.handle = *handle;
    }
    return {};
  }
  // INT64_MAX: the feed has ended.
  int64_t next_ns() const {
    int64_t next_ns = INT64_MAX;
    for (const Run& run : runs_)
      if (run.at < run.lines->times) next_ns = std::min(next_ns, run.due_ns);
    return next_ns;
  }
  Status FeedDue(int64_t now_ns) {
    std::map<std::string, std::vector<LogLine>> due;
    for (Run& run : runs_) {
      if (run.at >= run.lines->times || run.due_ns > now_ns) continue;
      LogLine line;
      line.stream = run.handle;
      line.ts_ns = now_ns;
      line.line = Numbered(run.lines->lines[run.at % run.lines->lines.size()], run.at);
      due[run.lines->source].push_back(std::move(line));
      ++run.at;
      run.due_ns += run.lines->every_ns;
    }
    for (const auto& [source, lines] : due)
      if (Status status = replay_.FeedLogs(source, lines); !status) return status;
    return {};
  }

 private:
  struct Run {
    const TestLines* lines;
    uint32_t handle;
    uint64_t at;
    int64_t due_ns;
  };
  static std::string Numbered(std::string line, uint64_t number) {
    constexpr std::string_view kNumber = "{n}";
    const std::string text = std::to_string(number);
    for (size_t at = line.find(kNumber); at != std::string::npos;
         at = line.find(kNumber, at + text.size()))
      line.replace(at, kNumber.size(), text);
    return line;
  }

  Replay& replay_;
  std::vector<Run> runs_;
};

Status Do(const TestDeed& deed, remedy::Engine& engine) {
  if (deed.what == TestDeed::What::kSwitchOn || deed.what == TestDeed::What::kSwitchOff)
    return engine.SetSwitch(deed.what == TestDeed::What::kSwitchOn, "user:test");
  if (deed.what == TestDeed::What::kMode)
    return engine.ChangePolicy(deed.policy, std::nullopt, deed.mode, "user:test");
  std::vector<Decision> waiting = engine.HeldCanaries();
  for (const Decision* decision : engine.AwaitingApproval()) waiting.push_back(*decision);
  for (const Decision& decision : waiting)
    if (decision.policy == deed.policy)
      return deed.what == TestDeed::What::kApprove ? engine.Approve(decision.id, "user:test")
                                                   : engine.Deny(decision.id, "user:test");
  return MakeError(Code::kNotFound, "no decision of policy '" + deed.policy + "' waits at " +
                                        FormatDuration(deed.at_ns));
}

}  // namespace

Result<TestReport> RunTest(const PipelineSpec& spec, const PipelineTest& test,
                           const plugin::Loader& plugins, const std::string& scratch_dir) {
  VirtualClock clock(kStartNs);
  SeriesTable series;
  QuietServices services;
  plugin::Factory factory(plugins, plugin::Shared{&series, &clock, &services, scratch_dir});
  Result<std::unique_ptr<Store>> store = OpenStore({"sqlite:heald.db", scratch_dir, false});
  if (!store) return store.error();
  Recall recorder;
  std::unique_ptr<Feed> feed;
  PretendedTargets targets(
      clock, test.targets,
      [&](const std::string& action, const Labels& target) { feed->OnEffect(action, target); },
      [&](const remedy::ActionRequest& request) {
        recorder.OnCall(request.decision, request.part);
      });
  Result<std::unique_ptr<Replay>> created =
      Replay::Create({&clock, &series, &factory, store->get(), &targets, &recorder}, spec);
  if (!created) return created.error();
  Replay& replay = **created;
  feed = std::make_unique<Feed>(spec, test, plugins, replay);
  if (Status status = feed->Intern(); !status) return status.error();
  LogFeed logs(test, replay);
  if (Status status = logs.Intern(); !status) return status.error();

  TestReport report;
  const auto advance = [&](int64_t to_ns) {
    return replay.AdvanceTo(
        to_ns, [&] { return targets.next_due_ns(); }, [&] { targets.Deliver(); });
  };
  auto deed = test.deeds.begin();
  int64_t end_ns = test.run_ns == 0 ? INT64_MAX : kStartNs + test.run_ns;
  for (;;) {
    const int64_t feed_ns = feed->next_ns();
    const int64_t deed_ns = deed == test.deeds.end() ? INT64_MAX : kStartNs + deed->at_ns;
    const int64_t logs_ns = logs.next_ns();
    const int64_t next_ns = std::min({feed_ns, logs_ns, deed_ns});
    if (next_ns == INT64_MAX && end_ns == INT64_MAX) end_ns = clock.NowNs() + kTailNs;
    if (Status status = advance(std::min(next_ns, end_ns)); !status) return status.error();
    if (next_ns >= end_ns) break;
    if (next_ns == feed_ns) {
      if (Status status = feed->FeedDue(next_ns); !status) return status.error();
    } else if (next_ns == logs_ns) {
      if (Status status = logs.FeedDue(next_ns); !status) return status.error();
    } else if (const Status done = Do(*deed++, replay.engine()); !done) {
      report.failures.push_back({0, done.error().message});
    }
  }
  for (const std::string& problem : recorder.problems) report.failures.push_back({0, problem});
  for (const TestExpectation& wanted : test.expectations)
    if (std::string why = WhyNot(wanted, recorder.events); !why.empty())
      report.failures.push_back({wanted.line, std::move(why)});
  for (const Event& event : recorder.events)
    report.story.push_back("+" + FormatDuration(event.at_ns / kSecond * kSecond) + "  " +
                           event.kind + "  " + event.text);
  return report;
}

}  // namespace heald::backtest
