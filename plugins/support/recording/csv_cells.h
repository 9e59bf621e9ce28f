// One line of CSV as cells, and cells as numbers. Used by the readers of CSV here.
// Thread rule: one thread per CsvCells; pure functions.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace heald::recording {

class CsvCells {
 public:
  // Null: done; otherwise what is wrong with the cell at cells().size(). The cells refer to `line`.
  const char* Split(std::string_view line);
  const std::vector<std::string_view>& cells() const { return cells_; }

 private:
  std::vector<std::string_view> cells_;
  std::deque<std::string> unquoted_;  // cells with doubled quotes in them
};

// Without blanks around it.
std::string_view Trim(std::string_view text);
// Empty, NaN, null and the like: no sample.
bool IsMissing(std::string_view cell);
bool ParseCell(std::string_view cell, double* value);
// What a first column of times may be called.
bool IsTimeName(std::string_view name);

}  // namespace heald::recording
