#include "core/cli/backtest.h"

namespace heald::cli {
namespace {

constexpr size_t kMaxIncidents = 2000;  // in the page
constexpr std::string_view kDataMark = "@report@";

}  // namespace

std::string_view BacktestPage();

std::string BacktestHtml(const BacktestReport& report) {
  const std::string json = BacktestJson(report, kMaxIncidents, -1);
  const std::string_view page = BacktestPage();
  const size_t mark = page.find(kDataMark);
  std::string out(page.substr(0, mark));
  // Inside a script element nothing but its end has a meaning.
  for (const char c : json) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out + std::string(page.substr(mark + kDataMark.size()));
}

}  // namespace heald::cli
