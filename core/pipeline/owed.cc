#include "core/pipeline/owed.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace heald {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "owed-";
constexpr std::string_view kWith = "with ";
constexpr size_t kMaxText = 2000;

std::set<fs::path> In(const fs::path& folder) {
  std::set<fs::path> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) paths.insert(entry.path());
  return paths;
}

std::string FirstLine(const fs::path& path, const std::string& text) {
  const std::string line = text.substr(0, text.find('\n'));
  return line.empty() ? path.string() + " is damaged: see what it was for, then remove it" : line;
}

std::string WithoutSlash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// The key of the config that has to be otherwise for the node to look after it; empty: none.
std::string KeyThatChanged(const std::string& text, const RunningNode& node) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  const size_t colon = line.find(": ");
  if (!line.starts_with(kWith) || colon == std::string::npos) return "";
  const std::string key = line.substr(kWith.size(), colon - kWith.size());
  const auto now = node.config.find(key);
  const bool same =
      now != node.config.end() && WithoutSlash(now->second) == WithoutSlash(line.substr(colon + 2));
  return same ? "" : key;
}

std::string TextOf(const fs::path& path) {
  std::string text(kMaxText, '\0');
  std::ifstream file(path);
  file.read(text.data(), kMaxText);
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

std::string Owed::Sentence() const {
  return node +
         (changed.empty() ? " is no longer in the pipeline" : " has another " + changed + " now") +
         " and has left this: " + text;
}

std::map<std::string, RunningNode> RunningNodes(const PipelineSpec& spec) {
  std::map<std::string, RunningNode> running;
  for (const NodeSpec& node : spec.nodes) {
    if (!node.enabled) continue;
    RunningNode& runs = running[node.name];
    runs.plugin = node.plugin;
    if (const Value::Map* config = node.config.AsMap())
      for (const auto& [key, value] : *config)
        if (const std::string* text = value.AsString()) runs.config.emplace(key, *text);
  }
  return running;
}

std::vector<Owed> OwedByGone(const std::string& state_dir,
                             const std::map<std::string, RunningNode>& running) {
  std::vector<Owed> owed;
  for (const fs::path& node : In(fs::path(state_dir) / "nodes")) {
    const auto runs = running.find(node.filename().string());
    for (const fs::path& file : In(node)) {
      const std::string name = file.filename().string();
      if (!name.starts_with(kPrefix)) continue;
      const std::string text = TextOf(file);
      std::string changed;
      if (runs != running.end() &&
          name.starts_with(std::string(kPrefix) + runs->second.plugin + "-")) {
        changed = KeyThatChanged(text, runs->second);
        if (changed.empty()) continue;
      }
      owed.push_back({node.filename().string(), FirstLine(file, text), std::move(changed)});
    }
  }
  return owed;
}

}  // namespace heald
