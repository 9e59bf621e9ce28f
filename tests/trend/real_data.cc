#include "tests/trend/real_data.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace heald::trend::testing {

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> FilesBelow(const fs::path& folder, const std::string& ending) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder, error))
    if (entry.path().string().ends_with(ending)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Values> GzippedColumns(const fs::path& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), &gzclose);
  std::vector<Values> columns;
  char line[8192];
  while (in != nullptr && gzgets(in.get(), line, sizeof line) != nullptr) {
    size_t column = 0;
    for (char* at = line; *at != '\0' && *at != '\n'; ++column) {
      if (column == columns.size()) columns.emplace_back();
      columns[column].push_back(std::strtod(at, &at));
      if (*at == ',') ++at;
    }
  }
  return columns;
}

// False: it hardly varies.
bool Standardise(Values& values) {
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / static_cast<double>(values.size());
  for (const double v : values) squares += (v - mean) * (v - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(values.size()));
  if (deviation < 1e-4) return false;
  for (double& v : values) v = (v - mean) / deviation;
  return true;
}

}  // namespace

std::string DataFolder() {
  const char* const shared = std::getenv("HEALD_SHARED");
  const fs::path folder =
      (shared != nullptr ? fs::path(shared) : fs::path(HEALD_SOURCE_DIR) / ".." / "shared") /
      "data";
  return fs::exists(folder / "smd" / "train") && fs::exists(folder / "nab") ? folder.string() : "";
}

std::vector<Column> SmdTraining(const std::string& folder) {
  std::vector<Column> all;
  for (const fs::path& file : FilesBelow(fs::path(folder) / "smd" / "train", ".csv.gz")) {
    int number = 0;
    for (Values& values : GzippedColumns(file)) {
      ++number;
      if (!Standardise(values)) continue;
      all.push_back(
          {file.stem().stem().string() + " m" + std::to_string(number), std::move(values)});
    }
  }
  return all;
}

std::vector<Column> Nab(const std::string& folder) {
  std::vector<Column> all;
  for (const fs::path& file : FilesBelow(fs::path(folder) / "nab", ".csv")) {
    std::ifstream in(file);
    Column column{file.stem().string(), {}};
    std::string line;
    std::getline(in, line);  // the header
    while (std::getline(in, line))
      column.values.push_back(std::strtod(line.c_str() + line.find(',') + 1, nullptr));
    if (!column.values.empty()) all.push_back(std::move(column));
  }
  return all;
}

}  // namespace heald::trend::testing
