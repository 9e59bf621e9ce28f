// What has been told of one incident so far: where its message is, what it says was done. Kept in
// the node's state folder, one small file each, so that a restart goes on with the same message.
// Used by the notifier. Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "heald/plugin.h"

namespace heald::slack {

struct Story {
  std::string channel;  // as configured when the message was posted
  std::string channel_id;
  std::string ts;       // Slack's name of the message; empty: there is none yet
  std::string posting;  // event whose post may have got through, though no answer said so
  int64_t posting_ns = 0;
  bool awaits_approval = false;
  std::string approval_link;  // while it does; empty: there is none
  std::string approval_words;
  std::string policy;
  std::vector<std::string> steps;   // in mrkdwn
  uint64_t dropped_steps = 0;       // older ones that are no longer kept
  std::vector<std::string> events;  // ids of those it contains
  std::vector<std::string> told;    // by a webhook, each once: "opened", "refused restart_slow"

  bool Contains(std::string_view event) const;
  void AddEvent(std::string_view event);
  void AddStep(std::string text);
};

class Stories {
 public:
  explicit Stories(sdk::Host host);

  // A new one where there is none, or none that can be read.
  Story Get(const std::string& key);
  // Told, kept in memory and tried again with the next where the disk doesn't take it.
  void Save(const std::string& key, const Story& story);

  // Ids of channels that are configured by name, learnt from Slack's answers.
  std::string ChannelId(const std::string& channel) const;
  void LearnChannelId(const std::string& channel, const std::string& id);

 private:
  std::string PathOf(const std::string& key) const;
  void Write(const std::string& path, const std::string& text);
  void Prune();

  sdk::Host host_;
  std::string folder_;
  std::map<std::string, std::string> channel_ids_;
  std::map<std::string, Story> unsaved_;
  bool complained_ = false;
  int64_t pruned_ns_ = 0;
};

}  // namespace heald::slack
