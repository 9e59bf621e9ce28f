#include "plugins/sources/scrape/exposition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "plugins/support/number.h"

namespace heald::scrape {
namespace {

enum : uint8_t { kNameStart = 1, kNameRest = 2, kLabelStart = 4, kLabelRest = 8 };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    const bool digit = c >= '0' && c <= '9';
    if (letter) classes[c] = kNameStart | kNameRest | kLabelStart | kLabelRest;
    if (digit) classes[c] = kNameRest | kLabelRest;
    if (c == ':') classes[c] = kNameStart | kNameRest;
  }
  return classes;
}();

bool Is(char c, uint8_t wanted) {
  return (kClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

// Length of the UTF-8 sequence at `text`, 0 where there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  size_t length = 0;
  uint32_t smallest = 0;
  uint32_t code = 0;
  if (lead < 0x80) return 1;
  if ((lead & 0xe0) == 0xc0) {
    length = 2, smallest = 0x80, code = lead & 0x1f;
  } else if ((lead & 0xf0) == 0xe0) {
    length = 3, smallest = 0x800, code = lead & 0x0f;
  } else if ((lead & 0xf8) == 0xf0) {
    length = 4, smallest = 0x10000, code = lead & 0x07;
  } else {
    return 0;
  }
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3f);
  }
  const bool surrogate = code >= 0xd800 && code < 0xe000;
  return code < smallest || code > 0x10ffff || surrogate ? 0 : length;
}

// First byte that isn't UTF-8, or npos.
size_t FindBadUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    for (uint64_t word = 0; i + sizeof word <= text.size(); i += sizeof word) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080808080808080u) != 0) break;
    }
    for (size_t stop = std::min(i + 8, text.size()); i < stop;) {
      const size_t length = Utf8Length(text.substr(i));
      if (length == 0) return i;
      i += length;
    }
  }
  return std::string_view::npos;
}

}  // namespace

TextFormat FormatOf(std::string_view content_type) {
  return content_type.starts_with("application/openmetrics-text") ? TextFormat::kOpenMetrics
                                                                  : TextFormat::kPrometheus;
}

sdk::LabelSet ParseLabels(std::string_view labels) {
  sdk::LabelSet out;
  size_t at = 0;
  while (true) {
    while (at < labels.size() && !Is(labels[at], kLabelStart)) ++at;
    if (at == labels.size()) return out;
    const size_t name = at;
    while (Is(labels[at], kLabelRest)) ++at;
    const std::string_view key = labels.substr(name, at - name);
    std::string value;
    for (at = labels.find('"', at) + 1; labels[at] != '"'; ++at) {
      const char next = labels[at] == '\\' ? labels[at + 1] : 0;
      if (next == 'n') {
        value += '\n', ++at;
      } else if (next == '"' || next == '\\') {
        value += next, ++at;
      } else {
        value += labels[at];
      }
    }
    ++at;
    if (!value.empty()) out.Set(key, value);
  }
}

ExpositionReader::ExpositionReader(std::string_view page, TextFormat format)
    : page_(page), format_(format), at_(page.data()), end_(page.data() + page.size()) {
  if (const size_t bad = FindBadUtf8(page); bad != std::string_view::npos)
    Fail(page.data() + bad, "UTF-8");
}

bool ExpositionReader::Fail(const char* at, std::string_view wanted) {
  const auto line = std::count(page_.data(), at, '\n') + 1;
  std::string found = "the end of the page";
  if (at != end_ && *at == '\n') {
    found = "the end of the line";
  } else if (at != end_) {
    const char* stop = std::min(std::find(at, end_, '\n'), at + std::min<ptrdiff_t>(end_ - at, 20));
    found.assign(1, '\'');
    for (const char* c = at; c != stop; ++c) found += *c >= 0x20 && *c < 0x7f ? *c : '?';
    found += '\'';
  }
  error_ =
      "line " + std::to_string(line) + ": expected " + std::string(wanted) + ", found " + found;
  return false;
}

std::string_view ExpositionReader::Token() {
  const char* begin = at_;
  while (at_ != end_ && *at_ != ' ' && *at_ != '\t' && *at_ != '\n') ++at_;
  return {begin, static_cast<size_t>(at_ - begin)};
}

