// What a plugin can be told stands in its README: every key of its schema, by name.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "heald/abi/plugin.h"

namespace heald {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// The keys of a connection are the same everywhere: naming the section is enough.
constexpr const char* kSharedSections[] = {"basic_auth", "tls"};

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(HEALD_TEST_PLUGIN_DIR))
    if (entry.path().extension() == ".so" && entry.path().filename().string().starts_with("heald_"))
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

std::string Text(heald_str text) {
  return {text.ptr, text.len};
}

const char* FolderOf(uint32_t kind) {
  switch (kind) {
    case HEALD_SOURCE:
      return "sources";
    case HEALD_DETECTOR:
      return "detectors";
    case HEALD_ACTION:
      return "actions";
    default:
      return "notifiers";
  }
}

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// All that stands between backticks.
std::string CodeOf(const std::string& markdown) {
  std::string code;
  bool inside = false;
  for (const char c : markdown) {
    if (c == '`')
      inside = !inside;
    else if (inside)
      code += c;
    if (c == '`') code += '\n';
  }
  return code;
}

bool Names(const std::string& code, const std::string& key) {
  for (size_t at = code.find(key); at != std::string::npos; at = code.find(key, at + 1)) {
    const size_t end = at + key.size();
    if ((at == 0 || !IsWordByte(code[at - 1])) && (end == code.size() || !IsWordByte(code[end])))
      return true;
  }
  return false;
}

void Missing(const json& schema, const std::string& prefix, const std::string& code,
             std::string* missing) {
  const json properties = schema.value("properties", json::object());
  for (const auto& [key, property] : properties.items()) {
    if (!Names(code, key)) *missing += (missing->empty() ? "" : ", ") + prefix + key;
    if (std::find(std::begin(kSharedSections), std::end(kSharedSections), key) ==
        std::end(kSharedSections))
      Missing(property, prefix + key + ".", code, missing);
  }
}

class PluginReadmeTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PluginReadmeTest, NamesEveryKeyOfTheSchema) {
  void* const library = dlopen(GetParam().c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto* const plugin = static_cast<const heald_plugin*>(dlsym(library, HEALD_PLUGIN_SYMBOL));
  if (plugin == nullptr) GTEST_SKIP() << "no plugin of the agent's";
  for (uint64_t i = 0; i < plugin->component_count; ++i) {
    const heald_component& component = *plugin->components[i];
    const fs::path path = fs::path(HEALD_SOURCE_DIR) / "plugins" / FolderOf(component.kind) /
                          Text(component.name) / "README.md";
    std::ifstream file(path);
    ASSERT_TRUE(file) << "there is no " << path;
    std::ostringstream text;
    text << file.rdbuf();
    std::string missing;
    Missing(json::parse(Text(component.config_schema)), "", CodeOf(text.str()), &missing);
    EXPECT_EQ(missing, "") << path << " doesn't say what they are";
  }
}

INSTANTIATE_TEST_SUITE_P(Plugins, PluginReadmeTest, ::testing::ValuesIn(Files()),
                         [](const auto& file) { return fs::path(file.param).stem().string(); });

}  // namespace
}  // namespace heald
