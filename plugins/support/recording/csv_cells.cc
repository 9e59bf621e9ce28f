#include "plugins/support/recording/csv_cells.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>

namespace heald::recording {

namespace {

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

bool IsMissing(std::string_view cell) {
  if (cell.empty()) return true;
  if (cell.size() > 4) return false;
  const std::string lower = Lower(cell);
  return lower == "nan" || lower == "na" || lower == "null" || lower == "none";
}

bool ParseCell(std::string_view cell, double* value) {
  const char* begin = cell.data();
  const char* const end = begin + cell.size();
  if (begin != end && *begin == '+') ++begin;
  const auto [at, code] = std::from_chars(begin, end, *value);
  if (at != end) return false;
  if (code == std::errc()) return true;
  if (code != std::errc::result_out_of_range) return false;
  *value = std::strtod(std::string(cell).c_str(), nullptr);  // 0 or infinite, as it should be
  return true;
}

bool IsTimeName(std::string_view name) {
  const std::string lower = Lower(name);
  for (const char* known : {"timestamp", "time", "ts", "date", "datetime"})
    if (lower == known) return true;
  return false;
}

const char* CsvCells::Split(std::string_view line) {
  cells_.clear();
  unquoted_.clear();
  std::string_view rest = line;
  for (;;) {
    size_t comma = rest.find(',');
    std::string_view cell = Trim(rest.substr(0, comma));
    if (cell.starts_with('"')) {
      const size_t from = static_cast<size_t>(cell.data() - rest.data()) + 1;
      bool doubled = false;
      size_t quote = rest.find('"', from);
      while (quote != std::string_view::npos && rest.substr(quote + 1, 1) == "\"") {
        doubled = true;
        quote = rest.find('"', quote + 2);
      }
      if (quote == std::string_view::npos) return "a quote is opened and not closed on this line";
      cell = rest.substr(from, quote - from);
      comma = rest.find(',', quote);
      if (!Trim(rest.substr(quote + 1, std::min(comma, rest.size()) - quote - 1)).empty())
        return "there is something behind the closing quote";
      if (doubled) {
        std::string& text = unquoted_.emplace_back();
        for (size_t i = 0; i < cell.size(); ++i) {
          text += cell[i];
          if (cell[i] == '"') ++i;
        }
        cell = text;
      }
    }
    cells_.push_back(cell);
    if (comma == std::string_view::npos) return nullptr;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace heald::recording
