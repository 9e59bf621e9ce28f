#include "tests/bench/detection/data.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <random>
#include <sstream>

#include "core/backtest/metric_csv.h"
#include "core/base/units.h"

namespace heald::bench {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

ordered_json ReadJson(const fs::path& path) {
  std::ifstream in(path);
  return in ? ordered_json::parse(in) : ordered_json::object();
}

// "4629-4688:9,10": rows from the first to before the second, columns counted from 1.
std::vector<Cause> ReadCauses(const fs::path& path) {
  std::vector<Cause> causes;
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    Cause cause;
    char dash = 0, colon = 0;
    std::stringstream words(line);
    if (!(words >> cause.rows.begin >> dash >> cause.rows.end >> colon)) continue;
    std::string column;
    while (std::getline(words, column, ',')) cause.columns.push_back("m" + column);
    causes.push_back(std::move(cause));
  }
  return causes;
}

// Windows name rows by their time, without fractions of a second.
std::string WithoutFraction(const std::string& time) {
  return time.substr(0, time.find('.'));
}

}  // namespace

std::vector<Host> LoadHosts(const std::string& folder) {
  std::vector<Host> hosts;
  const ordered_json buffers = ReadJson(fs::path(folder) / "max_buffer.json");
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(fs::path(folder) / "test", error)) {
    Host host;
    host.test = entry.path().string();
    const std::string file = entry.path().filename().string();
    host.name = file.substr(0, file.find('.'));
    host.train = (fs::path(folder) / "train" / file).string();
    std::ifstream labels(fs::path(folder) / "labels" / (host.name + ".txt"));
    for (int label = 0; labels >> label;) host.labels.push_back(label != 0 ? 1 : 0);
    host.causes = ReadCauses(fs::path(folder) / "causes" / (host.name + ".txt"));
    host.max_buffer = buffers.value(host.name, host.max_buffer);
    hosts.push_back(std::move(host));
  }
  std::sort(hosts.begin(), hosts.end(),
            [](const Host& a, const Host& b) { return a.name < b.name; });
  return hosts;
}

std::vector<WindowedFile> LoadWindowed(const std::string& folder) {
  std::vector<WindowedFile> files;
  const ordered_json labelled = ReadJson(fs::path(folder) / "windows.json");
  for (const auto& [name, windows] : labelled.items()) {
    WindowedFile file{name, (fs::path(folder) / name).string(), 0, {}};
    auto csv = backtest::MetricCsv::Open(file.path);
    if (!csv) continue;
    std::map<std::string, size_t> row_of;
    for (;;) {
      const auto row = (*csv)->Next();
      if (!row || *row == nullptr) break;
      row_of.try_emplace(WithoutFraction(std::string((*row)->time)), file.rows++);
    }
    for (const auto& window : windows)
      file.windows.push_back(
          {row_of.at(WithoutFraction(window.at(0))), row_of.at(WithoutFraction(window.at(1))) + 1});
    files.push_back(std::move(file));
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

namespace {

constexpr size_t kHosts = 3, kColumns = 12, kRows = 6000, kFaults = 6;

// A day's wave, noise with a memory, and in the test part steps of some of the columns.
void WriteHost(const fs::path& folder, const std::string& name, std::mt19937_64& random) {
  std::normal_distribution<> normal;
  std::vector<double> drift(kColumns), phase(kColumns);
  for (double& p : phase) p = normal(random);
  std::ofstream causes(folder / "causes" / (name + ".txt"));
  std::ofstream labels(folder / "labels" / (name + ".txt"));
  std::vector<Cause> faults;
  for (size_t i = 0; i < kFaults; ++i) {
    const size_t begin = (i + 1) * kRows / (kFaults + 1) + random() % 200;
    Cause fault{{begin, begin + 20 + random() % 60}, {}};
    causes << fault.rows.begin << '-' << fault.rows.end << ':';
    const size_t first = random() % (kColumns - 3);
    for (size_t c = first; c < first + 1 + i % 3; ++c) {
      causes << (c == first ? "" : ",") << c + 1;
      fault.columns.push_back(std::to_string(c));
    }
    causes << '\n';
    faults.push_back(std::move(fault));
  }
  for (const char* part : {"train", "test"}) {
    std::ofstream out(folder / part / (name + ".csv"));
    for (size_t row = 0; row < kRows; ++row) {
      const Cause* now = nullptr;
      for (const Cause& fault : faults)
        if (part[1] == 'e' && row >= fault.rows.begin && row < fault.rows.end) now = &fault;
      if (part[1] == 'e') labels << (now != nullptr ? 1 : 0) << '\n';
      for (size_t c = 0; c < kColumns; ++c) {
        drift[c] = 0.9 * drift[c] + 0.02 * normal(random);
        const double day = static_cast<double>(row % 1440) / 1440;
        double value = 0.4 + 0.1 * std::sin(2 * std::numbers::pi * (day + phase[c])) + drift[c];
        if (now != nullptr &&
            std::count(now->columns.begin(), now->columns.end(), std::to_string(c)) != 0)
          value += 0.4;
        out << (c == 0 ? "" : ",") << value;
      }
      out << '\n';
    }
  }
}

}  // namespace

void WriteGenerated(const std::string& folder) {
  std::mt19937_64 random(5);
  const fs::path smd = fs::path(folder) / "smd";
  for (const char* part : {"train", "test", "labels", "causes"}) fs::create_directories(smd / part);
  for (size_t i = 1; i <= kHosts; ++i) WriteHost(smd, "host-" + std::to_string(i), random);

  const fs::path nab = fs::path(folder) / "nab";
  fs::create_directories(nab / "generated");
  ordered_json windows;
  std::normal_distribution<> normal;
  for (size_t i = 1; i <= 4; ++i) {
    constexpr size_t kLength = 4000, kStep = 300, kWindow = 200;
    const std::string name = "generated/series-" + std::to_string(i) + ".csv";
    const size_t fault = 1500 + random() % 2000;
    const auto time = [&](size_t row) {
      return FormatTime(static_cast<int64_t>(row * kStep + 1'400'000'000) * kSecond)
          .replace(19, std::string::npos, "");
    };
    std::ofstream out(nab / name);
    out << "timestamp,value\n";
    for (size_t row = 0; row < kLength; ++row) {
      const double day = static_cast<double>(row % 288) / 288;
      const bool bad = row >= fault && row < fault + 40;
      out << time(row) << ','
          << 50 + 20 * std::sin(2 * std::numbers::pi * day) + 2 * normal(random) + (bad ? 40 : 0)
          << '\n';
    }
    windows[name] = ordered_json::array(
        {ordered_json::array({time(fault - kWindow / 4), time(fault + 3 * kWindow / 4)})});
  }
  std::ofstream(nab / "windows.json") << windows.dump();
}

}  // namespace heald::bench
