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

// What the config of a node has to say for it to look after the file; without a key any will do.
struct Wanted {
  std::string key;
  std::string text;

  bool SaidBy(const RunningNode& node) const {
    if (key.empty()) return true;
    const auto said = node.config.find(key);
    return said != node.config.end() && WithoutSlash(said->second) == WithoutSlash(text);
  }
};

Wanted WantedBy(const std::string& text) {
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  std::getline(lines, line);
  const size_t colon = line.find(": ");
  if (!line.starts_with(kWith) || colon == std::string::npos) return {};
  return {line.substr(kWith.size(), colon - kWith.size()), line.substr(colon + 2)};
}

bool IsOf(const RunningNode& node, const std::string& file) {
  return file.starts_with(std::string(kPrefix) + node.plugin + "-");
}

// Only those are sure to take it over that are known to be at the same place.
std::string HeirsOf(const std::string& file, const Wanted& wanted,
                    const std::map<std::string, RunningNode>& running) {
  std::string heirs;
  for (const auto& [name, node] : running)
    if (!wanted.key.empty() && IsOf(node, file) && wanted.SaidBy(node))
      heirs += (heirs.empty() ? "" : " or ") + name;
  return heirs;
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
         (heirs.empty() ? " and has left this: "
                        : "; " + heirs + " takes over what it has left: ") +
         text;
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
      const Wanted wanted = WantedBy(text);
      const bool runs_on = runs != running.end() && IsOf(runs->second, name);
      if (runs_on && wanted.SaidBy(runs->second)) continue;
      owed.push_back({node.filename().string(), FirstLine(file, text), runs_on ? wanted.key : "",
                      HeirsOf(name, wanted, running)});
    }
  }
  return owed;
}

}  // namespace heald