bool ExpositionReader::ReadSeries(ExposedSample* sample) {
  const char* begin = at_;
  if (!Is(*at_, kNameStart)) return Fail(at_, "a metric name");
  while (at_ != end_ && Is(*at_, kNameRest)) ++at_;
  sample->name = {begin, static_cast<size_t>(at_ - begin)};
  sample->series = sample->name;
  sample->labels = {};
  SkipBlanks();
  if (at_ == end_ || *at_ != '{') return true;
  const char* labels = ++at_;
  while (true) {
    SkipBlanks();
    if (at_ != end_ && *at_ == '}') break;
    if (at_ == end_ || !Is(*at_, kLabelStart)) return Fail(at_, "a label name or '}'");
    while (at_ != end_ && Is(*at_, kLabelRest)) ++at_;
    SkipBlanks();
    if (at_ == end_ || *at_ != '=') return Fail(at_, "'='");
    ++at_;
    SkipBlanks();
    if (at_ == end_ || *at_ != '"') return Fail(at_, "'\"'");
    const char* value = at_++;
    while (at_ != end_ && *at_ != '"' && *at_ != '\n')
      at_ += *at_ == '\\' && end_ - at_ > 1 ? 2 : 1;
    if (at_ == end_ || *at_ != '"') return Fail(value, "a label value that ends in '\"'");
    ++at_;
    SkipBlanks();
    if (at_ != end_ && *at_ == ',')
      ++at_;
    else if (at_ == end_ || *at_ != '}')
      return Fail(at_, "',' or '}'");
  }
  sample->labels = {labels, static_cast<size_t>(at_ - labels)};
  ++at_;
  sample->series = {begin, static_cast<size_t>(at_ - begin)};
  return true;
}

bool ExpositionReader::ReadValue(double* value) {
  SkipBlanks();
  const char* begin = at_;
  if (!support::ParseNumber(Token(), value)) return Fail(begin, "a value");
  return true;
}

// Milliseconds as an integer, or seconds in OpenMetrics.
bool ExpositionReader::ReadTimestamp(int64_t* ts_ns) {
  const char* begin = at_;
  const std::string_view token = Token();
  const double per_ms = format_ == TextFormat::kOpenMetrics ? 1e3 : 1;
  constexpr double kMaxMs = 9.2e12;  // what nanoseconds can count
  double number = 0;
  if (!support::ParseNumber(token, &number) || !(std::abs(number * per_ms) <= kMaxMs))
    return Fail(begin, "a timestamp");
  if (per_ms == 1 && number != std::floor(number))
    return Fail(begin, "a timestamp in whole milliseconds");
  *ts_ns = static_cast<int64_t>(std::llround(number * per_ms)) * 1'000'000;
  return true;
}

bool ExpositionReader::ReadComment() {
  const char* stop = std::find(at_, end_, '\n');
  if (format_ == TextFormat::kOpenMetrics && std::string_view(at_, stop) == "# EOF") ended_ = true;
  at_ = stop;
  return true;
}

bool ExpositionReader::Next(ExposedSample* sample) {
  while (error_.empty()) {
    while (at_ != end_ && (*at_ == '\n' || *at_ == ' ' || *at_ == '\t')) ++at_;
    if (at_ == end_)
      return format_ == TextFormat::kOpenMetrics && !ended_ ? Fail(at_, "'# EOF'") : false;
    if (ended_) return Fail(at_, "nothing after '# EOF'");
    if (*at_ == '#') {
      ReadComment();
      continue;
    }
    if (!ReadSeries(sample) || !ReadValue(&sample->value)) return false;
    sample->ts_ns = 0;
    SkipBlanks();
    if (at_ != end_ && *at_ != '\n' && *at_ != '#') {
      if (!ReadTimestamp(&sample->ts_ns)) return false;
      SkipBlanks();
    }
    if (at_ != end_ && *at_ == '#' && format_ == TextFormat::kOpenMetrics)
      at_ = std::find(at_, end_, '\n');  // an exemplar
    if (at_ != end_ && *at_ != '\n') return Fail(at_, "the end of the line");
    return true;
  }
  return false;
}

}  // namespace heald::scrape
