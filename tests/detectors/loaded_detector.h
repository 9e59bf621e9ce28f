// A detector as it is shipped: its .so behind the C table, on a fake host. Used by the tests that
// ask the same of every detector. Every call checks what comes back: a finding or score that makes
// no sense fails the test. Thread rule: one thread.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "heald/abi/score.h"
#include "heald/testing.h"

namespace heald::testing {

// Refused is what restore says of a state that it doesn't take.
struct Refused {
  int32_t code = HEALD_OK;
  std::string message;
};

class LoadedDetector {
 public:
  LoadedDetector(sdk::testing::FakeHost& host, const std::string& name) : host_(host), sink_(host) {
    const std::string path = std::string(HEALD_TEST_PLUGIN_DIR) + "/heald_detector_" + name + ".so";
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    const void* const symbol = library == nullptr ? nullptr : dlsym(library, HEALD_PLUGIN_SYMBOL);
    if (symbol == nullptr) throw sdk::Failure(HEALD_UNAVAILABLE, path + ": " + dlerror());
    component_ = static_cast<const heald_plugin*>(symbol)->components[0];
    table_ = static_cast<const heald_detector_vtable*>(component_->vtable);
    Create(name);
  }
  LoadedDetector(const LoadedDetector&) = delete;
  LoadedDetector& operator=(const LoadedDetector&) = delete;
  ~LoadedDetector() { component_->destroy(self_); }

  // One sample of each series, by way of Score where the detector has it.
  void Feed(const std::vector<heald_series>& series, const std::vector<double>& values,
            int64_t ts_ns) {
    const std::vector<int64_t> times(series.size(), ts_ns);
    const heald_samples samples{
        sizeof(heald_samples), 0,      series.data(), times.data(), values.data(),
        series.size(),         nullptr};
    heald_error error = sdk::detail::NewError();
    const auto* const extension =
        component_->get_extension == nullptr
            ? nullptr
            : static_cast<const heald_score_extension*>(
                  component_->get_extension(sdk::detail::Str(std::string_view(HEALD_EXT_SCORE))));
    const int32_t code =
        extension == nullptr
            ? table_->samples(self_, &samples, sink_.table(), &error)
            : extension->score(self_, &samples, sink_.table(), scores_.table(), &error);
    ASSERT_EQ(code, HEALD_OK) << error.message;
    for (const auto& scored : scores_.Take()) ASSERT_FALSE(std::isnan(scored.score));
    TakeFindings();
  }
  void Log(std::string_view text, heald_series stream, int64_t ts_ns) {
    heald_log_line line{};
    line.size = sizeof line;
    line.stream = stream;
    line.ts_ns = ts_ns;
    line.line = sdk::detail::Str(text);
    heald_error error = sdk::detail::NewError();
    ASSERT_EQ(table_->logs(self_, &line, 1, sizeof line, sink_.table(), &error), HEALD_OK)
        << error.message;
    TakeFindings();
  }
  void Tick() {
    heald_error error = sdk::detail::NewError();
    if (table_->tick != nullptr) {
      ASSERT_EQ(table_->tick(self_, host_.now_ns(), sink_.table(), &error), HEALD_OK)
          << error.message;
    }
    TakeFindings();
  }
  void Expire(const std::vector<heald_series>& series) {
    if (table_->expired != nullptr)
      table_->expired(self_, series.data(), series.size(), sink_.table());
    TakeFindings();
  }
  std::string Snapshot() {
    heald_error error = sdk::detail::NewError();
    heald_str state{};
    EXPECT_EQ(table_->snapshot(self_, &state, &error), HEALD_OK) << error.message;
    return std::string(sdk::detail::View(state));
  }
  Refused Restore(std::string_view state) {
    heald_error error = sdk::detail::NewError();
    const int32_t code = table_->restore(self_, sdk::detail::Str(state), &error);
    return {code, error.message};
  }

  // Findings that were opened, and those of them that haven't been cleared.
  size_t opened() const { return opened_; }
  size_t open() const { return open_.size(); }

 private:
  // The defaults, with a threshold of 100 where one is needed.
  void Create(const std::string& name) {
    heald_value limit{};
    limit.kind = HEALD_VALUE_DOUBLE;
    limit.as.number = 100;
    const heald_member warning{sdk::detail::Str(std::string_view("warning")), limit};
    heald_value bounds{};
    bounds.kind = HEALD_VALUE_MAP;
    bounds.as.map = &warning;
    bounds.count = 1;
    const heald_member above{sdk::detail::Str(std::string_view("above")),
                             name == "threshold" ? bounds : limit};
    heald_value config{};
    config.kind = HEALD_VALUE_MAP;
    config.as.map = &above;
    config.count = name == "threshold" || name == "trend" ? 1 : 0;
    heald_error error = sdk::detail::NewError();
    sdk::detail::Check(component_->create(host_.table(), &config, &self_, &error), error);
  }

  void TakeFindings() {
    for (const sdk::Finding& finding : sink_.TakeFindings()) {
      ASSERT_NE(finding.id, 0u);
      ASSERT_FALSE(std::isnan(finding.score)) << finding.summary;
      ASSERT_TRUE(finding.confidence >= 0 && finding.confidence <= 1) << finding.confidence;
      double shares = 0;
      for (const sdk::Contributor& contributor : finding.contributors) shares += contributor.share;
      ASSERT_TRUE(finding.contributors.empty() || std::fabs(shares - 1) < 1e-6) << shares;
      if (finding.state == sdk::FindingState::kOpen) {
        ++opened_;
        ASSERT_TRUE(open_.insert(finding.id).second) << "opened twice";
      } else if (finding.state == sdk::FindingState::kClear) {
        ASSERT_EQ(open_.erase(finding.id), 1u) << "cleared, but not open";
      } else {
        ASSERT_EQ(open_.count(finding.id), 1u) << "updated, but not open";
      }
    }
  }

  sdk::testing::FakeHost& host_;
  sdk::testing::FakeSink sink_;
  sdk::testing::FakeScores scores_;
  const heald_component* component_ = nullptr;
  const heald_detector_vtable* table_ = nullptr;
  void* self_ = nullptr;
  std::set<uint64_t> open_;
  size_t opened_ = 0;
};

}  // namespace heald::testing
