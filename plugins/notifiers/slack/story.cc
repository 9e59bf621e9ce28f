#include "plugins/notifiers/slack/story.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace heald::slack {
namespace {

using StoryJson = nlohmann::json;

constexpr size_t kSteps = 20;
constexpr size_t kEvents = 200;
constexpr auto kKept = std::chrono::hours(24 * 30);
constexpr int64_t kPruneEveryNs = 3'600'000'000'000;

StoryJson ToJson(const Story& s) {
  return {{"channel", s.channel},
          {"channel_id", s.channel_id},
          {"ts", s.ts},
          {"posting", s.posting},
          {"posting_ns", s.posting_ns},
          {"awaits_approval", s.awaits_approval},
          {"approval_link", s.approval_link},
          {"approval_words", s.approval_words},
          {"policy", s.policy},
          {"steps", s.steps},
          {"dropped_steps", s.dropped_steps},
          {"events", s.events},
          {"told", s.told}};
}

Story FromJson(const StoryJson& json) {
  Story s;
  json.at("channel").get_to(s.channel);
  json.at("channel_id").get_to(s.channel_id);
  json.at("ts").get_to(s.ts);
  json.at("posting").get_to(s.posting);
  json.at("posting_ns").get_to(s.posting_ns);
  json.at("awaits_approval").get_to(s.awaits_approval);
  s.approval_link = json.value("approval_link", "");
  s.approval_words = json.value("approval_words", "");
  json.at("policy").get_to(s.policy);
  json.at("steps").get_to(s.steps);
  json.at("dropped_steps").get_to(s.dropped_steps);
  json.at("events").get_to(s.events);
  json.at("told").get_to(s.told);
  return s;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string Dump(const StoryJson& json) {
  return json.dump(-1, ' ', false, StoryJson::error_handler_t::replace);
}

}  // namespace

bool Story::Contains(std::string_view event) const {
  return std::find(events.begin(), events.end(), event) != events.end();
}

void Story::AddEvent(std::string_view event) {
  events.emplace_back(event);
  if (events.size() > kEvents) events.erase(events.begin());
}

void Story::AddStep(std::string text) {
  steps.push_back(std::move(text));
  if (steps.size() <= kSteps) return;
  steps.erase(steps.begin());
  ++dropped_steps;
}

Stories::Stories(sdk::Host host)
    : host_(host), folder_(std::string(host.StateDir()) + "/messages") {
  std::error_code ignored;  // writing says it better
  std::filesystem::create_directories(folder_, ignored);
  const StoryJson ids = StoryJson::parse(ReadFile(folder_ + "/channels"), nullptr, false);
  if (!ids.is_object()) return;
  for (const auto& [channel, id] : ids.items())
    if (id.is_string()) channel_ids_[channel] = id;
}

std::string Stories::PathOf(const std::string& key) const {
  constexpr char kHex[] = "0123456789abcdef";
  std::string name = "story-";
  for (const char c : key) {
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')) {
      name += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      ((name += '_') += kHex[byte >> 4]) += kHex[byte & 15];
    }
  }
  return folder_ + "/" + name.substr(0, 200);
}

Story Stories::Get(const std::string& key) {
  if (const auto at = unsaved_.find(key); at != unsaved_.end()) return at->second;
  const std::string path = PathOf(key);
  const std::string text = ReadFile(path);
  if (text.empty()) return {};
  try {
    return FromJson(StoryJson::parse(text));
  } catch (const StoryJson::exception&) {
    host_.Log(
        sdk::Level::kWarning,
        path + " is damaged: the incident gets a new message, and the old one stays as it is");
    return {};
  }
}

void Stories::Save(const std::string& key, const Story& story) {
  unsaved_[key] = story;
  for (auto at = unsaved_.begin(); at != unsaved_.end();) {
    try {
      Write(PathOf(at->first), Dump(ToJson(at->second)));
      at = unsaved_.erase(at);
      complained_ = false;
    } catch (const std::exception& e) {
      if (!std::exchange(complained_, true))
        host_.Log(sdk::Level::kWarning,
                  std::string("can't keep where the messages are: ") + e.what() +
                      "; after a restart, open incidents would get a second message");
      return;
    }
  }
  Prune();
}

void Stories::Write(const std::string& path, const std::string& text) {
  std::ofstream out(path + ".new", std::ios::binary | std::ios::trunc);
  out.exceptions(std::ios::failbit | std::ios::badbit);
  out << text;
  out.close();
  std::filesystem::rename(path + ".new", path);
}

void Stories::Prune() {
  const int64_t now_ns = host_.MonotonicNs();
  if (pruned_ns_ != 0 && now_ns - pruned_ns_ < kPruneEveryNs) return;
  pruned_ns_ = now_ns;
  std::error_code ignored;
  const auto oldest = std::filesystem::file_time_type::clock::now() - kKept;
  for (const auto& file : std::filesystem::directory_iterator(folder_, ignored))
    if (file.path().filename() != "channels" && file.last_write_time(ignored) < oldest)
      std::filesystem::remove(file.path(), ignored);
}

std::string Stories::ChannelId(const std::string& channel) const {
  const bool is_id =
      channel.size() >= 8 && std::string_view("CGD").find(channel[0]) < 3 &&
      channel.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == std::string::npos;
  if (is_id) return channel;
  const auto at = channel_ids_.find(channel);
  return at == channel_ids_.end() ? "" : at->second;
}

void Stories::LearnChannelId(const std::string& channel, const std::string& id) {
  if (id.empty() || ChannelId(channel) == id) return;
  channel_ids_[channel] = id;
  try {
    Write(folder_ + "/channels", Dump(channel_ids_));
  } catch (const std::exception&) {
    // It is learnt again with the next message.
    return;
  }
}

}  // namespace heald::slack
