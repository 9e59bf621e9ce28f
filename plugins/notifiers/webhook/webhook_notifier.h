// The notifier `webhook`: each event to a URL, as a CloudEvent or as a body of one's own, signed.
// Thread rule: as every heald::sdk::Notifier.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "heald/plugin.h"
#include "plugins/support/http.h"
#include "plugins/support/notice.h"
#include "plugins/support/told.h"

namespace heald::webhook {

enum class Method { kPost, kPut };
inline constexpr std::string_view kMethodWords[] = {"POST", "PUT"};

struct Config : support::HttpConfig {
  Method method = Method::kPost;
  std::vector<support::Event> events;
  std::string body;
  std::string content_type = "application/json";
  std::string source = "/heald";
  std::string signing_secret;
  int64_t batch = 1;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("url", &Config::url, "Where to; secrets belong into its query or `headers`",
                  {.required = true}),
            Field("method", &Config::method, "Method", {.one_of = kMethodWords}),
            Field("events", &Config::events, "What to send; all by default",
                  {.one_of = support::kEventWords}),
            Field("body", &Config::body,
                  "Body of your own, with placeholders; by default a CloudEvent with everything",
                  {.runtime = true, .marked = true}),
            Field("content_type", &Config::content_type,
                  "Content-Type of that body; where it is JSON, values are escaped"),
            Field("source", &Config::source,
                  "The CloudEvents' source attribute: tells agents apart"),
            Field("signing_secret", &Config::signing_secret,
                  "Signs every request with HMAC-SHA256; at least 16 characters", {.secret = true}),
            Field("batch", &Config::batch,
                  "Up to so many waiting events in one request, as a JSON list of CloudEvents",
                  {.min = 1, .max = 64})),
        HttpConfig::ConnectionFields());
  }
};

class WebhookNotifier : public sdk::Notifier<WebhookNotifier> {
 public:
  using Config = webhook::Config;
  static constexpr sdk::Info kInfo{.name = "webhook",
                                   .doc = "Sends every event to a URL, as JSON, signed",
                                   .flags = HEALD_BLOCKING};
  static void Validate(const Config& config, sdk::Problems& problems);

  WebhookNotifier(sdk::Host host, const Config& config);

  void NotifyAll(sdk::Notices<Config>& notices);

 private:
  using Notices = sdk::Notices<Config>;

  bool Wanted(const heald_notification& notice) const;
  support::HttpRequest RequestOf(const Notices& notices, const std::vector<size_t>& group) const;
  void Send(Notices& notices, const std::vector<size_t>& group);

  sdk::Host host_;
  const Config config_;  // as written, placeholders in place
  support::HttpClient client_;
  support::Told told_;  // with a body of one's own
};

}  // namespace heald::webhook
