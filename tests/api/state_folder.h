// A state folder of its own for each test, and tokens in it. Thread rule: one test thread.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "core/api/token_edit.h"

namespace heald::api {

class StateFolder : public ::testing::Test {
 protected:
  StateFolder() {
    std::string pattern = ::testing::TempDir() + "heald-tokens-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  ~StateFolder() override { std::filesystem::remove_all(dir_); }

  std::string File() const { return TokensFile(dir_); }
  // Its text; an empty one when it could not be made.
  NewToken Make(const std::string& name, Role role = Role::kAdmin, int64_t expires_ns = 0) {
    Result<NewToken> made =
        CreateToken(dir_, {name, role, 1'700'000'000'123'000'000, expires_ns, "tester"});
    EXPECT_TRUE(made) << made.error().message;
    return made ? *made : NewToken();
  }
  void Overwrite(const std::string& text) {
    std::ofstream(File(), std::ios::binary | std::ios::trunc) << text;
    std::filesystem::permissions(File(), std::filesystem::perms(0600));
  }
  std::string Text() const {
    std::ifstream in(File(), std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
  }

  std::string dir_;
};

}  // namespace heald::api
