// Reads what Alertmanager posts to a webhook receiver (version 4).
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "heald/host.h"

namespace heald::alertmanager {

struct Alert {
  bool firing = true;
  sdk::LabelSet labels;
  sdk::LabelSet annotations;
  std::string fingerprint;
  std::string url;      // of the expression that fired
  int64_t from_ns = 0;  // 0: it doesn't say
  int64_t to_ns = 0;    // resolved ones
};

struct Webhook {
  std::vector<Alert> alerts;  // those that are understood
  std::string damage;         // of the first that isn't; empty: all are
  std::string receiver;
  std::string group;
  uint64_t truncated = 0;  // alerts that the sender left out
};

// Empty, or what is wrong with all of it.
std::string ReadWebhook(std::string_view body, Webhook* webhook);

}  // namespace heald::alertmanager
