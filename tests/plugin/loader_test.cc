#include "core/plugin/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "heald/plugin.h"

namespace heald::plugin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Dir(const std::string& name) {
  return std::string(BAD_PLUGIN_DIR) + "/" + name;
}

// Tries the one plugin in that folder as the agent does with a plugin of someone else's.
std::string ErrorOf(const std::string& name) {
  const Loader loader("/nonexistent", {Dir(name)}, HEALD_PROGRAM);
  EXPECT_EQ(loader.Find(Kind::kDetector, "raw"), nullptr);
  return loader.LoadError(Kind::kDetector, "raw");
}

TEST(PluginLoaderTest, LoadsAPluginAndReadsItsSchema) {
  const Loader loader(Dir("misbehaving"), {}, "");
  const Component* component = loader.Find(Kind::kDetector, "misbehaving");
  ASSERT_NE(component, nullptr);
  EXPECT_EQ(component->doc, "Does what no plugin should");
  EXPECT_EQ(component->inputs, static_cast<uint32_t>(kSamples));
  EXPECT_THAT(component->config_schema, HasSubstr("\"deed\""));
  EXPECT_EQ(loader.Find(Kind::kSource, "misbehaving"), nullptr);
}

TEST(PluginLoaderTest, SaysWhichAbiItWasBuiltFor) {
  EXPECT_THAT(ErrorOf("newer"), AllOf(HasSubstr("was built for ABI 1.7, this host has 1.0"),
                                      HasSubstr("update heald")));
}

TEST(PluginLoaderTest, SaysThatAFileIsNoLibrary) {
  EXPECT_THAT(ErrorOf("not_a_library"), HasSubstr("not a shared library"));
}

TEST(PluginLoaderTest, SaysThatTheSymbolIsMissing) {
  EXPECT_THAT(ErrorOf("no_symbol"), HasSubstr("heald_plugin_v1"));
}

TEST(PluginLoaderTest, SaysWhichHookIsMissing) {
  EXPECT_THAT(ErrorOf("no_hook"), HasSubstr("has no samples hook"));
}

TEST(PluginLoaderTest, SaysThatTheSchemaIsNoJson) {
  EXPECT_THAT(ErrorOf("bad_schema"), HasSubstr("is not JSON"));
}

TEST(PluginLoaderTest, SaysThatThereAreNoComponents) {
  EXPECT_THAT(ErrorOf("no_components"), HasSubstr("has no components"));
}

TEST(PluginLoaderTest, PassesOnWhatInitSays) {
  EXPECT_THAT(ErrorOf("init_fails"), HasSubstr("no licence found"));
}

TEST(PluginLoaderTest, ACrashInInitIsAMessageAndNotTheAgentsEnd) {
#ifdef HEALD_SANITIZED
  GTEST_SKIP() << "a sanitizer handles SIGSEGV itself";
#endif
  EXPECT_THAT(ErrorOf("crash_in_init"),
              AllOf(StartsWith("plugin "), HasSubstr("crashes when it is loaded"),
                    HasSubstr("not loaded into the agent")));
}

TEST(PluginLoaderTest, ATruncatedLibraryIsRefused) {
  const std::string dir = ::testing::TempDir() + "heald-truncated";
  std::filesystem::create_directories(dir);
  const std::string file = dir + "/heald_detector_raw.so";
  std::filesystem::copy_file(Dir("misbehaving") + "/heald_detector_misbehaving.so", file,
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(file, 2000);
  const Loader loader("/nonexistent", {dir}, HEALD_PROGRAM);
  EXPECT_EQ(loader.Find(Kind::kDetector, "raw"), nullptr);
  EXPECT_THAT(loader.LoadError(Kind::kDetector, "raw"), HasSubstr(file));
  std::filesystem::remove_all(dir);
}

TEST(PluginLoaderTest, AComponentsNameIsTakenOnlyOnce) {
  Loader loader(Dir("misbehaving"), {}, "");
  ASSERT_NE(loader.Find(Kind::kDetector, "misbehaving"), nullptr);
  const std::string copy = ::testing::TempDir() + "heald_detector_copy.so";
  std::filesystem::copy_file(Dir("misbehaving") + "/heald_detector_misbehaving.so", copy,
                             std::filesystem::copy_options::overwrite_existing);
  const Status status = loader.LoadFile(copy);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("rename or remove one of them"));
  std::filesystem::remove(copy);
}

