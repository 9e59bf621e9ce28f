#include "plugins/notifiers/slack/slack_api.h"

#include <algorithm>

#include "plugins/support/clock.h"

namespace heald::slack {
namespace {

using support::HttpFault;
using support::HttpResult;

constexpr uint64_t kBodyLimitBytes = uint64_t{8} << 20;
using support::kSecond;
constexpr size_t kTokenBytes = 60;

struct Known {
  std::string_view token;
  std::string_view advice;
};

constexpr std::string_view kToken =
    "Slack doesn't accept bot_token: copy the app's Bot User OAuth Token (xoxb-…) into it anew";
constexpr std::string_view kChannel =
    "there is no such channel, or the bot can't see it: check `channel`, and invite the bot there";
constexpr std::string_view kWebhook =
    "the webhook was removed, or webhook_url is wrong: make a new one in the app's settings";
constexpr std::string_view kArchived = "the channel is archived: name another one";
constexpr std::string_view kAdmins =
    "the workspace's rules don't allow it: ask its admins, or use another channel";
constexpr std::string_view kFormat =
    "Slack can't read this message: look at `templates`; if there are none, report it to heald";
constexpr std::string_view kUnknown = "look it up in Slack's documentation of this method";

constexpr Known kKnown[] = {
    {"invalid_auth", kToken},
    {"not_authed", kToken},
    {"account_inactive", kToken},
    {"token_revoked", kToken},
    {"token_expired", kToken},
    {"not_allowed_token_type", kToken},
    {"channel_not_found", kChannel},
    {"not_in_channel", "invite the bot to the channel: /invite @its-name"},
    {"is_archived", kArchived},
    {"channel_is_archived", kArchived},
    {"missing_scope", "give the app the missing scope and install it again"},
    {"no_permission", "give the app the missing scope and install it again"},
    {"no_service", kWebhook},
    {"no_service_id", kWebhook},
    {"no_team", kWebhook},
    {"team_not_found", kWebhook},
    {"invalid_token", kWebhook},
    {"action_prohibited", kAdmins},
    {"restricted_action", kAdmins},
    {"posting_to_general_channel_denied", kAdmins},
    {"team_access_not_granted", kAdmins},
    {"invalid_payload", kFormat},
    {"invalid_blocks", kFormat},
    {"invalid_blocks_format", kFormat},
    {"invalid_arguments", kFormat},
    {"invalid_attachments", kFormat},
    {"msg_too_long", kFormat},
    {"no_text", kFormat}};

// Slack's own trouble; of the second group it may have happened all the same.
constexpr std::string_view kPassing[] = {"ratelimited", "rate_limited", "service_unavailable",
                                         "team_added_to_org", "message_limit_exceeded"};
constexpr std::string_view kHalfDone[] = {"internal_error", "fatal_error", "request_timeout",
                                          "rollup_error"};

bool Among(std::string_view token, std::span<const std::string_view> list) {
  return std::find(list.begin(), list.end(), token) != list.end();
}

std::string_view AdviceFor(std::string_view token) {
  for (const Known& known : kKnown)
    if (known.token == token) return known.advice;
  return kUnknown;
}

// One of Slack's words, and not a page that a proxy sent.
std::string TokenIn(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const bool word = !text.empty() && text.size() <= kTokenBytes &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                    });
  return word ? std::string(text) : "";
}

support::HttpConfig Connection(const Config& config) {
  support::HttpConfig own = config;
  own.url = config.bot_token.empty() ? config.webhook_url : config.api_url;
  if (!config.bot_token.empty()) own.bearer_token = config.bot_token;
  return own;
}

}  // namespace

SlackApi::SlackApi(const Config& config, std::function<bool()> cancelled,
                   std::shared_ptr<support::HttpMetrics> metrics)
    : secret_url_(config.bot_token.empty() ? support::ShownUrl(config.webhook_url) : ""),
      client_(Connection(config), std::move(cancelled), std::move(metrics)) {}

