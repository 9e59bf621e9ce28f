#include "plugins/support/recording/sample_line.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace heald::recording {

namespace {

constexpr std::string_view kStart = "{\"t\":";
constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kMaxSeconds = INT64_MAX / kSecondNs - 1;
constexpr double kInf = std::numeric_limits<double>::infinity();

// What is left of a line; blanks between its parts don't matter.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}
  bool Take(char c) {
    SkipBlanks();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool Take(std::string_view word) {
    SkipBlanks();
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  template <typename T>
  bool TakeNumber(T* value) {
    SkipBlanks();
    const auto [at, code] = std::from_chars(at_, end_, *value);
    if (code == std::errc()) at_ = at;
    return code == std::errc();
  }
  // Of a number's fraction; -1: there are more than nine digits, or none.
  int64_t TakeNanos() {
    int64_t nanos = 0;
    int64_t factor = kSecondNs;
    for (; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_) {
      factor /= 10;
      nanos += factor * (*at_ - '0');
      if (factor == 0) return -1;
    }
    return factor == kSecondNs ? -1 : nanos;
  }
  bool AtEnd() {
    SkipBlanks();
    return at_ == end_;
  }

 private:
  void SkipBlanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  const char* at_;
  const char* const end_;
};

bool TakeTime(Cursor* in, int64_t* ts_ns) {
  const bool negative = in->Take('-');
  uint64_t seconds = 0;
  if (!in->TakeNumber(&seconds) || seconds > static_cast<uint64_t>(kMaxSeconds)) return false;
  const int64_t nanos = in->Take('.') ? in->TakeNanos() : 0;
  if (nanos < 0) return false;
  *ts_ns = static_cast<int64_t>(seconds) * kSecondNs + nanos;
  if (negative) *ts_ns = -*ts_ns;
  return true;
}

// JSON has no numbers for these.
bool TakeValue(Cursor* in, double* value) {
  if (!in->Take('"')) return in->TakeNumber(value) && std::isfinite(*value);
  if (in->Take("NaN\""))
    *value = std::numeric_limits<double>::quiet_NaN();
  else if (in->Take("+Inf\""))
    *value = kInf;
  else if (in->Take("-Inf\""))
    *value = -kInf;
  else
    return false;
  return true;
}

template <typename T>
void AppendNumber(T value, std::string* text) {
  char buffer[32];
  text->append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void AppendTime(int64_t ts_ns, std::string* text) {
  if (ts_ns < 0) text->push_back('-');
  const uint64_t ns = ts_ns < 0 ? 0 - static_cast<uint64_t>(ts_ns) : static_cast<uint64_t>(ts_ns);
  AppendNumber(ns / kSecondNs, text);
  if (ns % kSecondNs == 0) return;
  const std::string digits = std::to_string(ns % kSecondNs);
  text->append(1, '.').append(9 - digits.size(), '0').append(digits);
  text->erase(text->find_last_not_of('0') + 1);
}

}  // namespace

bool IsSampleLine(std::string_view line) {
  return line.starts_with(kStart);
}

const char* ParseSampleLine(std::string_view line, size_t series_count, Moment* moment) {
  Cursor in(line);
  moment->samples.clear();
  if (!in.Take(kStart) || !TakeTime(&in, &moment->ts_ns))
    return "the time must be seconds since 1970, with at most nine digits behind the point";
  constexpr const char* kForm = "samples are written {\"t\":1763800000.25,\"v\":[[0,0.5],[1,2]]}";
  if (!in.Take(',') || !in.Take("\"v\"") || !in.Take(':') || !in.Take('[')) return kForm;
  while (!in.Take(']')) {
    if (!moment->samples.empty() && !in.Take(',')) return kForm;
    RecordedSample sample;
    if (!in.Take('[') || !in.TakeNumber(&sample.series) || !in.Take(',')) return kForm;
    if (!TakeValue(&in, &sample.value))
      return "a value must be a number, \"NaN\", \"+Inf\" or \"-Inf\"";
    if (!in.Take(']')) return kForm;
    if (sample.series >= series_count) return "a sample is of a series that no line above declares";
    moment->samples.push_back(sample);
  }
  return in.Take('}') && in.AtEnd() ? nullptr : kForm;
}

void AppendSampleLine(int64_t ts_ns, const RecordedSample* samples, size_t count,
                      std::string* text) {
  text->append(kStart);
  AppendTime(ts_ns, text);
  text->append(",\"v\":[");
  for (size_t i = 0; i < count; ++i) {
    text->append(i == 0 ? "[" : ",[");
    AppendNumber(samples[i].series, text);
    text->push_back(',');
    const double value = samples[i].value;
    if (std::isfinite(value))
      AppendNumber(value, text);
    else
      text->append(std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"+Inf\"" : "\"-Inf\"");
    text->push_back(']');
  }
  text->append("]}\n");
}

}  // namespace heald::recording