// ---- a table in the process, broken one pointer at a time ----

struct Broken {
  heald_detector_vtable vtable{};
  heald_component component{};
  const heald_component* components[1] = {&component};
  heald_plugin plugin{};

  Broken() {
    vtable.size = sizeof vtable;
    vtable.samples = [](void*, const heald_samples*, const heald_sink*, heald_error*) {
      return int32_t{HEALD_OK};
    };
    component.size = sizeof component;
    component.kind = HEALD_DETECTOR;
    component.name = {"x", 1};
    component.config_schema = {"{}", 2};
    component.inputs = HEALD_RECORD_SAMPLES;
    component.create = [](const heald_host*, const heald_value*, void**, heald_error*) {
      return int32_t{HEALD_OK};
    };
    component.destroy = [](void*) {};
    component.vtable = &vtable;
    plugin.size = sizeof plugin;
    plugin.abi_major = HEALD_ABI_MAJOR;
    plugin.abi_minor = HEALD_ABI_MINOR;
    plugin.name = {"x", 1};
    plugin.components = components;
    plugin.component_count = 1;
  }
  std::string Error() const {
    Loader loader("", {}, "");
    const Status status = loader.AddTable(&plugin);
    return status ? "" : status.error().message;
  }
};

TEST(PluginTableTest, AGoodOneIsTaken) {
  EXPECT_EQ(Broken().Error(), "");
}

TEST(PluginTableTest, NoNullPointerIsFollowed) {
  Broken b;
  b.plugin.components = nullptr;
  EXPECT_THAT(b.Error(), HasSubstr("no components"));
  b = Broken();
  b.component.create = nullptr;
  b.plugin.components = b.components;
  b.components[0] = &b.component;
  EXPECT_THAT(b.Error(), HasSubstr("no create or destroy"));
  Broken c;
  c.components[0] = nullptr;
  EXPECT_THAT(c.Error(), HasSubstr("null pointer"));
  Broken d;
  d.component.vtable = nullptr;
  EXPECT_THAT(d.Error(), HasSubstr("null pointer"));
  Broken e;
  e.component.name = {nullptr, 0};
  EXPECT_THAT(e.Error(), HasSubstr("no name"));
}

TEST(PluginTableTest, ATableOfImpossibleSizeIsRefused) {
  Broken b;
  b.plugin.size = 4;
  EXPECT_THAT(b.Error(), HasSubstr("impossible size"));
  Broken c;
  c.component.size = 1u << 30;
  EXPECT_THAT(c.Error(), HasSubstr("impossible size"));
}

TEST(PluginTableTest, AnOlderShorterTableIsFilledUpWithZeros) {
  Broken b;
  // As if get_extension had not existed when it was compiled.
  b.component.size = offsetof(heald_component, get_extension);
  EXPECT_EQ(b.Error(), "");
}

TEST(PluginTableTest, ANewerLongerTableIsTakenWhenItsTailIsZero) {
  struct Longer {
    heald_component known;
    uint64_t future;
  } longer{};
  Broken b;
  longer.known = b.component;
  longer.known.size = sizeof longer;
  b.components[0] = &longer.known;
  EXPECT_EQ(b.Error(), "");
  longer.future = 1;
  EXPECT_THAT(b.Error(), HasSubstr("newer ABI"));
}

TEST(PluginTableTest, AnUnknownKindAsksForAnUpdate) {
  Broken b;
  b.component.kind = 9;
  EXPECT_THAT(b.Error(), HasSubstr("unknown kind 9"));
}

}  // namespace
}  // namespace heald::plugin
