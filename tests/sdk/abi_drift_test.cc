// The boundary is what it was when its version was frozen: abidiff compares the headers, types,
// signatures and enumerators included, with what was recorded then. A failure here means that
// plugins of users may break; see sdk/VERSIONING.md. Recorded, once for each version, by
//
//   abidw --no-corpus-path --no-comp-dir-path --no-show-locs abi_surface.so
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "heald/abi/http.h"
#include "heald/abi/score.h"
#include "heald/abi/types.h"

namespace heald::sdk {
namespace {

struct Compared {
  int status = -1;  // 0: nothing changed
  std::string report;
};

class AbiDriftTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(HEALD_ABIDIFF))
      GTEST_SKIP() << "abidiff isn't installed (Debian: abigail-tools)";
#ifndef __x86_64__
    GTEST_SKIP() << "the boundary was recorded on x86-64";
#endif
  }
  static Compared WithRecorded(const std::string& library) {
    const std::string version =
        std::to_string(HEALD_ABI_MAJOR) + "_" + std::to_string(HEALD_ABI_MINOR);
    const std::string command = std::string(HEALD_ABIDIFF) + " --harmless '" + HEALD_SOURCE_DIR +
                                "/tests/data/abi/heald_abi_" + version + ".abi' '" +
                                HEALD_BINARY_DIR + "/tests/abi/" + library + ".so' 2>&1";
    Compared out;
    FILE* const pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return out;
    std::array<char, 4096> piece{};
    while (const size_t got = fread(piece.data(), 1, piece.size(), pipe))
      out.report.append(piece.data(), got);
    const int status = pclose(pipe);
    if (WIFEXITED(status)) out.status = WEXITSTATUS(status);
    return out;
  }
};

TEST_F(AbiDriftTest, TheBoundaryIsWhatItWasWhenItsVersionWasFrozen) {
  const Compared compared = WithRecorded("abi_surface");
  EXPECT_EQ(compared.status, 0) << compared.report;
}

TEST_F(AbiDriftTest, AChangeThatNoSizeAndNoOffsetTellsIsSeen) {
  const Compared compared = WithRecorded("abi_surface_drifted");
  EXPECT_EQ(compared.status, 4) << compared.report;
  EXPECT_THAT(compared.report, ::testing::HasSubstr("now_ns"));
}

TEST(AbiExtensionsTest, AreCalledWhatTheyWere) {
  EXPECT_STREQ(HEALD_EXT_HTTP, "heald.http/1");
  EXPECT_STREQ(HEALD_EXT_SCORE, "heald.score/1");
}

}  // namespace
}  // namespace heald::sdk
