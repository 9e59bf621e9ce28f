// A store that goes away, and whose answers get lost, as a test wants it; the real one is behind
// it. Thread rule: one thread.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/store/store.h"

namespace heald::remedy {

class OutageStore final : public Store {
 public:
  enum class Answer {
    kGiven,
    kLostAfter,   // written, but nobody hears of it
    kLostBefore,  // not written, and nobody hears of that
  };

  explicit OutageStore(std::unique_ptr<Store> real) : real_(std::move(real)) {}

  std::function<bool()> away = [] { return false; };
  Answer next_answer = Answer::kGiven;  // of the next Commit that `only` is for
  std::function<bool(const Change&)> only = [](const Change&) { return true; };
  bool gone = false;  // since the answer that was lost

  Status Ready() override { return away() || gone ? Away() : real_->Ready(); }
  Status Commit(Change* change) override {
    in_doubt_ = false;
    if (Status status = Ready(); !status) return status;
    if (next_answer == Answer::kGiven || !only(*change)) return real_->Commit(change);
    if (next_answer == Answer::kLostAfter)
      if (Status status = real_->Commit(change); !status) return status;
    for (AuditEvent& event : change->events) event.seq = 0;
    next_answer = Answer::kGiven;
    in_doubt_ = gone = true;
    return Away();
  }
  bool in_doubt() const override { return in_doubt_; }
  uint64_t last_number() const override { return real_->last_number(); }
  bool sole_writer() const override { return real_->sole_writer(); }
  void Idle() override { real_->Idle(); }
  const std::string& id() const override { return real_->id(); }

  Result<IncidentPage> Incidents(const IncidentFilter& filter) override {
    return Asked<IncidentPage>([&] { return real_->Incidents(filter); });
  }
  Result<Page<StoredFinding>> Findings(const FindingFilter& filter) override {
    return Asked<Page<StoredFinding>>([&] { return real_->Findings(filter); });
  }
  Result<Page<DecidedExecution>> Executions(const PageFrom& from) override {
    return Asked<Page<DecidedExecution>>([&] { return real_->Executions(from); });
  }
  Result<Page<AuditEvent>> Audit(const PageFrom& from) override {
    return Asked<Page<AuditEvent>>([&] { return real_->Audit(from); });
  }
  Result<std::vector<EndedExecution>> EndedOf(std::string_view policy, int64_t since_ns,
                                              size_t limit) override {
    return Asked<std::vector<EndedExecution>>(
        [&] { return real_->EndedOf(policy, since_ns, limit); });
  }
  Result<std::vector<Forecast>> PendingForecasts() override {
    return Asked<std::vector<Forecast>>([&] { return real_->PendingForecasts(); });
  }
  Result<std::optional<Chain>> ChainOf(uint64_t incident) override {
    return Asked<std::optional<Chain>>([&] { return real_->ChainOf(incident); });
  }
  Result<std::vector<Chain>> Unfinished() override {
    return Asked<std::vector<Chain>>([&] { return real_->Unfinished(); });
  }
  Result<uint64_t> LastIncidentId() override {
    return Asked<uint64_t>([&] { return real_->LastIncidentId(); });
  }
  Result<Issues> IssuesSince(std::string_view policy, std::string_view target_key, int64_t since_ns,
                             uint32_t step) override {
    return Asked<Issues>([&] { return real_->IssuesSince(policy, target_key, since_ns, step); });
  }
  Result<std::vector<int64_t>> FailuresInRow(std::string_view policy, std::string_view target_key,
                                             int64_t since_ns, uint32_t step) override {
    return Asked<std::vector<int64_t>>(
        [&] { return real_->FailuresInRow(policy, target_key, since_ns, step); });
  }
  Result<std::vector<AuditEvent>> Events(uint64_t after_seq, size_t limit) override {
    return Asked<std::vector<AuditEvent>>([&] { return real_->Events(after_seq, limit); });
  }
  Result<std::optional<std::string>> Setting(std::string_view name) override {
    return Asked<std::optional<std::string>>([&] { return real_->Setting(name); });
  }
  Result<AuditEnds> Ends() override {
    return Asked<AuditEnds>([&] { return real_->Ends(); });
  }

 private:
  static Error Away() {
    Error error = MakeError(Code::kUnavailable, "the store is away");
    error.retryable = true;
    return error;
  }
  template <typename T>
  Result<T> Asked(const std::function<Result<T>()>& ask) {
    if (Status status = Ready(); !status) return status.error();
    return ask();
  }

  std::unique_ptr<Store> real_;
  bool in_doubt_ = false;
};

}  // namespace heald::remedy
