// Looking after the store, every other second and on the engine's lane.
#include <nlohmann/json.hpp>

#include "core/agent/agent.h"
#include "core/agent/self_name.h"
#include "core/pipeline/owed.h"
#include "core/telemetry/log.h"
#include "core/telemetry/names.h"

namespace heald::agent {
namespace {

constexpr int64_t kRetainEveryNs = kHour;
constexpr int64_t kForgetProblemNs = 10 * kSecond;
constexpr std::string_view kTokensSetting = "tokens";  // those that the audit trail knows of

}  // namespace

void Agent::LookAfterStore() {
  if (engine_ == nullptr) {
    metrics_.Get(names::kStoreUp).Record(0);
    return;
  }
  const heald::Status ready = store_->Ready();
  const size_t held = engine_->journal_held();
  const uint64_t lost = engine_->journal_lost_total();
  metrics_.Get(names::kStoreUp).Record(ready ? 1 : 0);
  metrics_.Get(names::kJournalHeld).Record(static_cast<double>(held));
  metrics_.Get(names::kJournalHeldBytes).Record(static_cast<double>(held_->bytes()));
  metrics_.Get(names::kJournalLost).Add(static_cast<double>(lost - lost_counted_));
  lost_counted_ = lost;
  if (!ready) return OnProblem(ready.error());
  if (held != 0) return;
  NoteTokens();
  {
    // It may be long until something is written and shows that all is well again.
    const std::lock_guard lock(mutex_);
    if (!problem_.empty() && clock_.MonotonicNs() - problem_ns_ > kForgetProblemNs)
      problem_.clear();
  }
  if (engine_->running_executions() == 0) Retain();
}

// `heald token` writes a file and knows no journal: what it did is put there by whoever sees it.
void Agent::NoteTokens() {
  using Json = nlohmann::json;
  if (!noted_tokens_) {
    const Result<std::optional<std::string>> setting = store_->Setting(kTokensSetting);
    if (!setting) return;
    const Json known = Json::parse(setting->value_or("{}"), nullptr, false);
    noted_tokens_.emplace();
    for (const auto& [id, whose] : known.items())
      if (whose.is_string()) noted_tokens_->emplace(id, whose.get<std::string>());
  }
  const auto note = [&](std::string_view kind, std::string_view actor, const std::string& id,
                        const std::string& text) {
    engine_->Record(kind, actor, id, text,
                    std::pair(std::string(kTokensSetting), Json(*noted_tokens_).dump()));
  };
  std::map<std::string, std::string> now;
  for (const api::TokenUse& use : server_->Tokens()) {
    const api::Token& token = use.token;
    const std::string whose = token.name + ", " + std::string(ToString(token.role));
    now.emplace(token.id, whose);
    if (noted_tokens_->emplace(token.id, whose).second)
      note("token.created", "user:" + token.created_by, token.id,
           "token " + token.id + " (" + whose + ") created");
  }
  for (auto at = noted_tokens_->begin(); at != noted_tokens_->end();) {
    if (now.contains(at->first)) {
      ++at;
      continue;
    }
    const auto [id, whose] = *at;
    at = noted_tokens_->erase(at);
    note("token.revoked", "local", id, "token " + id + " (" + whose + ") revoked");
  }
}

void Agent::Retain() {
  const int64_t now_ns = clock_.NowNs();
  if (clock_.MonotonicNs() < next_retain_ns_) return;
  Retention retention;
  {
    const std::lock_guard lock(mutex_);
    const AgentSpec& agent = spec_.agent;
    if (agent.keep_incidents_ns != 0)
      retention.incidents_before_ns = now_ns - agent.keep_incidents_ns;
    if (agent.keep_audit_ns != 0) retention.audit_before_ns = now_ns - agent.keep_audit_ns;
  }
  const Result<Retained> retained = store_->Retain(retention, now_ns);
  if (!retained) return OnProblem(retained.error());
  const auto count = [&](const char* what, size_t rows) {
    if (rows != 0)
      metrics_.Get(names::kRetentionDeleted, {{"what", what}}, Lifetime::kPermanent)
          .Add(static_cast<double>(rows));
  };
  count("incidents", retained->incidents);
  count("audit", retained->audit_rows);
  // A part at a time; what is left comes with the next look.
  if (retained->incidents == 0 && retained->audit_rows == 0)
    next_retain_ns_ = clock_.MonotonicNs() + kRetainEveryNs;
}

std::vector<std::string> Agent::OwedNow() {
  std::string state_dir;
  std::map<std::string, RunningNode> running;
  {
    const std::lock_guard lock(mutex_);
    state_dir = spec_.agent.state_dir;
    running = RunningNodes(spec_);
  }
  std::vector<std::string> owed;
  for (const Owed& each : OwedByGone(state_dir, running)) owed.push_back(each.Sentence());
  return owed;
}

void Agent::TellOwed() {
  {
    const std::lock_guard lock(mutex_);
    if (clock_.MonotonicNs() < next_owed_ns_) return;
    next_owed_ns_ = clock_.MonotonicNs() + kHour;
  }
  for (const std::string& owed : OwedNow()) Log(LogLevel::kWarning, kSelf, owed);
}

}  // namespace heald::agent
