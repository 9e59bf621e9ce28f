#include "plugins/sources/replay/settings.h"

#include <glob.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "plugins/sources/replay/tape.h"
#include "plugins/support/recording/history_file.h"

namespace heald::replay {
namespace {

using recording::HistoryFile;

// The pattern itself where nothing matches, so that opening it says what is missing.
void Expand(const std::string& pattern, std::vector<std::string>* files) {
  glob_t found{};
  if (glob(pattern.c_str(), GLOB_NOCHECK, nullptr, &found) == 0)
    files->insert(files->end(), found.gl_pathv, found.gl_pathv + found.gl_pathc);
  globfree(&found);
}

std::string Joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Reads the file's head, and more than that of none.
void CheckFile(const ReplayConfig& config, const std::string& pointer, const std::string& path,
               std::set<std::string>* known_sources, std::vector<Problem>* problems) {
  std::string error;
  const std::unique_ptr<HistoryFile> file = HistoryFile::Open(path, &error);
  if (!file) {
    problems->push_back({pointer, error});
    return;
  }
  if (!file->timed() && config.shift == Shift::kOriginal)
    problems->push_back({"/shift", path + " has no times that could be kept: leave shift at now"});
  for (const auto& [source, names] : file->outputs()) known_sources->insert(source);
  if (file->outputs().empty()) known_sources->insert("");
}

}  // namespace

std::vector<Problem> CheckConfig(const ReplayConfig& config) {
  std::vector<Problem> problems;
  if (config.file.empty() == config.files.empty())
    problems.push_back(
        {"", config.file.empty() ? "say what to play: file or files" : "file or files, not both"});
  if (config.speed != "max" && SpeedOf(config) < 1e-3)
    problems.push_back({"/speed", "slower than a thousandth: write 1 for as recorded, or max"});
  if (config.loop && config.speed == "max")
    problems.push_back({"/loop", "all at once, for ever, is too much: give a speed"});
  if (config.loop && config.shift == Shift::kOriginal)
    problems.push_back({"/loop", "original times can't begin again: leave shift at now"});
  if (config.labels.contains("__name__"))
    problems.push_back({"/labels/__name__", "the metric's name can't be set"});
  std::set<std::string> known;
  const auto check = [&](const std::string& pointer, const std::string& pattern) {
    std::vector<std::string> files;
    Expand(pattern, &files);
    for (const std::string& path : files) CheckFile(config, pointer, path, &known, &problems);
  };
  if (!config.file.empty()) check("/file", config.file);
  for (size_t i = 0; i < config.files.size(); ++i)
    check("/files/" + std::to_string(i), config.files[i]);
  // A file that doesn't tell its sources may have any.
  if (problems.empty() && !known.contains(""))
    for (size_t i = 0; i < config.sources.size(); ++i)
      if (!known.contains(config.sources[i]))
        problems.push_back(
            {"/sources/" + std::to_string(i),
             "there is no source '" + config.sources[i] + "' in it; it has " + Joined(known)});
  return problems;
}

double SpeedOf(const ReplayConfig& config) {
  return config.speed == "max" ? 0 : std::strtod(config.speed.c_str(), nullptr);
}

std::vector<std::string> FilesOf(const ReplayConfig& config) {
  std::vector<std::string> files;
  if (!config.file.empty()) Expand(config.file, &files);
  for (const std::string& pattern : config.files) Expand(pattern, &files);
  return files;
}

std::vector<std::string> OutputNames(const ReplayConfig& config) {
  std::set<std::string> names;
  for (const std::string& path : FilesOf(config)) {
    std::string error;
    const std::unique_ptr<HistoryFile> file = HistoryFile::Open(path, &error);
    if (!file) continue;  // CheckConfig says so
    bool told = !file->outputs().empty();
    for (const auto& [source, outputs] : file->outputs()) {
      if (!IsSelected(config.sources, source)) continue;
      told &= !outputs.empty();
      names.insert(outputs.begin(), outputs.end());
    }
    if (told) continue;
    recording::Moment moment;
    while (file->Next(&moment) == recording::Step::kNext) continue;
    for (const recording::RecordedSeries& series : file->series())
      if (IsSelected(config.sources, series.source)) names.insert(series.name);
  }
  return {names.begin(), names.end()};
}

}  // namespace heald::replay