// A webhook's path is its password.
std::string SlackApi::Hidden(std::string text) const {
  if (secret_url_.empty()) return text;
  const size_t host = secret_url_.find("://");
  const size_t path = host == std::string::npos ? host : secret_url_.find('/', host + 3);
  if (path == std::string::npos || path + 1 == secret_url_.size()) return text;
  const std::string secret = secret_url_.substr(path + 1);
  for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 1))
    text.replace(at, secret.size(), "…");
  return text;
}

Answer SlackApi::Judge(std::string_view what, const HttpResult& result) const {
  Answer answer;
  answer.retry_after_ns = result.error.retry_after_ns;
  if (!result.ok() && result.error.fault != HttpFault::kStatus) {
    answer.cancelled = result.error.fault == HttpFault::kCancelled;
    const bool maybe = answer.cancelled || result.error.sent;
    answer.kind = maybe ? Answer::Kind::kUnsure : Answer::Kind::kLater;
    answer.message = Hidden(result.error.Brief());
    return answer;
  }
  const int status = result.response.status;
  const Json body = Json::parse(result.response.body, nullptr, false);
  const bool spoken = body.is_object() && body.contains("ok") && body["ok"].is_boolean();
  if (spoken && !body["ok"] && body.contains("error") && body["error"].is_string())
    answer.token = body["error"];
  else if (!spoken)
    answer.token = TokenIn(result.response.body);
  answer.message = std::string(what) + " was answered " + std::to_string(status);
  if (!answer.token.empty()) answer.message += " " + answer.token;
  if (status == 429 || Among(answer.token, kPassing)) {
    answer.kind = Answer::Kind::kLater;
    if (answer.retry_after_ns == 0) answer.retry_after_ns = kSecond;
    answer.message += ": Slack takes no more messages for " +
                      std::to_string(answer.retry_after_ns / kSecond) + " s";
  } else if (status >= 500 || Among(answer.token, kHalfDone)) {
    answer.kind = Answer::Kind::kUnsure;
    answer.message += ": trouble at Slack, see status.slack.com";
  } else if (spoken && body["ok"]) {
    answer.kind = Answer::Kind::kDone;
    answer.body = body;
  } else if (answer.token.empty() || (status / 100 == 2 && !spoken)) {
    answer.kind = Answer::Kind::kUnsure;
    answer.message +=
        ", but that is no answer of Slack's: is there a proxy in between, and is "
        "the URL right?";
  } else {
    const std::string_view advice = AdviceFor(answer.token);
    answer.kind =
        advice == kFormat || advice == kUnknown ? Answer::Kind::kNever : Answer::Kind::kMend;
    answer.message += ": " + std::string(advice);
    if (spoken && body.contains("needed") && body["needed"].is_string())
      answer.message += " (" + body["needed"].get<std::string>() + ")";
  }
  return answer;
}

Answer SlackApi::PostToWebhook(const Json& message) {
  const HttpResult result =
      client_.Perform({.method = "POST",
                       .headers = {{"Content-Type", "application/json; charset=utf-8"}},
                       .body = message.dump(-1, ' ', false, Json::error_handler_t::replace),
                       .body_limit_bytes = kBodyLimitBytes});
  if (result.ok() && result.response.status == 200 && TokenIn(result.response.body) == "ok") {
    Answer done;
    done.kind = Answer::Kind::kDone;
    return done;
  }
  Answer answer = Judge("the webhook", result);
  // {"ok": true} is the Web API's yes, not a webhook's.
  if (answer.ok()) answer.kind = Answer::Kind::kUnsure;
  return answer;
}

Answer SlackApi::Call(std::string_view method, const Json& arguments) {
  return Judge(method, client_.Perform(
                           {.method = "POST",
                            .url = "/" + std::string(method),
                            .headers = {{"Content-Type", "application/json; charset=utf-8"}},
                            .body = arguments.dump(-1, ' ', false, Json::error_handler_t::replace),
                            .body_limit_bytes = kBodyLimitBytes}));
}

Answer SlackApi::Get(std::string_view method, const std::string& query) {
  return Judge(method, client_.Perform({.url = "/" + std::string(method) + "?" + query,
                                        .body_limit_bytes = kBodyLimitBytes}));
}

}  // namespace heald::slack
