// Configuration of the notifier `slack`. Thread rule: plain values.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "heald/plugin.h"
#include "plugins/support/http_config.h"
#include "plugins/support/notice.h"

namespace heald::slack {

using support::Event;

struct Templates {
  std::string title;
  std::string text;
  std::string footer;
  std::string notification;
  std::string approval = "Approve or deny until ${approval.expires}";
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("title", &Templates::title,
              "Heading, instead of \"⚠️ Warning · payments · latency\"", {.runtime = true}),
        Field("text", &Templates::text, "Text below the heading, in Slack's mrkdwn",
              {.runtime = true}),
        Field("footer", &Templates::footer,
              "Small print, instead of incident number, policy and trace id", {.runtime = true}),
        Field("notification", &Templates::notification,
              "Plain text for the phone's notification, instead of heading and event",
              {.runtime = true}),
        Field("approval", &Templates::approval, "Words of the link by which a decision is answered",
              {.runtime = true}));
  }
};

struct Config : support::HttpConfig {
  std::string webhook_url;
  std::string bot_token;
  std::string channel;
  std::string api_url = "https://slack.com/api";
  std::vector<Event> events;
  sdk::Duration min_interval = sdk::Seconds(1);
  std::string link = "${incident.url}";
  std::string approval_link = "${approval.url}";
  Templates templates;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("webhook_url", &Config::webhook_url, "Incoming webhook to post to",
                  {.secret = true}),
            Field("bot_token", &Config::bot_token,
                  "Bot token (xoxb-…), instead of a webhook: one message per incident, updated in "
                  "place",
                  {.secret = true}),
            Field("channel", &Config::channel, "Channel for the bot, best by its id (C0123456789)"),
            Field("api_url", &Config::api_url, "Where Slack's Web API is"),
            Field("events", &Config::events,
                  "What a webhook tells; by default all but acting, dry_run and cleared",
                  {.one_of = support::kEventWords}),
            Field("min_interval", &Config::min_interval, "Shortest time between two messages",
                  {.min = 0}),
            Field("link", &Config::link, "Where the link of a message leads", {.runtime = true}),
            Field("approval_link", &Config::approval_link,
                  "Where a decision that waits is answered: a signed link where "
                  "agent.approval.links is on; empty keeps it out of this channel",
                  {.runtime = true}),
            Field("templates", &Config::templates, "Texts of your own")),
        HttpConfig::ConnectionFields());
  }
};

}  // namespace heald::slack
