#include "plugins/notifiers/webhook/webhook_notifier.h"

#include <algorithm>

#include "plugins/notifiers/webhook/signature.h"
#include "plugins/support/cloud_event.h"
#include "plugins/support/http_delivery.h"
#include "plugins/support/http_metrics.h"
#include "plugins/support/json_body.h"

namespace heald::webhook {
namespace {

constexpr size_t kSecretBytes = 16;
constexpr int64_t kSecond = 1'000'000'000;

std::string Text(heald_str text) {
  return text.len == 0 ? std::string() : std::string(text.ptr, text.len);
}

bool IsUriReference(std::string_view text) {
  return !text.empty() && std::none_of(text.begin(), text.end(), [](unsigned char c) {
    return c <= ' ' || c >= 0x7f ||
           std::string_view("<>\"{}|\\^`").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

void WebhookNotifier::Validate(const Config& config, sdk::Problems& problems) {
  for (const support::HttpConfigProblem& problem : support::CheckHttpConfig(config))
    problems.Add(problem.pointer, problem.message);
  if (!config.signing_secret.empty() && config.signing_secret.size() < kSecretBytes)
    problems.Add("/signing_secret",
                 "is too short to be safe: make one with `openssl rand -hex 32`");
  if (!IsUriReference(config.source))
    problems.Add("/source", "is no URI reference, which a CloudEvent needs: write //prod-eu/heald");
  if (const std::string problem = support::CheckContentType(config.content_type); !problem.empty())
    problems.Add("/content_type", problem);
  if (config.body.empty()) return;
  if (config.batch > 1)
    problems.Add("/batch", "is for CloudEvents: a `body` of your own is sent one event at a time");
  if (support::IsJson(config.content_type))
    if (const std::string problem = support::CheckJsonBody(config.body); !problem.empty())
      problems.Add("/body", problem);
}

WebhookNotifier::WebhookNotifier(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      client_(
          config, [host] { return host.Cancelled(); }, support::HttpMetrics::Of(host)),
      told_(host) {}

bool WebhookNotifier::Wanted(const heald_notification& notice) const {
  if (!config_.events.empty() && !support::IsAmong(support::EventOf(notice), config_.events))
    return false;
  // Words of one's own are for people, who need no second "opened" for the next finding.
  return config_.body.empty() || !told_.Has(support::Told::KeyFor(notice));
}

void WebhookNotifier::NotifyAll(Notices& notices) {
  std::vector<size_t> group;
  for (size_t i = 0; i < notices.size(); ++i) {
    told_.ForgetEnded(notices[i]);
    if (!Wanted(notices[i])) {
      notices.Done(i);
      continue;
    }
    group.push_back(i);
    if (group.size() < static_cast<size_t>(config_.batch)) continue;
    Send(notices, group);
    group.clear();
  }
  if (!group.empty()) Send(notices, group);
}

support::HttpRequest WebhookNotifier::RequestOf(const Notices& notices,
                                                const std::vector<size_t>& group) const {
  support::HttpRequest request;
  request.method = kMethodWords[static_cast<size_t>(config_.method)];
  std::string content_type = config_.content_type;
  if (!config_.body.empty()) {
    request.body = support::BodyOf(content_type, notices.Params(group[0]).body);
  } else if (config_.batch == 1) {
    content_type = "application/cloudevents+json";
    request.body = support::OneLine(support::CloudEvent(notices[group[0]], config_.source));
  } else {
    content_type = "application/cloudevents-batch+json";
    support::RecordJson list = support::RecordJson::array();
    for (const size_t i : group) list.push_back(support::CloudEvent(notices[i], config_.source));
    request.body = support::OneLine(list);
  }
  request.headers = {{"Content-Type", content_type}};
  // Of a batch the first: a list that comes again begins with the same event.
  request.headers.emplace_back("Idempotency-Key", Text(notices[group[0]].event_id));
  if (!config_.signing_secret.empty()) {
    const int64_t seconds = host_.NowNs() / kSecond;
    request.headers.emplace_back("X-Heald-Timestamp", std::to_string(seconds));
    request.headers.emplace_back("X-Heald-Signature",
                                 Signature(config_.signing_secret, seconds, request.body));
  }
  request.repeatable = true;  // the event's id makes it one, and connections are kept
  request.on_data = support::IgnoreBody();
  return request;
}

void WebhookNotifier::Send(Notices& notices, const std::vector<size_t>& group) {
  const support::HttpResult result = client_.Perform(RequestOf(notices, group));
  const support::Delivered how = support::Judge(result);
  if (how == support::Delivered::kNever && group.size() > 1) {
    // One of them is what it doesn't like: alone, the others get through.
    for (const size_t i : group) Send(notices, {i});
    return;
  }
  if (how != support::Delivered::kYes) support::CheckDelivered(result);
  for (const size_t i : group) {
    notices.Done(i);
    if (const std::string key = support::Told::KeyFor(notices[i]);
        !config_.body.empty() && !key.empty())
      told_.Add(key);
  }
}

}  // namespace heald::webhook
