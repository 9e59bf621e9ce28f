// `heald backtest`: pipelines over recorded history on a virtual clock. Its report as text, JSON
// and HTML. Thread rule: the main thread.
#pragma once

#include <string>
#include <vector>

#include "core/backtest/summary.h"
#include "core/cli/verbs.h"

namespace heald::cli {

struct BacktestOptions {
  PipelineOptions pipeline;        // its plugin_dir; `files` say which
  std::vector<std::string> files;  // one, or several to be compared over the same history
  std::vector<std::string> against;
  std::string from;    // a time, "-24h" or "now"
  std::string to;      // the same
  std::string warmup;  // a duration
  std::string input;   // a CSV file; empty: the pipelines' own sources look back
  std::string labels;  // a CSV file of windows
  std::string by_itself = "5m";
  std::string format = "text";  // text | json
  std::string html;             // a file to write; may be empty
};
int Backtest(const BacktestOptions& options);

// One pipeline's run with what it comes to.
struct BacktestResult {
  std::string file;
  backtest::Backtest run;
  backtest::Summary summary;
};
struct BacktestReport {
  std::string input;  // the file, or empty
  int64_t by_itself_ns = 0;
  std::vector<BacktestResult> results;
};

std::string BacktestText(const BacktestReport& report);
// docs/backtest.md tells its form. At most so many incidents of each pipeline, the worst first
// where there are more; 0: all of them.
std::string BacktestJson(const BacktestReport& report, size_t max_incidents, int indent);
// A page of its own: no other file, no request.
std::string BacktestHtml(const BacktestReport& report);

}  // namespace heald::cli
