// Reads the Prometheus text format (0.0.4) and OpenMetrics 1.0 text, sample by sample, without
// copying. Checks every line; what a page says after its first mistake isn't used, as Prometheus
// does it.
// Thread rule: a reader belongs to one thread; the functions are pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "heald/host.h"

namespace heald::scrape {

enum class TextFormat { kPrometheus, kOpenMetrics };

// By the answer's Content-Type.
TextFormat FormatOf(std::string_view content_type);

// Views into the page.
struct ExposedSample {
  std::string_view name;
  std::string_view series;  // name and labels as written: equal text is the same series
  std::string_view labels;  // what stands between the braces
  double value = 0;
  int64_t ts_ns = 0;  // 0: none given
};

class ExpositionReader {
 public:
  ExpositionReader(std::string_view page, TextFormat format);

  // False: the end, or a mistake.
  bool Next(ExposedSample* sample);
  // "line 12: …"; empty while all is well.
  const std::string& error() const { return error_; }

 private:
  bool Fail(const char* at, std::string_view wanted);
  bool ReadSeries(ExposedSample* sample);
  bool ReadValue(double* value);
  bool ReadTimestamp(int64_t* ts_ns);
  bool ReadComment();
  std::string_view Token();
  void SkipBlanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t')) ++at_;
  }

  const std::string_view page_;
  const TextFormat format_;
  const char* at_;
  const char* end_;
  bool ended_ = false;  // "# EOF" was seen
  std::string error_;
};

// The labels of a sample that ExpositionReader accepted; empty values are left out, as they mean
// the same as no label. The last of two with one name wins.
sdk::LabelSet ParseLabels(std::string_view labels);

}  // namespace heald::scrape
