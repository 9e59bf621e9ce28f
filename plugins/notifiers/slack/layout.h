// An event, and what was told before of its incident, as a Slack message. Used by the notifier.
// Thread rule: pure functions.
#pragma once

#include <string>

#include "heald/abi/plugin.h"
#include "plugins/notifiers/slack/slack_api.h"
#include "plugins/notifiers/slack/story.h"

namespace heald::slack {

// Slack's limits, in characters.
inline constexpr size_t kHeaderLimit = 150;
inline constexpr size_t kTextLimit = 3000;
inline constexpr size_t kFieldLimit = 2000;

// What this event adds to the list of what was done, in mrkdwn; empty: nothing.
std::string StepOf(const heald_notification& notice);

// {"text": …, "blocks": […]}. `written` is the config as its author wrote it, `filled` the one with
// the placeholders filled in for this event.
Json MessageOf(const heald_notification& notice, const Story& story, const Config& written,
               const Config& filled);

}  // namespace heald::slack
