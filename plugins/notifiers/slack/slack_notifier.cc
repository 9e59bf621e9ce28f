#include "plugins/notifiers/slack/slack_notifier.h"

#include <algorithm>
#include <cstdio>
#include <optional>

#include "plugins/support/abi_text.h"
#include "plugins/support/clock.h"
#include "plugins/support/http_metrics.h"

namespace heald::slack {
namespace {

using support::Text;

constexpr std::string_view kMetadataType = "heald_incident";
using support::kSecond;
constexpr int64_t kClockSlackNs = 120 * kSecond;  // between this machine's clock and Slack's
constexpr int kHistoryPages = 5;
// A failed step, its undo, the call for a person, and the next step's refusal come within moments.
constexpr int64_t kSettleNs = 2 * kSecond;
constexpr Event kOfFailure[] = {Event::kFailed, Event::kUndone, Event::kEscalated, Event::kRefused};
// And of a question that is withdrawn, because what it was about is over.
constexpr Event kOfRefusal[] = {Event::kRefused, Event::kEscalated, Event::kCleared,
                                Event::kResolved};
constexpr Event kQuiet[] = {Event::kActing, Event::kDryRun, Event::kCleared};

std::string TextIn(const Json& json, const char* name) {
  const auto at = json.find(name);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

// A member that is an object; empty where there is none.
Json ObjectIn(const Json& json, const char* name) {
  const auto at = json.find(name);
  return at != json.end() && at->is_object() ? *at : Json::object();
}

// The link stays in the message while the question is open, whatever else is told meanwhile.
void NoteApproval(const heald_notification& notice, const Config& filled, Story* story) {
  story->awaits_approval = support::EventOf(notice) == Event::kAwaitingApproval;
  story->approval_link = story->awaits_approval ? filled.approval_link : "";
  story->approval_words = story->awaits_approval ? filled.templates.approval : "";
}

}  // namespace

void SlackNotifier::Validate(const Config& config, sdk::Problems& problems) {
  const bool bot = !config.bot_token.empty();
  if (bot == !config.webhook_url.empty())
    problems.Add("", "give either webhook_url, or bot_token and channel");
  if (!bot && !config.webhook_url.empty())
    if (const std::string problem = support::CheckUrl(config.webhook_url); !problem.empty())
      problems.Add("/webhook_url", "is not a URL like https://hooks.slack.com/services/…");
  if (bot) {
    if (config.channel.empty())
      problems.Add("/channel", "name the channel that the bot posts to, best by its id");
    if (const std::string problem = support::CheckUrl(config.api_url); !problem.empty())
      problems.Add("/api_url", problem);
    if (!config.events.empty())
      problems.Add("/events",
                   "only a webhook chooses: the bot keeps one message per incident up to date");
    if (!config.bearer_token.empty() || !config.bearer_token_file.empty() ||
        !config.basic_auth.username.empty())
      problems.Add("/bot_token", "is what goes to Slack: leave bearer_token and basic_auth out");
  }
  for (const support::HttpConfigProblem& problem : support::CheckHttpConfig(config, false))
    problems.Add(problem.pointer, problem.message);
}

SlackNotifier::SlackNotifier(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      api_(
          config, [host] { return host.Cancelled(); }, support::HttpMetrics::Of(host)),
      stories_(host) {}

void SlackNotifier::NotifyAll(Notices& notices) {
  for (size_t i = 0; i < notices.size(); ++i) {
    if (notices.IsDone(i)) continue;
    if (config_.bot_token.empty())
      TellByWebhook(notices, i);
    else
      TellByBot(notices, i);
  }
}

bool SlackNotifier::Add(const heald_notification& notice, const Config& filled, Story* story) {
  const std::string id = Text(notice.event_id);
  if (story->Contains(id)) return false;
  story->AddEvent(id);
  if (notice.decision != nullptr) story->policy = Text(notice.decision->policy);
  if (notice.kind == HEALD_NOTICE_DECISION || notice.kind == HEALD_NOTICE_OUTCOME)
    NoteApproval(notice, filled, story);
  if (std::string step = StepOf(notice); !step.empty()) story->AddStep(std::move(step));
  return true;
}

void SlackNotifier::KeepToRate() {
  const int64_t now_ns = host_.MonotonicNs();
  if (now_ns < next_ns_)
    throw sdk::Failure(HEALD_FULL, "Slack takes about one message a second")
        .Retryable(next_ns_ - now_ns);
  next_ns_ = now_ns + config_.min_interval.ns;
}

void SlackNotifier::Fail(const Answer& answer) {
  const int32_t code = answer.cancelled ? HEALD_CANCELLED : HEALD_UNAVAILABLE;
  if (answer.kind == Answer::Kind::kNever) throw sdk::Failure(HEALD_DENIED, answer.message);
  if (answer.kind == Answer::Kind::kMend)
    throw sdk::Failure(HEALD_DENIED, answer.message + "; events wait until then").Retryable();
  throw sdk::Failure(code, answer.message).Retryable(answer.retry_after_ns);
}

// ---- webhook ----

bool SlackNotifier::Wanted(Event event) const {
  if (!config_.events.empty()) return support::IsAmong(event, config_.events);
  return std::find(std::begin(kQuiet), std::end(kQuiet), event) == std::end(kQuiet);
}

std::vector<size_t> SlackNotifier::Together(const Notices& notices, size_t first) const {
  std::vector<size_t> group{first};
  const std::string key = support::KeyOf(notices[first]);
  const Event begins = support::EventOf(notices[first]);
  if (begins != Event::kFailed && begins != Event::kRefused) return group;
  const auto belongs = [begins](Event event) {
    return begins == Event::kFailed
               ? std::find(std::begin(kOfFailure), std::end(kOfFailure), event) !=
                     std::end(kOfFailure)
               : std::find(std::begin(kOfRefusal), std::end(kOfRefusal), event) !=
                     std::end(kOfRefusal);
  };
  bool complete = false;
  for (size_t i = first + 1; i < notices.size(); ++i) {
    if (notices.IsDone(i) || support::KeyOf(notices[i]) != key) continue;
    const Event event = support::EventOf(notices[i]);
    complete = !belongs(event);
    if (complete) break;
    group.push_back(i);
    complete = event == Event::kResolved;
    if (complete) break;
  }
  const int64_t age_ns = host_.NowNs() - notices[first].ts_ns;
  if (!complete && age_ns >= 0 && age_ns < kSettleNs)
    throw sdk::Failure(HEALD_FULL, "waits for what else comes with it")
        .Retryable(kSettleNs - age_ns);
  return group;
}

void SlackNotifier::TellByWebhook(Notices& notices, size_t first) {
  const std::string key = support::KeyOf(notices[first]);
  const std::vector<size_t> group = Together(notices, first);
  Story story = stories_.Get(key);
  std::optional<size_t> shown;  // a call for a person before all else, else the latest
  bool news = false;
  for (const size_t i : group) {
    if (!Add(notices[i], notices.Params(i), &story)) continue;
    news = true;
    const std::string once = support::OnceOf(notices[i]);
    const auto is_told = [&] {
      return std::find(story.told.begin(), story.told.end(), once) != story.told.end();
    };
    const Event event = support::EventOf(notices[i]);
    if (event == Event::kResolved) story.told.clear();  // what begins again is told anew
    if (!Wanted(event) || (!once.empty() && is_told())) continue;
    if (!once.empty()) story.told.push_back(once);
    if (!shown || support::EventOf(notices[*shown]) != Event::kEscalated) shown = i;
  }
  if (shown) {
    KeepToRate();
    Json message = MessageOf(notices[*shown], story, config_, notices.Params(*shown));
    // Only a classic webhook lets the message choose.
    if (!config_.channel.empty()) message["channel"] = config_.channel;
    if (const Answer answer = api_.PostToWebhook(message); !answer.ok()) Fail(answer);
  }
  if (news) stories_.Save(key, story);
  for (const size_t i : group) notices.Done(i);
}

// ---- bot ----

void SlackNotifier::TellByBot(Notices& notices, size_t first) {
  const std::string key = support::KeyOf(notices[first]);
  std::vector<size_t> group;
  Story story = stories_.Get(key);
  if (story.channel != config_.channel) story.ts.clear();
  story.channel = config_.channel;
  bool news = false;
  for (size_t i = first; i < notices.size(); ++i) {
    if (support::KeyOf(notices[i]) != key) continue;
    group.push_back(i);
    news |= Add(notices[i], notices.Params(i), &story);
  }
  if (news) {
    KeepToRate();
    const size_t last = group.back();
    const Json message = MessageOf(notices[last], story, config_, notices.Params(last));
    if (story.ts.empty() && !story.posting.empty()) {
      story.ts = FindPosted(story);
      story.channel_id = stories_.ChannelId(config_.channel);
    }
    if (!story.ts.empty()) {
      Json update = message;
      update["channel"] = story.channel_id;
      update["ts"] = story.ts;
      const Answer answer = api_.Call("chat.update", update);
      if (answer.token == "message_not_found" || answer.token == "cant_update_message" ||
          answer.token == "edit_window_closed")
        story.ts.clear();  // deleted by someone, or not to be touched any more
      else if (!answer.ok())
        Fail(answer);
    }
    if (story.ts.empty()) Post(key, &story, notices[first], message);
    story.posting.clear();
    stories_.Save(key, story);
  }
  for (const size_t i : group) notices.Done(i);
}

void SlackNotifier::Post(const std::string& key, Story* story, const heald_notification& first,
                         Json message) {
  // On disk before it is sent: after a kill in between, it is looked for before it is posted again.
  Story before = stories_.Get(key);
  before.channel = story->channel;
  before.ts.clear();
  before.posting = Text(first.event_id);
  before.posting_ns = host_.NowNs();
  stories_.Save(key, before);
  message["channel"] = config_.channel;
  message["metadata"] = {{"event_type", kMetadataType},
                         {"event_payload", {{"event_id", before.posting}, {"incident", key}}}};
  message["unfurl_links"] = false;
  Answer answer = api_.Call("chat.postMessage", message);
  if (answer.ok() && TextIn(answer.body, "ts").empty()) {
    answer.kind = Answer::Kind::kUnsure;
    answer.message = "chat.postMessage was answered without the message's ts";
  }
  if (answer.kind != Answer::Kind::kUnsure && !answer.ok()) {
    before.posting.clear();
    stories_.Save(key, before);
  }
  if (!answer.ok()) Fail(answer);
  story->ts = TextIn(answer.body, "ts");
  story->channel_id = TextIn(answer.body, "channel");
  if (story->channel_id.empty()) story->channel_id = config_.channel;
  stories_.LearnChannelId(config_.channel, story->channel_id);
}

std::string SlackNotifier::FindPosted(const Story& story) {
  const auto blind = [&](const std::string& why) {
    if (!std::exchange(said_blind_, true))
      host_.Log(sdk::Level::kWarning, "a message may already be in the channel, but " + why +
                                          ": it is posted again, and there may be two");
    return std::string();
  };
  const std::string channel = stories_.ChannelId(config_.channel);
  if (channel.empty())
    return blind("its id isn't known yet: write the channel's id (C0123456789) into `channel`");
  char oldest[32];
  std::snprintf(oldest, sizeof oldest, "%lld.000000",
                static_cast<long long>((story.posting_ns - kClockSlackNs) / kSecond));
  std::string cursor;
  for (int page = 0; page < kHistoryPages; ++page) {
    std::string query = "channel=" + support::UrlEncode(channel) +
                        "&include_all_metadata=true&limit=200&oldest=" + oldest;
    if (!cursor.empty()) query += "&cursor=" + support::UrlEncode(cursor);
    const Answer answer = api_.Get("conversations.history", query);
    if (answer.kind == Answer::Kind::kNever || answer.kind == Answer::Kind::kMend)
      return blind("the bot can't read it (" + answer.token +
                   "): give the app the scope channels:history, or groups:history for a private "
                   "channel");
    if (!answer.ok()) Fail(answer);
    if (const auto list = answer.body.find("messages"); list != answer.body.end())
      for (const Json& message : *list) {
        const Json payload = ObjectIn(ObjectIn(message, "metadata"), "event_payload");
        if (TextIn(payload, "event_id") == story.posting) return TextIn(message, "ts");
      }
    cursor = TextIn(ObjectIn(answer.body, "response_metadata"), "next_cursor");
    if (cursor.empty()) break;
  }
  return {};
}

}  // namespace heald::slack
