// Slack for tests: a webhook and the part of the Web API that the notifier uses, over real sockets.
// What it accepted is what it answered properly; between that it can answer 429, 500, nonsense or
// nothing, by a plan or by a seed. Thread rule: any thread.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/fakes/http_server.h"

namespace heald::slack {

enum class Mood {
  kWell,
  kTooMany,     // 429, Retry-After: 1
  kBroken,      // 500
  kWrongBody,   // 200 with a body that isn't Slack's
  kNotHttp,     // bytes that aren't HTTP
  kNoAnswer,    // closes instead
  kLostAnswer,  // does it, and closes instead of answering
};

class SlackServer {
 public:
  using Json = nlohmann::json;
  using Clock = std::chrono::steady_clock;

  struct Message {
    std::string ts;
    Json body;  // as posted, then as last updated
    size_t updates = 0;
    std::vector<Json> versions;
  };

  SlackServer() : server_([this](const fakes::FakeRequest& request) { return Answer(request); }) {}

  std::string webhook() const { return server_.url() + "/services/T0SECRET/B0SECRET/XSECRET"; }
  std::string api() const { return server_.url() + "/api"; }
  fakes::HttpServer& http() { return server_; }

  // One per request, then well.
  void Plan(std::deque<Mood> moods) {
    const std::lock_guard lock(mutex_);
    plan_ = std::move(moods);
  }
  // About every second request goes wrong, at most so many of them with 429.
  void GoMad(unsigned seed, int too_many, bool lose_answers) {
    const std::lock_guard lock(mutex_);
    random_.seed(seed);
    mad_ = true;
    too_many_ = too_many;
    lose_answers_ = lose_answers;
  }
  // The answer of every call of this method ("webhook", "chat.update"…), until it is empty again.
  void Refuse(const std::string& method, const fakes::FakeReply& reply) {
    const std::lock_guard lock(mutex_);
    refused_[method] = reply;
  }
  void Allow(const std::string& method) {
    const std::lock_guard lock(mutex_);
    refused_.erase(method);
  }
  void Delete(const std::string& ts) {
    const std::lock_guard lock(mutex_);
    std::erase_if(messages_, [&](const Message& message) { return message.ts == ts; });
  }

  std::vector<Json> webhooks() const {
    const std::lock_guard lock(mutex_);
    return webhooks_;
  }
  std::vector<Message> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }
  // "webhook", "chat.postMessage"…, of every request.
  std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  // Requests that came before a Retry-After was over.
  int impatient() const {
    const std::lock_guard lock(mutex_);
    return impatient_;
  }
  int count(Mood mood) const {
    const std::lock_guard lock(mutex_);
    const auto at = counts_.find(mood);
    return at == counts_.end() ? 0 : at->second;
  }

 private:
  Mood NextMood() {
    if (!plan_.empty()) {
      const Mood mood = plan_.front();
      plan_.pop_front();
      return mood;
    }
    if (!mad_ || random_() % 2 == 0) return Mood::kWell;
    const auto mood = static_cast<Mood>(1 + random_() % (lose_answers_ ? 6 : 5));
    if (mood == Mood::kTooMany && too_many_-- <= 0) return Mood::kBroken;
    return mood;
  }

  fakes::FakeReply Answer(const fakes::FakeRequest& request) {
    const std::lock_guard lock(mutex_);
    const bool api = request.path.starts_with("/api/");
    const std::string method = api ? request.path.substr(5) : "webhook";
    calls_.push_back(method);
    if (Clock::now() < not_before_) ++impatient_;
    if (const auto at = refused_.find(method); at != refused_.end()) return at->second;
    const Mood mood = NextMood();
    ++counts_[mood];
    switch (mood) {
      case Mood::kTooMany:
        not_before_ = Clock::now() + std::chrono::seconds(1);
        return {.status = 429,
                .headers = {{"Retry-After", "1"}},
                .body = api ? R"({"ok":false,"error":"ratelimited"})" : "rate_limited"};
      case Mood::kBroken:
        return {.status = 500, .body = "rollup_error"};
      case Mood::kWrongBody:
        return {.body = "<html>Sign in to the guest network</html>"};
      case Mood::kNotHttp:
        return {.raw = "\x16\x03\x01 what?\r\n\r\n"};
      case Mood::kNoAnswer:
        return {.close_silently = true};
      default:
        break;
    }
    fakes::FakeReply reply = api ? Api(method, request) : Webhook(request);
    if (mood == Mood::kLostAnswer) return {.close_silently = true};
    return reply;
  }

  fakes::FakeReply Webhook(const fakes::FakeRequest& request) {
    const Json body = Json::parse(request.body, nullptr, false);
    if (body.is_discarded() || request.method != "POST")
      return {.status = 400, .body = "invalid_payload"};
    webhooks_.push_back(body);
    return {.body = "ok"};
  }

  static fakes::FakeReply Say(Json json) {
    return {.headers = {{"Content-Type", "application/json"}}, .body = json.dump()};
  }

  fakes::FakeReply Api(const std::string& method, const fakes::FakeRequest& request) {
    if (request.Header("authorization") != "Bearer xoxb-test")
      return Say({{"ok", false}, {"error", "invalid_auth"}});
    if (method == "conversations.history") {
      Json list = Json::array();
      for (const Message& message : messages_)
        list.push_back({{"ts", message.ts}, {"metadata", message.body.value("metadata", Json())}});
      return Say({{"ok", true}, {"messages", list}});
    }
    const Json body = Json::parse(request.body, nullptr, false);
    if (body.is_discarded()) return Say({{"ok", false}, {"error", "invalid_arguments"}});
    if (method == "chat.postMessage") {
      messages_.push_back({std::to_string(1000 + next_++) + ".000100", body, 0, {body}});
      return Say({{"ok", true}, {"channel", "C0123456789"}, {"ts", messages_.back().ts}});
    }
    for (Message& message : messages_) {
      if (message.ts != body.value("ts", "") || body.value("channel", "") != "C0123456789")
        continue;
      const Json metadata = message.body.value("metadata", Json());
      message.body = body;
      message.body["metadata"] = metadata;
      message.versions.push_back(body);
      ++message.updates;
      return Say({{"ok", true}, {"channel", "C0123456789"}, {"ts", message.ts}});
    }
    return Say({{"ok", false}, {"error", "message_not_found"}});
  }

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::deque<Mood> plan_;
  std::mt19937 random_;
  bool mad_ = false;
  bool lose_answers_ = false;
  int too_many_ = 0;
  int next_ = 0;
  int impatient_ = 0;
  Clock::time_point not_before_;
  std::map<std::string, fakes::FakeReply> refused_;
  std::map<Mood, int> counts_;
  std::vector<Json> webhooks_;
  std::vector<Message> messages_;
  std::vector<std::string> calls_;
  fakes::HttpServer server_;  // last: its threads use the rest
};

}  // namespace heald::slack
