// What the nodes and the engine tell: into the log, the notifiers and the live stream.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "core/agent/agent.h"
#include "core/agent/self_name.h"
#include "core/agent/trouble_key.h"
#include "core/api/json.h"
#include "core/telemetry/log.h"

namespace heald::agent {
namespace {

constexpr int64_t kSampleEveryNs = 2 * kSecond;
constexpr int64_t kJustNowNs = 2 * kSecond;
constexpr int64_t kRemindNs = kMinute;  // of a trouble that lasts

LogLevel LevelOf(const remedy::Notice& notice) {
  if (notice.outcome != nullptr && notice.outcome->state == OutcomeState::kFailed)
    return LogLevel::kError;
  if (notice.kind == remedy::NoticeKind::kIncident &&
      notice.incident->state == IncidentState::kEscalated)
    return LogLevel::kError;
  const bool refused =
      notice.decision != nullptr && notice.decision->verdict == DecisionVerdict::kRefused;
  const bool bad = notice.finding != nullptr && notice.finding->state != FindingState::kClear &&
                   notice.finding->severity >= Severity::kWarning;
  return notice.warns || refused || bad ? LogLevel::kWarning : LogLevel::kInfo;
}

template <typename T>
std::shared_ptr<const T> Share(const T* record) {
  return record == nullptr ? nullptr : std::make_shared<const T>(*record);
}

}  // namespace

void Agent::OnFinding(Finding finding) {
  CountFinding(finding);
  OnEngine(EngineWork::Kind::kFinding, [this, finding = std::move(finding)] {
    if (engine_ != nullptr)
      engine_->OnFinding(finding);
    else
      KeepFinding(finding);
  });
}

void Agent::OnHealth(const NodeSpec& node, const Error* error) {
  static LogLimiter limiter(kRemindNs);
  if (error == nullptr) {
    if (!services_.HasSaid(node.name, " again", kJustNowNs))
      Log(LogLevel::kInfo, node.name, "works again");
  } else if (!services_.HasSaid(node.name, error->message, kRemindNs)) {
    limiter.Log(clock_.MonotonicNs(), node.name + TroubleKey(error->message), LogLevel::kWarning,
                node.name, error->message);
  }
}

void Agent::Publish(std::string_view event, const api::Json& data) {
  server_->Publish(event, api::Dump(data), api::Keep::kEvery);
}

void Agent::PublishNotice(const remedy::Notice& notice) {
  switch (notice.kind) {
    case remedy::NoticeKind::kFinding:
      Publish("finding",
              api::ToJson(api::FindingEntry{notice.incident == nullptr ? 0 : notice.incident->id,
                                            *notice.finding}));
      break;
    case remedy::NoticeKind::kIncident:
      Publish("incident", api::ToJson(*notice.incident));
      break;
    case remedy::NoticeKind::kDecision:
      Publish("decision", api::ToJson(*notice.decision));
      break;
    case remedy::NoticeKind::kOutcome: {
      api::Json outcome = api::ToJson(*notice.outcome);
      outcome["policy"] = notice.decision == nullptr ? "" : notice.decision->policy;
      Publish("outcome", outcome);
      break;
    }
  }
}

void Agent::ScheduleSample() {
  sample_->expires_after(std::chrono::nanoseconds(kSampleEveryNs));
  sample_->async_wait([this](const boost::system::error_code& error) {
    if (error || !running_) return;
    LookAfterStore();
    TellOwed();
    KeepView();
    Sample();
    ScheduleSample();
  });
}

void Agent::Sample() {
  const int64_t now_ns = clock_.MonotonicNs();
  std::vector<api::NodeStatus> nodes = NodeStatuses();
  {
    const std::lock_guard lock(mutex_);
    const double elapsed_s = static_cast<double>(now_ns - sampled_ns_) / 1e9;
    for (api::NodeStatus& node : nodes) {
      const auto [before, fresh] = sampled_.try_emplace(node.name);
      const auto rate = [&](uint64_t now, uint64_t then) {
        return fresh || sampled_ns_ == 0 || now < then
                   ? 0
                   : static_cast<double>(now - then) / elapsed_s;
      };
      node.rates = rates_[node.name] = {rate(node.records_in, before->second.in),
                                        rate(node.records_out, before->second.out)};
      before->second = {node.records_in, node.records_out};
    }
    sampled_ns_ = now_ns;
  }
  server_->Publish(
      "pipeline",
      api::Dump({{"now", FormatTime(clock_.NowNs())}, {"nodes", api::ToJsonArray(nodes)}}),
      api::Keep::kLatest);
}

void Agent::OnNotice(const remedy::Notice& notice) {
  const std::string node = notice.node.empty() ? std::string(kSelf) : notice.node;
  CountNotice(notice);
  PublishNotice(notice);
  if (const auto traces = TracesNow()) traces->Wake();
  const LogLevel level = notice.quiet ? LogLevel::kInfo : LevelOf(notice);
  if (notice.incident == nullptr)
    Log(level, node, notice.text);
  else
    Log(level, node, notice.text, {LogField::ForMachines("trace_id", notice.incident->trace_id)});
  if (notice.quiet) return;
  Notification out;
  out.kind = static_cast<Notification::Kind>(notice.kind);
  out.event_id = notice.event_id;
  out.node = notice.node;
  out.ts_ns = notice.ts_ns;
  out.text = notice.text;
  if (notice.incident != nullptr) out.url = UrlOf(notice.incident->id);
  out.finding = Share(notice.finding);
  out.incident = Share(notice.incident);
  out.decision = Share(notice.decision);
  out.outcome = Share(notice.outcome);
  const bool incident = notice.kind == remedy::NoticeKind::kIncident && notice.incident != nullptr;
  // Without incidents, as long as the journal can't be read, the finding stands for its own.
  const bool alone = engine_ == nullptr && notice.finding != nullptr;
  if (!incident && !alone) return runner_->Notify(out, nullptr);
  // An incident's own events go to those who follow a policy that watches it, or who hear of one of
  // its findings: who was told that it began is told that it ended.
  const std::vector<Finding> findings =
      incident ? notice.incident->findings : std::vector<Finding>{*notice.finding};
  const auto followers = FollowersNow();
  runner_->Notify(out, [&](const std::string& input) {
    return followers->Concerns(input, findings) ||
           (incident && std::any_of(findings.begin(), findings.end(),
                                    [&](const Finding& finding) { return finding.node == input; }));
  });
}

std::shared_ptr<const Followers> Agent::FollowersNow() const {
  const std::lock_guard lock(mutex_);
  return followers_;
}

void Agent::OnProblem(const Error& error) {
  static LogLimiter limiter(kMinute);
  limiter.Log(clock_.MonotonicNs(), error.message, LogLevel::kError, "store", error.message);
  const std::lock_guard lock(mutex_);
  problem_ = error.message;
  problem_ns_ = clock_.MonotonicNs();
}

}  // namespace heald::agent
