// Slack over HTTP: the webhook and the Web API, and what their answers mean. Used by the notifier.
// Thread rule: one thread at a time.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "plugins/notifiers/slack/config.h"
#include "plugins/support/http.h"

namespace heald::slack {

using Json = nlohmann::ordered_json;

struct Answer {
  enum class Kind {
    kDone,
    kLater,   // not done; another try may help
    kUnsure,  // no proper answer to a request that was sent: done or not done
    kMend,    // refused until a person corrects the token, the channel, the app
    kNever,   // Slack refuses this message, now and always
  };
  Kind kind = Kind::kLater;
  bool cancelled = false;
  std::string token;    // Slack's word: "channel_not_found"
  std::string message;  // what is wrong and what to do about it
  int64_t retry_after_ns = 0;
  Json body;  // of the Web API
  bool ok() const { return kind == Kind::kDone; }
};

class SlackApi {
 public:
  SlackApi(const Config& config, std::function<bool()> cancelled,
           std::shared_ptr<support::HttpMetrics> metrics);

  Answer PostToWebhook(const Json& message);
  // "chat.postMessage"
  Answer Call(std::string_view method, const Json& arguments);
  // The same for methods that only read.
  Answer Get(std::string_view method, const std::string& query);

 private:
  Answer Judge(std::string_view what, const support::HttpResult& result) const;
  std::string Hidden(std::string text) const;

  const std::string secret_url_;  // as messages show it, to be hidden there
  support::HttpClient client_;
};

}  // namespace heald::slack
