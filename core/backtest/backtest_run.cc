#include "core/backtest/backtest_run.h"

#include <algorithm>
#include <chrono>
#include <mutex>

#include "core/backtest/file_past.h"
#include "core/backtest/pretended_targets.h"
#include "core/backtest/quiet_services.h"
#include "core/backtest/source_past.h"
#include "core/plugin/instances.h"
#include "core/store/open.h"

namespace heald::backtest {
namespace {

constexpr int64_t kExpireEveryNs = kMinute;
constexpr int64_t kRetainEveryNs = kHour;
// What guards may still ask the journal for; its audit trail nobody reads here.
constexpr int64_t kKeepIncidentsNs = 8 * kDay;
constexpr int64_t kKeepAuditNs = kHour;
constexpr uint64_t kProgressRows = 1u << 16;
constexpr size_t kMaxWarnings = 20;

// Keeps the warnings of plugins: that a query was refused, say.
class NotedServices final : public plugin::Services {
 public:
  void Log(std::string_view, uint32_t level, std::string_view message,
           const std::vector<std::pair<std::string_view, std::string_view>>&) override {
    const std::lock_guard lock(mutex_);
    if (level < HEALD_LOG_WARNING || warnings_.size() >= kMaxWarnings) return;
    if (std::find(warnings_.begin(), warnings_.end(), message) == warnings_.end())
      warnings_.emplace_back(message);
  }
  Result<uint64_t> Metric(std::string_view, uint32_t, std::string_view, std::string_view,
                          const Labels&) override {
    return uint64_t{0};
  }
  void Record(uint64_t, double) override {}
  std::vector<std::string> warnings() const {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> warnings_;  // guarded by mutex_
};

Span SpanOfSources(const SpanWanted& wanted, int64_t now_ns) {
  Span span;
  span.to_ns = std::min(wanted.to_ns.value_or(now_ns), now_ns);  // there is no more
  span.from_ns = wanted.from_ns.value_or(span.to_ns - kDay);
  span.begin_ns = span.from_ns - wanted.warmup_ns.value_or(SpanWanted::kWarmupNs);
  return span;
}

// Conditions needn't be looked at much more often than samples come.
remedy::EngineOptions EngineFor(const PipelineSpec& spec) {
  remedy::EngineOptions options;
  int64_t interval_ns = INT64_MAX;
  for (const NodeSpec& node : spec.nodes)
    if (const Value* interval = node.config.Find("interval");
        node.kind == Kind::kSource && interval != nullptr && interval->AsInt() != nullptr)
      interval_ns = std::min(interval_ns, *interval->AsInt());
  if (interval_ns != INT64_MAX)
    options.reevaluate_ns = std::clamp(interval_ns / 4, options.reevaluate_ns, kSecond);
  options.finding_journal_ns = kDay;  // nobody reads this journal for how a finding went on
  return options;
}

// Targets that do what they are told, at once.
std::map<std::string, TestTarget> WillingTargets(const PipelineSpec& spec) {
  std::map<std::string, TestTarget> targets;
  TestTarget target;
  target.takes_ns = 0;
  target.can_canary = true;
  for (const NodeSpec& node : spec.nodes)
    if (node.kind == Kind::kAction) targets[node.name] = target;
  return targets;
}

class Run {
 public:
  Run(const PipelineSpec& spec, const plugin::Loader& plugins, const BacktestOptions& options)
      : options_(options),
        factory_(plugins, plugin::Shared{&series_, &clock_, &services_, options.scratch_dir}) {
    result_.spec = std::make_unique<PipelineSpec>(spec);
    // An action that changes nothing in the history says nothing about its policy.
    for (PolicySpec& policy : result_.spec->policies) policy.guard.demote.failures = 0;
    result_.ledger = std::make_unique<Ledger>(*result_.spec);
  }

  Result<Backtest> Do() {
    const auto start = std::chrono::steady_clock::now();
    if (Status status = Open(); !status) return status.error();
    if (Status status = Go(); !status) return status.error();
    if (const std::string why = past_->why_nothing(); !why.empty())
      return MakeError(Code::kNotFound, why);
    if (result_.samples + result_.learnt == 0)
      return MakeError(Code::kNotFound,
                       "there is no sample from " + FormatTime(result_.span.begin_ns) + " to " +
                           FormatTime(result_.span.to_ns) + Joined(services_.warnings()) +
                           ": choose another time with --from and --to");
    if (result_.samples == 0)
      return MakeError(Code::kNotFound,
                       "all samples are from before " + FormatTime(result_.span.from_ns) +
                           ", to learn from: choose an earlier --from or a shorter --warmup");
    result_.series = series_.size();
    result_.notes = past_->notes();
    for (const std::string& warning : services_.warnings()) result_.notes.push_back(warning);
    for (const std::string& problem : result_.ledger->problems) result_.notes.push_back(problem);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    result_.seconds = took.count();
    return std::move(result_);
  }

