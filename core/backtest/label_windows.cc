#include "core/backtest/label_windows.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/base/units.h"

namespace heald::backtest {
namespace {

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\"";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

Result<std::vector<LabelWindow>> ReadLabelWindows(const std::string& path) {
  std::ifstream in(path);
  if (!in)
    return MakeError(Code::kNotFound, "can't read labels " + path + ": " + std::strerror(errno));
  std::vector<LabelWindow> windows;
  std::string line;
  for (size_t number = 1; std::getline(in, line); ++number) {
    if (Trim(line).empty()) continue;
    const auto wrong = [&](const std::string& why) {
      return MakeError(Code::kInvalid, path + ":" + std::to_string(number) + ": " + why +
                                           ": write start,end or start,end,name");
    };
    const size_t first = line.find(',');
    if (first == std::string::npos) return wrong("there is no comma");
    const size_t second = line.find(',', first + 1);
    const std::string_view text = line;
    const Result<int64_t> start = ParseTime(Trim(text.substr(0, first)));
    const Result<int64_t> end = ParseTime(Trim(text.substr(first + 1, second - first - 1)));
    if (number == 1 && !start && !end) continue;
    if (!start) return wrong(start.error().message);
    if (!end) return wrong(end.error().message);
    if (*end < *start) return wrong("it ends before it starts");
    LabelWindow& window = windows.emplace_back();
    window.start_ns = *start;
    window.end_ns = *end;
    if (second != std::string::npos) window.name = Trim(text.substr(second + 1));
  }
  if (windows.empty()) return MakeError(Code::kInvalid, path + ": there is no label in it");
  std::sort(windows.begin(), windows.end(),
            [](const LabelWindow& a, const LabelWindow& b) { return a.start_ns < b.start_ns; });
  return windows;
}

}  // namespace heald::backtest
