#include "core/pipeline/owed.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

namespace heald {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "owed-";
constexpr size_t kMaxText = 2000;

std::set<fs::path> In(const fs::path& folder) {
  std::set<fs::path> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) paths.insert(entry.path());
  return paths;
}

std::string FirstLine(const fs::path& path) {
  std::string text(kMaxText, '\0');
  std::ifstream file(path);
  file.read(text.data(), kMaxText);
  text.resize(static_cast<size_t>(file.gcount()));
  text.resize(std::min(text.size(), text.find('\n')));
  return text.empty() ? path.string() + " is damaged: see what it was for, then remove it" : text;
}

}  // namespace

std::string Owed::Sentence() const {
  return node + " is no longer in the pipeline and has left this: " + text;
}

std::map<std::string, std::string> RunningNodes(const PipelineSpec& spec) {
  std::map<std::string, std::string> running;
  for (const NodeSpec& node : spec.nodes)
    if (node.enabled) running.emplace(node.name, node.plugin);
  return running;
}

std::vector<Owed> OwedByGone(const std::string& state_dir,
                             const std::map<std::string, std::string>& running) {
  std::vector<Owed> owed;
  for (const fs::path& node : In(fs::path(state_dir) / "nodes")) {
    const auto runs = running.find(node.filename().string());
    for (const fs::path& file : In(node)) {
      const std::string name = file.filename().string();
      if (!name.starts_with(kPrefix)) continue;
      if (runs != running.end() && name.starts_with(std::string(kPrefix) + runs->second + "-"))
        continue;
      owed.push_back({node.filename().string(), FirstLine(file)});
    }
  }
  return owed;
}

}  // namespace heald