 private:
  static std::string Joined(const std::vector<std::string>& warnings) {
    std::string text;
    for (const std::string& warning : warnings) text += (text.empty() ? " (" : "; ") + warning;
    return text.empty() ? text : text + ")";
  }

  Status Open() {
    const PipelineSpec& spec = *result_.spec;
    if (options_.input.empty()) {
      const Span span = SpanOfSources(options_.span, options_.now_ns);
      clock_.Set(span.begin_ns);
      Result<std::unique_ptr<SourcePast>> past = SourcePast::Open(spec, factory_, span);
      if (!past) return past.error();
      past_ = std::move(*past);
    } else {
      Result<std::unique_ptr<FilePast>> past = FilePast::Open(options_.input, spec, options_.span);
      if (!past) return past.error();
      past_ = std::move(*past);
    }
    result_.span = past_->span();
    clock_.Set(result_.span.begin_ns);
    Result<std::unique_ptr<Store>> store =
        OpenStore({"sqlite:heald.db", options_.scratch_dir, false});
    if (!store) return store.error();
    store_ = std::move(*store);
    targets_ = std::make_unique<PretendedTargets>(
        clock_, WillingTargets(spec), [](const std::string&, const Labels&) {},
        [](const remedy::ActionRequest&) {});
    Replay::Deps deps{&clock_,      &series_,       &factory_,
                      store_.get(), targets_.get(), result_.ledger.get()};
    deps.engine = EngineFor(spec);
    deps.on_finding = [this](const Finding& finding) {
      result_.ledger->OnFinding(finding, clock_.NowNs());
    };
    Result<std::unique_ptr<Replay>> replay = Replay::Create(deps, spec);
    if (!replay) return replay.error();
    replay_ = std::move(*replay);
    return {};
  }

  Status Go() {
    const Span& span = result_.span;
    bool live = false;
    int64_t end_ns = span.from_ns;
    uint64_t told = 0;
    for (;;) {
      Result<const PastMoment*> moment = past_->Next(*replay_);
      if (!moment) return moment.error();
      if (*moment == nullptr) break;
      const PastMoment& now = **moment;
      const bool learning = now.ts_ns < span.from_ns;
      if (learning) {
        replay_->JumpTo(now.ts_ns);
      } else {
        if (!live) replay_->JumpTo(span.from_ns);
        live = true;
        if (Status status = AdvanceTo(now.ts_ns); !status) return status;
        end_ns = now.ts_ns;
      }
      if (Status status = replay_->Feed(now.samples, learning); !status) return status;
      (learning ? result_.learnt : result_.samples) += now.samples.size();
      if (options_.on_progress && result_.learnt + result_.samples >= told) {
        told = result_.learnt + result_.samples + kProgressRows;
        options_.on_progress(span, now.ts_ns, result_.learnt + result_.samples);
      }
    }
    if (live) result_.span.to_ns = end_ns;
    return live ? AdvanceTo(end_ns + kMillisecond) : Status();
  }

  // By way of what is to be done every now and then.
  Status AdvanceTo(int64_t ts_ns) {
    if (Status status = replay_->AdvanceTo(
            ts_ns, [this] { return targets_->next_due_ns(); }, [this] { targets_->Deliver(); });
        !status)
      return status;
    if (ts_ns - expired_ns_ >= kExpireEveryNs) {
      expired_ns_ = ts_ns;
      replay_->Expire(ts_ns - result_.spec->agent.series_ttl_ns);
    }
    if (ts_ns - retained_ns_ < kRetainEveryNs) return {};
    retained_ns_ = ts_ns;
    for (;;) {
      const Result<Retained> retained =
          store_->Retain({ts_ns - kKeepIncidentsNs, ts_ns - kKeepAuditNs}, ts_ns);
      if (!retained) return retained.error();
      if (retained->incidents == 0 && retained->audit_rows == 0) return {};
    }
  }

  const BacktestOptions& options_;
  Backtest result_;
  VirtualClock clock_;
  SeriesTable series_;
  NotedServices services_;
  plugin::Factory factory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<PretendedTargets> targets_;
  std::unique_ptr<Past> past_;
  std::unique_ptr<Replay> replay_;
  int64_t expired_ns_ = 0;
  int64_t retained_ns_ = 0;
};

}  // namespace

Result<Backtest> RunBacktest(const PipelineSpec& spec, const plugin::Loader& plugins,
                             const BacktestOptions& options) {
  return Run(spec, plugins, options).Do();
}

}  // namespace heald::backtest
