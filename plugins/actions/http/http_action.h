// The action `http`: one request to a service that repairs itself on demand, at most once per
// decision. Thread rule: as every heald::sdk::Action.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "heald/plugin.h"
#include "plugins/support/http.h"
#include "plugins/support/pool.h"
#include "plugins/support/run_journal.h"

namespace heald::http_action {

enum class Method { kPost, kPut, kPatch, kDelete, kGet };
inline constexpr std::string_view kMethodWords[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};

struct ObserveConfig {
  std::string url;
  Method method = Method::kGet;
  std::vector<int64_t> expect_status;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("url", &ObserveConfig::url, "Asked until it says that the effect is there",
              {.runtime = true}),
        Field("method", &ObserveConfig::method, "Method", {.one_of = kMethodWords}),
        Field("expect_status", &ObserveConfig::expect_status,
              "Statuses that say so; every 2xx by default", {.min = 100, .max = 599}));
  }
};

struct Config : support::HttpConfig {
  Method method = Method::kPost;
  std::string body;
  std::string content_type = "application/json";
  std::vector<int64_t> expect_status;
  ObserveConfig observe;
  sdk::Duration effect_within = sdk::Seconds(30);
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("url", &Config::url, "Where to; placeholders only after the host",
                  {.required = true, .runtime = true}),
            Field("method", &Config::method, "Method", {.one_of = kMethodWords}),
            Field("body", &Config::body, "Body; where it is JSON, values are escaped",
                  {.runtime = true, .marked = true}),
            Field("content_type", &Config::content_type, "Content-Type of the body"),
            Field("expect_status", &Config::expect_status,
                  "Statuses that mean success; every 2xx by default", {.min = 100, .max = 599}),
            Field("observe", &Config::observe, "How to see that the effect is there"),
            Field("effect_within", &Config::effect_within, "How long observe may take to see it",
                  {.min = 0, .exclusive_min = true})),
        HttpConfig::ConnectionFields());
  }
};

class HttpAction : public sdk::Action<HttpAction> {
 public:
  using Config = http_action::Config;
  static constexpr sdk::Info kInfo{.name = "http",
                                   .doc = "Sends one HTTP request to whoever can repair the target",
                                   .flags = HEALD_BLOCKING | HEALD_REENTRANT};
  static void Validate(const Config& config, sdk::Problems& problems);

  HttpAction(sdk::Host host, const Config& config);

  sdk::Plan MakePlan(const sdk::Request& request, const Config& params);
  sdk::Effect DryRun(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Execute(const sdk::Request& request, const sdk::Plan& plan, const Config& params);
  sdk::Effect Observe(const sdk::Request& request, const sdk::Plan& plan, const Config& params);

 private:
  void CheckFilled(const Config& params) const;
  sdk::Effect Ask(const ObserveConfig& observe);

  Config config_;  // as written, placeholders in place
  support::Pool<support::HttpClient> clients_;
  support::RunJournal journal_;
};

}  // namespace heald::http_action
