// Labelled metrics on disk, in the layout of the given data: hosts (smd) and single series with
// windows (nab); and generated data in the same layout for those who have none.
// Thread rule: pure, apart from the files.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/detection/vus_pr.h"

namespace heald::bench {

struct Cause {
  Interval rows;
  std::vector<std::string> columns;  // what caused it, as the columns are called: m1…
};

struct Host {
  std::string name;
  std::string train;  // paths
  std::string test;
  std::vector<char> labels;  // of the test rows
  std::vector<Cause> causes;
  size_t max_buffer = 100;
};

struct WindowedFile {
  std::string name;  // folder/file.csv
  std::string path;
  size_t rows = 0;
  std::vector<Interval> windows;
};

// Empty: there are none there.
std::vector<Host> LoadHosts(const std::string& folder);
std::vector<WindowedFile> LoadWindowed(const std::string& folder);

// A few hosts and series with faults, always the same.
void WriteGenerated(const std::string& folder);

}  // namespace heald::bench
