#include "plugins/notifiers/pagerduty/pagerduty_notifier.h"

#include <algorithm>

#include "plugins/support/http_delivery.h"
#include "plugins/support/http_metrics.h"

namespace heald::pagerduty {
namespace {

using support::Delivered;
using support::HttpFault;
using support::HttpResult;
using support::RecordJson;

constexpr size_t kKeyCharacters = 32;
constexpr uint64_t kBodyLimitBytes = uint64_t{64} << 10;

// PagerDuty's own words: {"status":"invalid event","message":…,"errors":[…]}.
std::string Reasons(const std::string& body) {
  const RecordJson json = RecordJson::parse(body, nullptr, false);
  std::string out;
  if (json.is_object() && json.contains("errors") && json["errors"].is_array())
    for (const RecordJson& error : json["errors"])
      if (error.is_string()) out += (out.empty() ? "" : "; ") + error.get<std::string>();
  return out;
}

bool Accepted(const HttpResult& result) {
  const RecordJson json = RecordJson::parse(result.response.body, nullptr, false);
  return result.ok() && result.response.status == 202 && json.is_object() &&
         json.contains("status") && json["status"] == "success";
}

std::string Acknowledged(const heald_notification& notice, unsigned call) {
  return "acknowledged " + DedupKey(notice, call);
}
std::string Called(const heald_notification& notice, unsigned call) {
  return "called " + DedupKey(notice, call);
}

}  // namespace

void PagerdutyNotifier::Validate(const Config& config, sdk::Problems& problems) {
  for (const support::HttpConfigProblem& problem : support::CheckHttpConfig(config))
    problems.Add(problem.pointer, problem.message);
  for (size_t i = 0; i < config.trigger_on.size(); ++i)
    if (config.trigger_on[i] == support::Event::kResolved ||
        config.trigger_on[i] == support::Event::kCleared)
      problems.Add("/trigger_on/" + std::to_string(i),
                   "is the end of something, which ends its alert: it can't call anybody");
  const std::string& key = config.routing_key;
  if (key.size() != kKeyCharacters ||
      !std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isalnum(c) != 0; }))
    problems.Add("/routing_key",
                 "is not an integration key, which has 32 letters and digits: copy it from the "
                 "service's integration of type Events API v2");
}

PagerdutyNotifier::PagerdutyNotifier(sdk::Host host, const Config& config)
    : config_(config),
      client_(
          config, [host] { return host.Cancelled(); }, support::HttpMetrics::Of(host)),
      told_(host) {}

unsigned PagerdutyNotifier::CallOf(const heald_notification& notice) const {
  unsigned call = 1;
  while (told_.Has(Acknowledged(notice, call))) ++call;
  return call;
}

void PagerdutyNotifier::Notify(const heald_notification& notice, const Config& filled) {
  const Do action = ActionOf(notice, config_);
  if (action == Do::kNothing) return;
  const unsigned call = CallOf(notice);
  // Else the alert before it is still there, acknowledged: it calls nobody, whatever else comes
  // under its key.
  const bool called = call == 1 || told_.Has(Called(notice, call));
  if (action != Do::kTrigger) {
    Send(notice, action, called ? call : call - 1, filled);
    if (action == Do::kAcknowledge && called) told_.Add(Acknowledged(notice, call));
    return;
  }
  if (!called) Send(notice, Do::kResolve, call - 1, filled);
  Send(notice, Do::kTrigger, call, filled);
  if (!called) told_.Add(Called(notice, call));
}

void PagerdutyNotifier::Send(const heald_notification& notice, Do action, unsigned call,
                             const Config& filled) {
  const HttpResult result = client_.Perform(
      {.method = "POST",
       .headers = {{"Content-Type", "application/json"}},
       .body = support::OneLine(AlertEvent(notice, action, DedupKey(notice, call), filled)),
       .repeatable = true,  // the key makes it one alert
       .body_limit_bytes = kBodyLimitBytes});
  if (Accepted(result)) return;
  if (result.ok())
    support::FailDelivery(Delivered::kLater, result,
                          "PagerDuty's Events API answered " +
                              std::to_string(result.response.status) +
                              ", but that is no answer of PagerDuty's: is there a proxy in "
                              "between, and is `url` right?");
  if (result.error.fault == HttpFault::kStatus && result.response.status == 400) {
    const std::string why = Reasons(result.response.body);
    // The key is wrong for all events, anything else for this one.
    const bool key = why.find("routing_key") != std::string::npos;
    support::FailDelivery(
        key ? Delivered::kMend : Delivered::kNever, result,
        "PagerDuty refuses the event: " + (why.empty() ? result.error.Brief() : why) +
            (key ? ": copy the integration key (Events API v2) into routing_key anew" : ""));
  }
  support::CheckDelivered(result);
}

}  // namespace heald::pagerduty
