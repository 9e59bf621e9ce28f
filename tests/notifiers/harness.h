// Drives a notifier's table as the agent does: events with their filled-in configuration, several
// in one call. For tests of notifiers. Thread rule: one thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "heald/testing.h"
#include "tests/fakes/problems.h"
#include "tests/fakes/source_harness.h"
#include "tests/log_notifier/sample.h"

namespace heald::testing {

struct Told {
  int32_t code = HEALD_OK;  // of the first that wasn't taken
  bool retryable = false;
  int64_t retry_after_ns = 0;
  std::string message;
};

template <typename Cls>
class NotifierHarness {
 public:
  using Json = nlohmann::json;

  // Configured by `config()` when the first event comes, or anew after Restart.
  Json& config() { return config_; }
  sdk::testing::FakeHost& host() { return host_; }
  log_notifier::Sample& sample() { return sample_; }
  void Restart() { notifier_.reset(); }

  // The sample's event once for each id.
  Told Tell(const std::vector<std::string>& ids, std::vector<int32_t>* codes = nullptr) {
    std::vector<heald_notification> items(ids.size(), sample_.event);
    for (size_t i = 0; i < ids.size(); ++i) items[i].event_id = log_notifier::Str(ids[i]);
    return Deliver(std::move(items), codes);
  }
  // filled: the config with placeholders filled in; as configured where there is none.
  Told Deliver(std::vector<heald_notification> items, std::vector<int32_t>* codes = nullptr,
               const Json& filled = nullptr) {
    const fakes::ConfigTree params(filled.is_null() ? config_ : filled);
    for (heald_notification& item : items) item.params = params.root();
    std::vector<int32_t> results(items.size(), -1);
    heald_error error = sdk::detail::NewError();
    (void)Cls::VTable()->notify(&notifier(), items.data(), items.size(), sizeof items[0],
                                results.data(), &error);
    if (codes != nullptr) *codes = results;
    for (const int32_t code : results)
      if (code != HEALD_OK)
        return {code, error.retryable != 0, error.retry_after_ns, error.message};
    return {};
  }

  void SetIncident(uint32_t state) {
    sample_.event.kind = HEALD_NOTICE_INCIDENT;
    sample_.event.decision = nullptr;
    sample_.event.outcome = nullptr;
    sample_.incident.state = state;
  }
  void SetDecision(uint32_t verdict, std::string_view actor = "heald") {
    sample_.event.kind = HEALD_NOTICE_DECISION;
    sample_.event.decision = &sample_.decision;
    sample_.event.outcome = nullptr;
    sample_.decision.verdict = verdict;
    sample_.decision.actor = log_notifier::Str(actor);
  }

 private:
  Cls& notifier() {
    if (!notifier_) {
      const fakes::ConfigTree tree(config_);
      notifier_.emplace(host_.host(), sdk::ReadConfig<typename Cls::Config>(*tree.root()));
    }
    return *notifier_;
  }

  sdk::testing::FakeHost host_;
  log_notifier::Sample sample_;
  Json config_;
  std::optional<Cls> notifier_;
};

// Every problem that the notifier finds in a configuration: "/url: …".
template <typename Cls>
std::vector<std::string> ProblemsOf(const nlohmann::json& config) {
  const fakes::ConfigTree tree(config);
  std::vector<std::string> found;
  Cls::Component()->validate(tree.root(), &fakes::CollectProblem, &found);
  return found;
}

}  // namespace heald::testing
