// Every broken/NAME.yaml has to give exactly broken/NAME.expected. To add a case, write the YAML,
// run with HEALD_UPDATE_EXPECTED=1, and read the new file: it is what a person will see.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/config/loader.h"
#include "tests/config/fakes.h"

namespace heald {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = fs::path(HEALD_SOURCE_DIR) / "tests/config/broken";

std::string Read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class ConfigBrokenTest : public testing::TestWithParam<std::string> {};

TEST_P(ConfigBrokenTest, IsExplained) {
  const FakeCatalog catalog;
  FakeEnvironment environment;
  environment.variables["WINDOW"] = "twenty";
  environment.variables["SECRET"] = "hunter2";
  environment.variables["TOKEN"] = "hunter2hunter2hunter2";
  environment.files["/etc/heald/secret"] = "hunter2\n";
  environment.files["/etc/heald/cert.pem"] = "-----BEGIN CERTIFICATE-----\n";
  environment.files["/etc/heald/key.pem"] = "-----BEGIN PRIVATE KEY-----\n";
  if (GetParam() == "tokens_file_damaged")
    environment.live_tokens =
        MakeError(Code::kCorrupt, "the tokens file /etc/heald/state/tokens.json can't be used");
  const std::string name = GetParam() + ".yaml";
  const LoadResult result =
      LoadPipelineText(Read(kFolder / name), name, "/etc/heald", catalog, environment);
  const std::string actual = FormatText(result.diagnostics);
  const fs::path expected = kFolder / (GetParam() + ".expected");
  if (std::getenv("HEALD_UPDATE_EXPECTED") != nullptr)
    std::ofstream(expected, std::ios::binary) << actual;
  EXPECT_EQ(actual, Read(expected));
  EXPECT_EQ(actual.find("hunter2"), std::string::npos) << "a secret was printed";
  EXPECT_FALSE(actual.empty());
  EXPECT_EQ(result.spec.has_value(), !HasErrors(result.diagnostics));
}

INSTANTIATE_TEST_SUITE_P(Files, ConfigBrokenTest, testing::ValuesIn(Names()),
                         [](const auto& name) { return name.param; });

TEST(ConfigBrokenFilesTest, AreAtLeastForty) {
  EXPECT_GE(Names().size(), 40u);
}

}  // namespace
}  // namespace heald
