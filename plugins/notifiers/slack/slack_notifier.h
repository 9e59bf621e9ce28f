// The notifier `slack`: incidents in a channel. With a bot token one message each, kept up to date;
// with a webhook one message per event that matters. Thread rule: as every heald::sdk::Notifier.
#pragma once

#include <string>
#include <vector>

#include "plugins/notifiers/slack/layout.h"
#include "plugins/notifiers/slack/slack_api.h"
#include "plugins/notifiers/slack/story.h"

namespace heald::slack {

class SlackNotifier : public sdk::Notifier<SlackNotifier> {
 public:
  using Config = slack::Config;
  static constexpr sdk::Info kInfo{
      .name = "slack",
      .doc = "Tells a Slack channel of incidents and what is done about them",
      .flags = HEALD_BLOCKING};
  static void Validate(const Config& config, sdk::Problems& problems);

  SlackNotifier(sdk::Host host, const Config& config);

  // One message per min_interval; what comes meanwhile joins the next.
  void NotifyAll(sdk::Notices<Config>& notices);

 private:
  using Notices = sdk::Notices<Config>;

  void TellByWebhook(Notices& notices, size_t first);
  // What a failed repair brings with it is one message: its events among those that wait. Throws
  // HEALD_FULL while more of them may be on their way.
  std::vector<size_t> Together(const Notices& notices, size_t first) const;
  bool Wanted(Event event) const;
  void TellByBot(Notices& notices, size_t i);
  // Takes the event into the story; false: it is there already.
  static bool Add(const heald_notification& notice, const Config& filled, Story* story);
  void Post(const std::string& key, Story* story, const heald_notification& first, Json message);
  // The message of a post that nobody answered; empty: there is none.
  std::string FindPosted(const Story& story);
  // Throws HEALD_FULL until the next message may be sent.
  void KeepToRate();
  [[noreturn]] static void Fail(const Answer& answer);

  sdk::Host host_;
  const Config config_;
  SlackApi api_;
  Stories stories_;
  int64_t next_ns_ = 0;  // Host::MonotonicNs of the next message
  bool said_blind_ = false;
};

}  // namespace heald::slack
