#include "core/api/attempts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <functional>

#include "core/base/sha256.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

constexpr int64_t kWindowNs = kMinute;

}  // namespace

std::string AttemptKey(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));
  std::array<char, 16> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  return HexOf({bytes.data(), 8}) + "/64";
}

int64_t Attempts::WaitNs(std::string_view address, int64_t now_ns) {
  const std::string key = AttemptKey(address);
  const std::lock_guard lock(mutex_);
  const auto at = windows_.find(key);
  if (at == windows_.end()) return 0;
  const int64_t left_ns = at->second.began_ns + kWindowNs - now_ns;
  if (left_ns <= 0) {
    windows_.erase(at);
    return 0;
  }
  return at->second.tokens.size() < kPerMinute ? 0 : left_ns;
}

bool Attempts::Failed(std::string_view address, std::string_view token, int64_t now_ns) {
  const std::string key = AttemptKey(address);
  const uint64_t hash = std::hash<std::string_view>()(token);
  const std::lock_guard lock(mutex_);
  auto at = windows_.find(key);
  if (at == windows_.end()) {
    if (windows_.size() >= kMaxAddresses) DropOldest();
    at = windows_.emplace(key, Window{now_ns, {}}).first;
  }
  Window& window = at->second;
  if (now_ns - window.began_ns >= kWindowNs) window = {now_ns, {}};
  if (window.tokens.size() >= kPerMinute ||
      std::find(window.tokens.begin(), window.tokens.end(), hash) != window.tokens.end())
    return false;
  window.tokens.push_back(hash);
  return window.tokens.size() == kPerMinute;
}

// The one whose minute ends first. Who has more addresses than fit can make itself forgotten, but
// nobody else be refused.
void Attempts::DropOldest() {
  windows_.erase(std::min_element(
      windows_.begin(), windows_.end(),
      [](const auto& a, const auto& b) { return a.second.began_ns < b.second.began_ns; }));
}

size_t Attempts::addresses() {
  const std::lock_guard lock(mutex_);
  return windows_.size();
}

}  // namespace heald::api
