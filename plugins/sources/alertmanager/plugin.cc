#include <algorithm>
#include <optional>

#include "heald/http.h"
#include "heald/plugin.h"
#include "plugins/sources/alertmanager/alert_book.h"
#include "plugins/sources/alertmanager/alert_store.h"
#include "plugins/sources/alertmanager/settings.h"
#include "plugins/sources/alertmanager/webhook.h"
#include "plugins/support/silence.h"

namespace heald::alertmanager {
namespace {

// Alertmanager sends again what is refused, by default after five minutes.
constexpr int64_t kRefusalShownNs = int64_t{10} * 60 * 1'000'000'000;

class AlertmanagerSource : public sdk::Source<AlertmanagerSource> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "alertmanager",
      .doc = "Alerts as Alertmanager sends them to a webhook: each is a finding",
      .outputs = HEALD_RECORD_FINDINGS};
  using Config = AlertmanagerConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const auto& [pointer, message] : CheckConfig(config)) problems.Add(pointer, message);
  }

  AlertmanagerSource(sdk::Host host, const Config& config)
      : host_(host),
        config_(config),
        book_(config_),
        store_(std::string(host.StateDir())),
        truncated_(host.Counter("truncated_alerts_total",
                                "Alerts that Alertmanager left out of its messages")),
        refused_(host.Counter("refused_alerts_total", "Alerts left out because of max_alerts")),
        firing_(host.Gauge("firing_alerts", "Alerts that fire now")),
        silence_(host, config.silent_after) {}

  void Start(sdk::Sink sink) {
    std::string damage;
    for (FiringAlert& alert : store_.Read(&damage)) book_.Restore(std::move(alert));
    if (!damage.empty()) Say(sdk::Level::kError, damage);
    // What fired before a restart still does, until Alertmanager says otherwise.
    untold_ = book_.Open(host_.NowNs());
    sink_.emplace(sink);
    route_.emplace(host_, "", static_cast<uint64_t>(config_.max_body.count),
                   [this](const sdk::HttpRequest& request) { return Receive(request); });
  }
  void Stop() { route_.reset(); }

  sdk::Duration Interval() const { return {std::min(sdk::Seconds(5).ns, silence_.Interval().ns)}; }

  void Poll(sdk::Sink&, int64_t) {
    for (sdk::Finding& finding : book_.Forget(host_.NowNs())) untold_.push_back(std::move(finding));
    if (!untold_.empty()) Tell();
    firing_.Record(static_cast<double>(book_.size()));
    silence_.Check();
    if (!refusal_.empty() && host_.MonotonicNs() - refused_ns_ >= kRefusalShownNs) refusal_.clear();
    if (!refusal_.empty()) throw sdk::Failure(HEALD_UNAVAILABLE, refusal_).Retryable();
  }

 private:
  sdk::HttpResponse Receive(const sdk::HttpRequest& request) {
    Webhook webhook;
    if (const std::string error = ReadWebhook(request.body, &webhook); !error.empty())
      Refuse("this is no webhook of Alertmanager: " + error);
    const uint64_t refused_before = book_.refused_total();
    for (Alert& alert : webhook.alerts)
      for (sdk::Finding& finding : book_.Take(std::move(alert), host_.NowNs()))
        untold_.push_back(std::move(finding));
    Tell();
    firing_.Record(static_cast<double>(book_.size()));
    TellTruncated(webhook);
    silence_.Heard();
    if (const uint64_t refused = book_.refused_total() - refused_before; refused != 0) {
      refused_.Record(static_cast<double>(refused));
      if (!std::exchange(told_full_, true))
        Say(sdk::Level::kWarning, "more than " + std::to_string(config_.max_alerts) +
                                      " alerts fire, and no more are taken: raise max_alerts");
    }
    if (!webhook.damage.empty())
      Refuse("not all alerts of a message are understood, only the others were taken: " +
             webhook.damage);
    refusal_.clear();
    return {};
  }

  // Told to whoever sent it, in the node's state, and in the log until one is taken.
  [[noreturn]] void Refuse(const std::string& why) {
    if (refusal_.empty()) Say(sdk::Level::kWarning, "refused what was pushed: " + why);
    refusal_ = "refused what was pushed: " + why;
    refused_ns_ = host_.MonotonicNs();
    throw sdk::Failure(HEALD_INVALID, why);
  }

  // On disk before anybody is told, and told before Alertmanager hears that it is done. What can't
  // be written waits: Alertmanager sends it again, and so does the next poll.
  void Tell() {
    if (const std::string error = store_.Write(book_.All()); !error.empty())
      throw sdk::Failure(HEALD_UNAVAILABLE, error).Retryable();
    for (const sdk::Finding& finding : std::exchange(untold_, {})) sink_->Emit(finding);
  }

  void TellTruncated(const Webhook& webhook) {
    if (webhook.truncated == 0) return;
    truncated_.Record(static_cast<double>(webhook.truncated));
    if (!std::exchange(told_truncated_, true))
      Say(sdk::Level::kWarning, "Alertmanager left " + std::to_string(webhook.truncated) +
                                    " alerts out of a message to the receiver " + webhook.receiver +
                                    ": set max_alerts: 0 in its webhook_configs");
  }

  void Say(sdk::Level level, const std::string& text) const {
    host_.Log(level, "alertmanager `" + std::string(host_.Name()) + "`: " + text);
  }

  const sdk::Host host_;
  const Config config_;
  AlertBook book_;
  const AlertStore store_;
  const sdk::Metric truncated_, refused_, firing_;
  support::Silence silence_;
  std::optional<sdk::Sink> sink_;
  std::optional<sdk::HttpRoute> route_;
  std::vector<sdk::Finding> untold_;
  std::string refusal_;     // empty: what came last was taken
  int64_t refused_ns_ = 0;  // monotonic
  bool told_truncated_ = false;
  bool told_full_ = false;
};

}  // namespace
}  // namespace heald::alertmanager

HEALD_PLUGIN("alertmanager", "0.1.0", "heald", "MIT", heald::alertmanager::AlertmanagerSource);
