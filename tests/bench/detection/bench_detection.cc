// How well the detectors detect: every detector plugin over labelled data, beside figures that
// others published or measured on exactly these files. README.md says what the columns mean.
//   bench_detection [DATA] [--plugins zscore,baseline] [--markdown FILE]
// DATA has smd/ and nab/; without it data is generated, and the known figures don't apply.
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "core/backtest/scratch.h"
#include "core/config/plugin_config.h"
#include "core/plugin/loader.h"
#include "tests/bench/detection/evaluate.h"

namespace heald::bench {
namespace {

namespace fs = std::filesystem;

// The same lines go to the terminal and into the file.
class Page {
 public:
  __attribute__((format(printf, 2, 3))) void Line(const char* format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    std::puts(line);
    std::fflush(stdout);
    text_ += std::string(line) + "\n";
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Options {
  std::string data;
  std::string markdown;
  std::vector<std::string> plugins = {"zscore", "isolation_forest", "baseline"};
  bool trend = true;
};

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double Share(size_t part, size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// None: said why on stderr.
std::optional<Detector> Load(const plugin::Loader& plugins, const std::string& name) {
  const Component* component = plugins.Find(Kind::kDetector, name);
  if (component == nullptr) {
    std::fprintf(stderr, "%s: no such detector plugin here, left out\n", name.c_str());
    return std::nullopt;
  }
  const std::string file = std::string(HEALD_BENCH_CONFIG_DIR) + "/" + name + ".yaml";
  PluginConfig config =
      LoadPluginConfig(fs::exists(file) ? file : "", *component, ProcessEnvironment());
  std::fputs(FormatText(config.diagnostics).c_str(), stderr);
  if (!config.value) return std::nullopt;
  return Detector{&plugins, name, std::move(*config.value)};
}

void Hosts(const std::vector<Detector>& detectors, const std::vector<Host>& hosts, bool given,
           Page& page) {
  page.Line("\n## Hosts: %zu machines, many metrics each\n", hosts.size());
  page.Line(
      "| detector | VUS-PR | AUC-PR | events found | cause right, of all | of those found | "
      "delay, median | alerts per day, training part | … test part | ns per sample |");
  page.Line("|---|---|---|---|---|---|---|---|---|---|");
  std::vector<std::string> by_host;
  for (const Detector& detector : detectors) {
    double vus = 0, auc = 0, train = 0, test = 0, ns = 0;
    size_t events = 0, found = 0, right = 0, right_of_found = 0;
    std::vector<double> delays;
    std::string line = "| " + detector.name;
    bool failed = false;
    for (const Host& host : hosts) {
      const Result<HostResult> result = EvaluateHost(detector, host);
      if (!result) {
        std::fprintf(stderr, "%s: %s\n", detector.name.c_str(), result.error().message.c_str());
        failed = true;
        break;
      }
      const auto n = static_cast<double>(hosts.size());
      vus += result->vus_pr / n;
      auc += result->auc_pr / n;
      train += result->train_alerts_per_day / n;
      test += result->test_alerts_per_day / n;
      ns += result->ns_per_sample / n;
      events += result->events;
      found += result->events_found;
      right += result->causes_right;
      right_of_found += result->causes_right_of_found;
      delays.insert(delays.end(), result->delays_minutes.begin(), result->delays_minutes.end());
      char cell[32];
      std::snprintf(cell, sizeof cell, " | %.3f", result->vus_pr);
      line += cell;
    }
    if (failed) continue;
    page.Line(
        "| %s | %.3f | %.3f | %.0f %% of %zu | %.0f %% | %.0f %% | %.0f min | %.2f | %.2f | "
        "%.0f |",
        detector.name.c_str(), vus, auc, Share(found, events), events, Share(right, events),
        Share(right_of_found, found), Median(delays), train, test, ns);
    by_host.push_back(line + " |");
  }
  if (given) {
    page.Line("| *known: rolling z-score, window 20* | *.096* | | | | | | | | |");
    page.Line(
        "| *known: isolation forest on training data (13 other machines)* | *.241* | | | | | "
        "| | | |");
    page.Line("| *known: best published, PCA (13 other machines)* | *.397* | | | | | | | | |");
    page.Line("| *known: prototype of baseline* | *.482* | | | *91 %%* | | | | | |");
  }
  std::string header = "\n| VUS-PR", rule = "|---";
  for (const Host& host : hosts) {
    header += " | " + host.name;
    rule += "|---";
  }
  page.Line("%s |", header.c_str());
  page.Line("%s|", rule.c_str());
  for (const std::string& line : by_host) page.Line("%s", line.c_str());
  if (given)
    page.Line(
        "| *known: prototype* | *.452* | *.477* | *.526* | *.486* | *.557* | *.606* | *.534* "
        "| *.409* | *.286* |");
}

void Series(const std::vector<Detector>& detectors, const std::vector<WindowedFile>& files,
            bool given, Page& page) {
  page.Line("\n## Single series: %zu files\n", files.size());
  page.Line(
      "| detector | score column: standard, best | low-FP | low-FN | alerts: standard, best | "
      "as shipped | low-FP, as shipped | low-FN, as shipped | alerts |");
  page.Line("|---|---|---|---|---|---|---|---|---|");
  for (const Detector& detector : detectors) {
    const Result<SeriesResult> result = EvaluateSeries(detector, files);
    if (!result) {
      std::fprintf(stderr, "%s: %s\n", detector.name.c_str(), result.error().message.c_str());
      continue;
    }
    page.Line("| %s | %.1f at %.4g | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %zu |",
              detector.name.c_str(), result->scores[0].best, result->scores[0].best_threshold,
              result->scores[1].best, result->scores[2].best, result->alerts[0].best,
              result->alerts[0].fixed, result->alerts[1].fixed, result->alerts[2].fixed,
              result->alert_count);
  }
  if (!given) return;
  page.Line("| *known: windowed Gaussian* | *22.0* | | | | | | | |");
  page.Line("| *known: earthgecko Skyline, KNN-CAD* | *47.5, 53.0* | | | | | | | |");
  page.Line(
      "| *known: CAD OSE, HTM, ARTime, all with look-ahead* | *62.2, 66.6, 67.8* | | | | | | "
      "| |");
}

// The issue's own words first, then other readings of them: the figures mustn't hang on one.
constexpr TrendNoise kTrendNoises[] = {
    {"blocks of 60", 1},
    {"… another seed", 2},
    {"blocks of 30", 3, 30},
    {"blocks of 120", 4, 120},
    {"blocks of 60, deviation of each series itself", 5, 60, true}};

void Trend(const Detector& detector, Page& page) {
  std::vector<TrendResult> results;
  for (const TrendNoise& noise : kTrendNoises) {
    Result<TrendResult> result = EvaluateTrend(detector, noise);
    if (!result) {
      std::fprintf(stderr, "trend: %s\n", result.error().message.c_str());
      return;
    }
    results.push_back(std::move(*result));
    if (results[0].generated) break;
  }
  page.Line("\n## Trend: %zu series of six hours each, noise %s\n", results[0].series,
            results[0].generated ? "generated" : "from training parts");
  page.Line(
      "| noise | ramps predicted 10 minutes before | … of those, true time inside the interval | "
      "healthy series ever predicted to fail | ramps predicted before the crossing | lead, median "
      "| Brier score (always saying the base rate) |");
  page.Line("|---|---|---|---|---|---|---|");
  page.Line("| *aim* | *≥ 90 %%* | *≥ 80 %%* | *≤ 2 %%* | | | |");
  for (size_t i = 0; i < results.size(); ++i) {
    const TrendResult& result = results[i];
    page.Line(
        "| %s | %.1f %% of %zu | %.1f %% | %.1f %% of %zu | %.1f %% | %.1f min | %.4f (%.4f) |",
        result.generated ? "generated" : kTrendNoises[i].name,
        Share(result.ten_minutes, result.ramps), result.ramps,
        Share(result.inside_of_ten, result.ten_minutes),
        Share(result.healthy_alarmed, result.healthy), result.healthy,
        Share(result.predicted, result.ramps), Median(result.leads_minutes), result.brier,
        result.climatology);
  }
  page.Line("\nReliability: what was said of the next horizon, and how often it came\n");
  page.Line("| said | came | times |\n|---|---|---|");
  Reliability all;
  for (const TrendResult& result : results)
    for (size_t i = 0; i < all.count.size(); ++i) {
      all.said[i] += result.reliability.said[i];
      all.came[i] += result.reliability.came[i];
      all.count[i] += result.reliability.count[i];
    }
  for (size_t i = 0; i < all.count.size(); ++i)
    if (all.count[i] > 0)
      page.Line("| %.3f | %.3f | %.0f |", all.said[i] / all.count[i], all.came[i] / all.count[i],
                all.count[i]);
}

int Main(const Options& options) {
  const backtest::Scratch scratch;
  const bool given = !options.data.empty();
  if (!given) WriteGenerated(scratch.path());
  const std::string data = given ? options.data : scratch.path();
  const std::vector<Host> hosts = LoadHosts(data + "/smd");
  const std::vector<WindowedFile> files = LoadWindowed(data + "/nab");
  if (hosts.empty() && files.empty()) {
    std::fprintf(stderr, "%s has neither smd/ nor nab/\n", data.c_str());
    return 1;
  }
  const plugin::Loader plugins(HEALD_BENCH_PLUGIN_DIR, {}, "");
  std::vector<Detector> detectors;
  for (const std::string& name : options.plugins)
    if (std::optional<Detector> detector = Load(plugins, name))
      detectors.push_back(std::move(*detector));
  Page page;
  page.Line("# Detection, %s data", given ? "given" : "generated");
  if (!hosts.empty()) Hosts(detectors, hosts, given, page);
  if (!files.empty()) Series(detectors, files, given, page);
  if (options.trend)
    if (const std::optional<Detector> trend = Load(plugins, "trend")) Trend(*trend, page);
  if (options.markdown.empty()) return detectors.empty() ? 1 : 0;
  std::ofstream out(options.markdown);
  out << page.text();
  out.close();
  if (!out) std::fprintf(stderr, "can't write %s\n", options.markdown.c_str());
  return !out || detectors.empty() ? 1 : 0;
}

}  // namespace
}  // namespace heald::bench

int main(int argc, char** argv) {
  heald::bench::Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--markdown" && i + 1 < argc) {
      options.markdown = argv[++i];
    } else if (argument == "--plugins" && i + 1 < argc) {
      options.plugins.clear();
      std::string list = argv[++i];
      options.trend = false;
      for (size_t at = 0; at <= list.size();) {
        const size_t comma = std::min(list.find(',', at), list.size());
        const std::string name = list.substr(at, comma - at);
        if (name == "trend")
          options.trend = true;
        else
          options.plugins.push_back(name);
        at = comma + 1;
      }
    } else if (!argument.starts_with("--") && options.data.empty()) {
      options.data = argument;
    } else {
      std::fprintf(stderr, "usage: bench_detection [DATA] [--plugins a,b] [--markdown FILE]\n");
      return 2;
    }
  }
  return heald::bench::Main(options);
}
