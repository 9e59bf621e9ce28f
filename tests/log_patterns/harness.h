// Drives log_patterns through its C table, line by line on the fake clock. Thread rule: one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "heald/testing.h"
#include "plugins/detectors/log_patterns/detector.h"

namespace heald::log_patterns {

inline const sdk::LabelSet kShop{{"service", "shop"}};

// A word of letters, so that nothing of it is masked; another one for each number.
inline std::string Word(uint64_t number) {
  std::string word;
  for (uint64_t left = number * 0x9e3779b97f4a7c15u >> 32, i = 0; i < 7; ++i, left /= 26)
    word += static_cast<char>('a' + left % 26);
  return word;
}

class Harness {
 public:
  static constexpr int64_t kSecond = 1'000'000'000;

  explicit Harness(const Config& config = {}) : detector_(host_.host(), config) {}

  sdk::testing::FakeHost& host() { return host_; }
  Detector& detector() { return detector_; }
  int64_t now_ns() const { return host_.now_ns(); }
  // One line at the clock's time.
  void Feed(const sdk::LabelSet& labels, std::string_view text,
            uint32_t severity = HEALD_SEVERITY_NORMAL) {
    FeedAt(labels, text, host_.now_ns(), severity);
  }
  void FeedAt(const sdk::LabelSet& labels, std::string_view text, int64_t ts_ns,
              uint32_t severity = HEALD_SEVERITY_NORMAL) {
    heald_log_line line{};
    line.size = sizeof line;
    line.severity = severity;
    line.stream = labels.items().empty() ? HEALD_SERIES_NONE : host_.host().Intern("app", labels);
    line.ts_ns = ts_ns;
    line.line = sdk::detail::Str(text);
    heald_error error = sdk::detail::NewError();
    sdk::detail::Check(
        Detector::VTable()->logs(&detector_, &line, 1, sizeof line, sink_.table(), &error), error);
  }
  // The clock goes on, a tick each second. What the latest said is wrong is in trouble().
  void Pass(int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      host_.Advance(sdk::Seconds(1));
      heald_error error = sdk::detail::NewError();
      const int32_t code =
          Detector::VTable()->tick(&detector_, host_.now_ns(), sink_.table(), &error);
      if (code != HEALD_UNAVAILABLE) sdk::detail::Check(code, error);
      trouble_ = code == HEALD_OK ? "" : error.message;
    }
  }
  const std::string& trouble() const { return trouble_; }
  // `seconds` of life as usual: a request and a heartbeat every second.
  void Usual(const sdk::LabelSet& labels, int64_t seconds) {
    for (int64_t i = 0; i < seconds; ++i) {
      Pass(1);
      Feed(labels, "request " + std::to_string(i) + " served in " + std::to_string(i % 7) + " ms");
      Feed(labels, "heartbeat ok");
    }
  }
  void Expire(const sdk::LabelSet& labels) {
    const heald_series series = host_.host().Intern("app", labels);
    host_.Expire(series);
    Detector::VTable()->expired(&detector_, &series, 1, sink_.table());
  }
  std::vector<sdk::Finding> Take() { return sink_.TakeFindings(); }

 private:
  sdk::testing::FakeHost host_;
  sdk::testing::FakeSink sink_{host_};
  Detector detector_;
  std::string trouble_;
};

}  // namespace heald::log_patterns
