// A detector's opinion of every moment, also of those without a finding; heald/abi/score.h says
// what it is for. A detector has it by a hook beside Process:
//   void Score(const Samples&, Sink&, Scores&);   // all that Process does, and scores.Add(…)
// Thread rule: valid within the call that got it, one thread.
#pragma once

#include <span>
#include <vector>

#include "heald/abi/score.h"
#include "heald/batch.h"

namespace heald::sdk {

class Scores {
 public:
  explicit Scores(const heald_score_sink* sink) : sink_(sink) {}

  // One series that is judged by itself. `because`: only where it is worth a look and no finding is
  // open.
  void Add(heald_series series, int64_t ts_ns, double score,
           std::span<const Contributor> because = {}) {
    contributors_.clear();
    for (const Contributor& c : because)
      contributors_.push_back({detail::Str(c.name), c.share, c.value, c.expected});
    const heald_score out{sizeof out,          series, ts_ns, score, contributors_.data(),
                          contributors_.size()};
    sink_->scores(sink_->ctx, &out, 1, sizeof out);
  }
  // Several series that are judged together. `because`: largest share first, shares sum to 1; empty
  // at moments that are as usual.
  void Add(int64_t ts_ns, double score, std::span<const Contributor> because) {
    Add(HEALD_SERIES_NONE, ts_ns, score, because);
  }

 private:
  const heald_score_sink* sink_;
  std::vector<heald_contributor> contributors_;
};

}  // namespace heald::sdk
