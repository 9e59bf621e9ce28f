// Configuration of the notifier `email`. Thread rule: plain values.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "heald/plugin.h"
#include "plugins/support/http_config.h"
#include "plugins/support/notice.h"

namespace heald::email {

enum class Starttls { kRequired, kIfOffered, kNever };
inline constexpr std::string_view kStarttlsWords[] = {"required", "if_offered", "never"};

struct Config {
  std::string server;
  Starttls starttls = Starttls::kRequired;
  std::string username;
  std::string password;
  std::string from;
  std::vector<std::string> to;
  std::vector<std::string> cc;
  std::vector<support::Event> events;
  std::string subject;
  std::string text;
  std::string link = "${incident.url}";
  std::string approval_link = "${approval.url}";
  std::string approval = "Approve or deny until ${approval.expires}";
  support::TlsConfig tls;
  sdk::Duration timeout = sdk::Seconds(60);
  sdk::Duration connect_timeout = sdk::Seconds(10);
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("server", &Config::server,
              "Mail server: smtp://mail.example.com:587, or smtps://… for TLS from the start",
              {.required = true}),
        Field("starttls", &Config::starttls,
              "Whether smtp:// goes on encrypted: required, if_offered, never",
              {.one_of = kStarttlsWords}),
        Field("username", &Config::username, "Account on the server"),
        Field("password", &Config::password, "Its password", {.secret = true}),
        Field("from", &Config::from, "Sender: heald@example.com or heald <heald@example.com>",
              {.required = true}),
        Field("to", &Config::to, "Recipients", {.required = true, .min_items = 1}),
        Field("cc", &Config::cc, "Recipients of a copy"),
        Field("events", &Config::events,
              "What is told; opened, awaiting_approval, failed, escalated, resolved by default",
              {.one_of = support::kEventWords}),
        Field("subject", &Config::subject,
              "Subject, instead of \"⚠️ Warning · payments · latency_p99\"",
              {.runtime = true}),
        Field("text", &Config::text, "Text of your own, instead of the summary and the facts",
              {.runtime = true}),
        Field("link", &Config::link, "Where the mail's link leads", {.runtime = true}),
        Field("approval_link", &Config::approval_link,
              "Where a decision that waits is answered: a signed link where agent.approval.links "
              "is on; empty keeps it out of the mail",
              {.runtime = true}),
        Field("approval", &Config::approval, "Words of that link, and of the other way to answer",
              {.runtime = true}),
        Field("tls", &Config::tls, "Certificates"),
        Field("timeout", &Config::timeout, "Time limit of one mail",
              {.min = 0, .exclusive_min = true}),
        Field("connect_timeout", &Config::connect_timeout,
              "Time limit of name look-up, connection and TLS handshake",
              {.min = 0, .exclusive_min = true}));
  }
};

}  // namespace heald::email
