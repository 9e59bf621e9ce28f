#include "tests/fakes/kubernetes/cluster.h"

#include <cstdio>
#include <ctime>

namespace heald::fakes::kubernetes {
namespace {

// No vowels: a generated name must not spell a word.
constexpr char kLetters[] = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kLetterCount = sizeof kLetters - 1;

}  // namespace

Cluster::Cluster(bool manual, double speed)
    : manual_(manual),
      speed_(speed),
      epoch_ms_(std::chrono::duration_cast<std::chrono::milliseconds>(
                    std::chrono::system_clock::now().time_since_epoch())
                    .count()) {}

int64_t Cluster::NowMs() const {
  if (manual_) return epoch_ms_ + offset_ms_;
  const std::chrono::duration<double, std::milli> run = std::chrono::steady_clock::now() - started_;
  return epoch_ms_ + offset_ms_ + static_cast<int64_t>(run.count() * speed_);
}

std::string Cluster::Time(int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

int64_t Cluster::ParseMs(const std::string& time) {
  std::tm parts{};
  if (strptime(time.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
  return static_cast<int64_t>(timegm(&parts)) * 1000;
}

std::string Cluster::NewUid() {
  const uint64_t high = random_();
  const uint64_t low = random_();
  char text[40];
  std::snprintf(text, sizeof text, "%08x-%04x-4%03x-a%03x-%012llx",
                static_cast<unsigned>(high >> 32U), static_cast<unsigned>(high & 0xffffU),
                static_cast<unsigned>((high >> 16U) & 0xfffU), static_cast<unsigned>(low >> 52U),
                static_cast<unsigned long long>(low & 0xffffffffffffULL));
  return text;
}

std::string Cluster::NewSuffix() {
  std::string suffix;
  for (int i = 0; i < 5; ++i) suffix += kLetters[random_() % kLetterCount];
  return suffix;
}

std::string Cluster::HashOf(const Json& value) {
  uint32_t hash = 2166136261U;
  for (const char c : value.dump()) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::string text = std::to_string(hash);
  for (char& c : text) c = kLetters[static_cast<unsigned char>(c) % kLetterCount];
  return text;
}

}  // namespace heald::fakes::kubernetes
