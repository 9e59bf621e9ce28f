// From pushed series to the samples that were asked for: remembers each series by the bytes of its
// labels, so that a known one costs a look-up and nothing else. A message is taken as a whole or,
// when it is damaged, not at all; a series whose labels can't be taken is left out alone; what
// comes a second time changes nothing. Thread rule: one thread at a time, as the hooks of an
// instance.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "heald/batch.h"
#include "heald/host.h"
#include "plugins/sources/remote_write/settings.h"
#include "plugins/sources/remote_write/write_request.h"

namespace heald::remote_write {

class Intake final : private WriteRequestTarget {
 public:
  static constexpr size_t kMostSeries = 500'000;  // remembered, also those that nobody asked for

  // `max_series` smaller in tests.
  Intake(sdk::Host host, const RemoteWriteConfig& config, size_t max_series = kMostSeries);

  // Throws Failure(HEALD_INVALID) for what is no WriteRequest, and what the sink throws: the same
  // message again then goes on where this one stopped.
  void Take(std::string_view message, const sdk::Sink& sink);
  size_t series() const { return series_.size(); }

 private:
  // One series that comes out.
  struct Output {
    const Rule* rule = nullptr;
    sdk::LabelSet labels;
    heald_series handle = HEALD_SERIES_NONE;
    int64_t last_ns = INT64_MIN;
    double last_value = 0;
    bool has_last = false;  // for rates: last_value counts
  };
  // One that comes in; without outputs nobody asked for it, or its labels can't be taken.
  struct Series {
    std::vector<std::shared_ptr<Output>> outputs;
    bool unusable = false;
    uint64_t seen = 0;  // number of the message
  };
  struct Row {
    Output* output = nullptr;
    int64_t ts_ns = 0;
    double value = 0;
  };
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  bool OnSeries(std::string_view label_bytes, std::string* error) override;
  void OnSample(int64_t ts_ms, double value) override;
  void OnHistograms(uint64_t count) override;

  std::string Add(std::string_view label_bytes, Series* series);
  void TellUnusable(std::string_view name, const std::string& why);
  void Emit(const sdk::Sink& sink);
  bool Advance(const Row& row, double* value);
  bool Intern(Output& output);
  void EmitAgain(const std::vector<Row>& rows, const sdk::Sink& sink);
  void Sweep();

  const sdk::Host host_;
  const std::vector<Rule> rules_;
  const std::vector<std::string> drop_labels_;
  const size_t max_series_;
  const sdk::Metric out_of_order_, duplicate_, nan_, future_, histogram_, refused_, unknown_,
      labels_;
  std::unordered_map<std::string, Series, Hash, std::equal_to<>> series_;
  std::map<std::pair<const Rule*, sdk::LabelSet>, std::weak_ptr<Output>> outputs_;
  uint64_t messages_ = 0;
  uint64_t swept_ = 0;      // number of the message at which it was last done
  bool told_full_ = false;  // that kMostSeries is reached
  bool told_unusable_ = false;
  // Of the message at hand:
  const Series* current_ = nullptr;
  std::vector<Row> rows_;
  uint64_t histograms_ = 0;
  uint64_t unknowns_ = 0;
  uint64_t unusable_ = 0;
};

}  // namespace heald::remote_write
