// Looks at the plugins as they were built: a shared object is only as good as its symbol table.
#include <dlfcn.h>
#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/config/schema.h"
#include "heald/error.h"

namespace heald::sdk {
namespace {

using nlohmann::json;

std::string Output(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string out;
  std::array<char, 4096> buffer;
  while (const size_t n = fread(buffer.data(), 1, buffer.size(), pipe.get()))
    out.append(buffer.data(), n);
  return out;
}

class SdkExportTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::string Path() const { return std::string(HEALD_TEST_PLUGIN_DIR) + "/" + GetParam() + ".so"; }
};

TEST_P(SdkExportTest, ExportsItsEntryAndNothingElse) {
  const std::string symbols =
      Output(std::string(HEALD_NM) + " -D --defined-only --format=posix '" + Path() + "'");
  EXPECT_THAT(symbols, ::testing::StartsWith("heald_plugin_v1 "));
  EXPECT_EQ(std::count(symbols.begin(), symbols.end(), '\n'), 1) << symbols;
}

TEST_P(SdkExportTest, HasAValidSchemaWithADocForEveryField) {
  void* const library = dlopen(Path().c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto* plugin = static_cast<const heald_plugin*>(dlsym(library, HEALD_PLUGIN_SYMBOL));
  ASSERT_NE(plugin, nullptr);
  EXPECT_EQ(plugin->size, sizeof(heald_plugin));
  EXPECT_EQ(plugin->abi_minor, HEALD_ABI_MINOR);
  ASSERT_EQ(plugin->component_count, 1u);
  const heald_component& component = *plugin->components[0];
  EXPECT_EQ(component.kind, static_cast<uint32_t>(HEALD_DETECTOR));
  EXPECT_EQ(component.inputs, static_cast<uint32_t>(HEALD_RECORD_SAMPLES));
  EXPECT_EQ(component.outputs, static_cast<uint32_t>(HEALD_RECORD_FINDINGS));
  EXPECT_NE(component.flags & HEALD_DETERMINISTIC, 0u);
  const auto read = ParseSchema(detail::View(component.config_schema));
  EXPECT_TRUE(read.ok()) << read.error().message;
  const json schema = json::parse(detail::View(component.config_schema));
  ASSERT_FALSE(schema["properties"].empty());
  for (const auto& [name, field] : schema["properties"].items())
    EXPECT_GT(field["description"].get<std::string>().size(), 10u) << name;
}

INSTANTIATE_TEST_SUITE_P(Detectors, SdkExportTest,
                         ::testing::Values("heald_detector_zscore", "heald_detector_threshold"),
                         [](const auto& plugin) { return std::string(plugin.param); });

}  // namespace
}  // namespace heald::sdk
