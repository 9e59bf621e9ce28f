#include "plugins/actions/http/http_action.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "plugins/support/http_metrics.h"
#include "plugins/support/json_body.h"

namespace heald::http_action {
namespace {

using sdk::Effect;
using sdk::EffectState;
using sdk::Failure;
using support::HttpFault;
using support::HttpResult;

constexpr size_t kBodyShown = 300;
constexpr uint64_t kBodyLimitBytes = uint64_t{1} << 20;

std::string Word(Method method) {
  return std::string(kMethodWords[static_cast<size_t>(method)]);
}

bool HasPlaceholder(const std::string& text) {
  return text.find("${") != std::string::npos;
}

// Where the host ends and the path begins.
size_t PathBegin(const std::string& url) {
  const size_t scheme = url.find("://");
  return std::min(url.find('/', scheme == std::string::npos ? 0 : scheme + 3), url.size());
}

bool Expected(const std::vector<int64_t>& expected, int status) {
  if (expected.empty()) return status >= 200 && status < 300;
  return std::find(expected.begin(), expected.end(), status) != expected.end();
}

std::string ExpectedText(const std::vector<int64_t>& expected) {
  if (expected.empty()) return "2xx";
  std::string text;
  for (const int64_t status : expected) text += (text.empty() ? "" : ", ") + std::to_string(status);
  return text;
}

bool Answered(const HttpResult& result) {
  return result.ok() || result.error.fault == HttpFault::kStatus;
}

std::string Shown(const HttpResult& result, const std::string& what) {
  std::string text = what + " answered " + std::to_string(result.response.status);
  if (!result.response.body.empty()) text += ": " + result.response.body.substr(0, kBodyShown);
  return text;
}

// Whole URLs are given with each request, the one that is filled in.
support::HttpConfig ConnectionOf(support::HttpConfig config) {
  config.url.clear();
  return config;
}

void CheckTemplate(const std::string& at, const std::string& url, sdk::Problems& problems) {
  const size_t placeholder = url.find("${");
  if (placeholder < PathBegin(url))
    problems.Add(at, "a label must not choose the host: put placeholders after it");
  else if (placeholder == std::string::npos)
    if (const std::string problem = support::CheckUrl(url); !problem.empty())
      problems.Add(at, problem);
}

// A value that brings its own separators would make another request of it.
void CheckFilledUrl(const std::string& written, const std::string& filled) {
  if (!HasPlaceholder(written)) return;
  const auto separators = [](const std::string& url) {
    return std::count_if(url.begin(), url.end(), [](char c) {
      return std::string_view("/?#&=%").find(c) != std::string_view::npos;
    });
  };
  // Inside ${…} none of these stand.
  if (separators(written) == separators(filled) && support::CheckUrl(filled).empty()) return;
  throw Failure(HEALD_INVALID, "not sent: with this target's labels, " + written + " becomes '" +
                                   filled + "', which is another address");
}

}  // namespace

void HttpAction::Validate(const Config& config, sdk::Problems& problems) {
  CheckTemplate("/url", config.url, problems);
  if (!config.observe.url.empty()) CheckTemplate("/observe/url", config.observe.url, problems);
  for (const support::HttpConfigProblem& problem : support::CheckHttpConfig(config, false))
    problems.Add(problem.pointer, problem.message);
  if (const std::string problem = support::CheckContentType(config.content_type); !problem.empty())
    problems.Add("/content_type", problem);
  // As it is with texts for values: a number may stand outside of quotes here.
  if (!config.body.empty() && support::IsJson(config.content_type) &&
      !nlohmann::json::accept(support::BodyOf(config.content_type, config.body)))
    problems.Add("/body", support::CheckJsonBody(config.body));
}

HttpAction::HttpAction(sdk::Host host, const Config& config)
    : config_(config),
      clients_([host, own = ConnectionOf(config), metrics = support::HttpMetrics::Of(host)] {
        return std::make_unique<support::HttpClient>(
            own, [host] { return host.Cancelled(); }, metrics);
      }),
      journal_(std::string(host.StateDir())) {}

void HttpAction::CheckFilled(const Config& params) const {
  CheckFilledUrl(config_.url, params.url);
  CheckFilledUrl(config_.observe.url, params.observe.url);
  if (!HasPlaceholder(config_.body) || !support::IsJson(params.content_type)) return;
  const std::string body = support::BodyOf(params.content_type, params.body);
  if (!nlohmann::json::accept(body))
    throw Failure(HEALD_INVALID, "not sent: the body is no JSON: " + body.substr(0, kBodyShown));
}

sdk::Plan HttpAction::MakePlan(const sdk::Request&, const Config& params) {
  CheckFilled(params);
  sdk::Plan plan;
  plan.summary = Word(params.method) + " " + support::ShownUrl(params.url);
  plan.before = "{}";
  plan.effect_within = {params.timeout.ns +
                        (params.observe.url.empty() ? 0 : params.effect_within.ns)};
  return plan;
}

Effect HttpAction::DryRun(const sdk::Request&, const sdk::Plan& plan, const Config& params) {
  CheckFilled(params);
  return {EffectState::kDone, "would send " + plan.summary};
}

Effect HttpAction::Execute(const sdk::Request& request, const sdk::Plan& plan,
                           const Config& params) {
  if (const auto entry = journal_.Find(request.decision)) {
    if (entry->effect) return *entry->effect;
    throw Failure(HEALD_CONFLICT, "this decision was begun before; it is not sent a second time");
  }
  CheckFilled(params);
  journal_.Prune();
  support::RunJournal::Entry entry;
  journal_.Write(request.decision, entry);
  support::HttpRequest call{.method = Word(params.method),
                            .url = params.url,
                            .body = support::BodyOf(params.content_type, params.body),
                            .body_limit_bytes = kBodyLimitBytes};
  call.headers.emplace_back("Idempotency-Key", std::string(request.decision));
  if (!params.body.empty()) call.headers.emplace_back("Content-Type", params.content_type);
  const HttpResult result = clients_.Borrow()->PerformRetrying(call, {});
  const bool watched = !params.observe.url.empty();
  if (Answered(result) && Expected(params.expect_status, result.response.status))
    entry.effect =
        Effect{watched ? EffectState::kPending : EffectState::kDone, Shown(result, plan.summary)};
  else if (Answered(result))
    entry.effect = Effect{EffectState::kFailed, Shown(result, plan.summary) + " (expected " +
                                                    ExpectedText(params.expect_status) + ")"};
  else if (!result.error.sent)
    entry.effect = Effect{EffectState::kFailed, "not sent: " + result.error.Sentence()};
  else
    // It may have been done all the same; observe can tell, and nobody else.
    entry.effect = Effect{watched ? EffectState::kPending : EffectState::kFailed,
                          "sent, but no answer came: " + result.error.Sentence()};
  journal_.Write(request.decision, entry);
  return *entry.effect;
}

Effect HttpAction::Ask(const ObserveConfig& observe) {
  const HttpResult result = clients_.Borrow()->Perform(
      {.method = Word(observe.method), .url = observe.url, .body_limit_bytes = kBodyLimitBytes});
  const std::string what = Word(observe.method) + " " + support::ShownUrl(observe.url);
  if (!Answered(result)) return {EffectState::kPending, result.error.message};
  const bool there = Expected(observe.expect_status, result.response.status);
  return {there ? EffectState::kDone : EffectState::kPending, Shown(result, what)};
}

Effect HttpAction::Observe(const sdk::Request& request, const sdk::Plan& plan,
                           const Config& params) {
  const auto entry = journal_.Find(request.decision);
  if (!entry) return {EffectState::kAbsent, plan.summary + " was not sent"};
  if (entry->effect && entry->effect->state != EffectState::kPending) return *entry->effect;
  if (!params.observe.url.empty()) return Ask(params.observe);
  return {EffectState::kFailed, "the agent ended while it sent " + plan.summary +
                                    ", so whether it was done isn't known; it is not sent again "
                                    "(observe could tell)"};
}

}  // namespace heald::http_action
