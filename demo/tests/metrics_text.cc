#include "demo/tests/metrics_text.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <regex>
#include <sstream>

namespace heald::demo {
namespace {

bool Matches(const MetricLine& line, const std::string& name, const Labels& labels) {
  return line.name == name && std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
           const auto it = line.labels.find(label.first);
           return it != line.labels.end() && it->second == label.second;
         });
}

}  // namespace

MetricsText MetricsText::Parse(const std::string& text, std::string* error) {
  static const std::regex kLine(R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+))re");
  static const std::regex kLabel(R"re(([a-zA-Z_][a-zA-Z0-9_]*)="([^"]*)",?)re");
  MetricsText metrics;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::smatch parts;
    if (!std::regex_match(line, parts, kLine)) {
      *error = line;
      continue;
    }
    MetricLine metric{parts[1], {}, 0};
    const std::string labels = parts[2];
    for (std::sregex_iterator it(labels.begin(), labels.end(), kLabel), end; it != end; ++it)
      metric.labels[(*it)[1]] = (*it)[2];
    const std::string number = parts[3];
    char* end = nullptr;
    metric.value = std::strtod(number.c_str(), &end);
    if (*end != '\0') *error = line;
    metrics.lines_.push_back(std::move(metric));
  }
  return metrics;
}

bool MetricsText::Has(const std::string& name, const Labels& labels) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const MetricLine& line) { return Matches(line, name, labels); });
}

double MetricsText::Sum(const std::string& name, const Labels& labels) const {
  double sum = 0;
  for (const MetricLine& line : lines_)
    if (Matches(line, name, labels)) sum += line.value;
  return sum;
}

std::map<double, double> MetricsText::Buckets(const std::string& name) const {
  std::map<double, double> buckets;
  for (const MetricLine& line : lines_) {
    if (line.name != name + "_bucket") continue;
    const std::string& le = line.labels.at("le");
    const double bound =
        le == "+Inf" ? std::numeric_limits<double>::infinity() : std::strtod(le.c_str(), nullptr);
    buckets[bound] += line.value;
  }
  return buckets;
}

double MetricsText::Quantile(const std::string& name, double quantile,
                             const MetricsText& before) const {
  auto buckets = Buckets(name);
  for (const auto& [bound, count] : before.Buckets(name)) buckets[bound] -= count;
  if (buckets.empty() || buckets.rbegin()->second <= 0)
    return std::numeric_limits<double>::quiet_NaN();
  const double rank = quantile * buckets.rbegin()->second;
  double low = 0;
  double below = 0;
  for (const auto& [bound, count] : buckets) {
    if (count >= rank) return low + (bound - low) * (rank - below) / (count - below);
    low = bound;
    below = count;
  }
  return low;
}

}  // namespace heald::demo
