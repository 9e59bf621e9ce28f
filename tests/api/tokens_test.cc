#include "core/api/tokens.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/base/sha256.h"
#include "tests/api/state_folder.h"

namespace heald::api {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::json;

class ApiTokensTest : public StateFolder {
 protected:
  std::string ErrorOf(const std::string& text) {
    const auto tokens = ParseTokens(text);
    return tokens ? "" : tokens.error().message;
  }
  // A good file with one thing changed.
  std::string With(const std::string& key, const Json& value) {
    Json file = Json::parse(Text());
    file["tokens"][0][key] = value;
    return file.dump();
  }
};

TEST_F(ApiTokensTest, TheFileKnowsEverythingButTheSecret) {
  const NewToken made = Make("anna", Role::kOperator, 1'795'292'043'250'000'000);
  EXPECT_THAT(made.text, MatchesRegex("heald_[0-9a-f]{8}_[0-9a-f]{64}"));
  const auto split = SplitToken(made.text);
  ASSERT_TRUE(split);
  EXPECT_EQ(split->id, made.token.id);
  EXPECT_THAT(Text(), Not(HasSubstr(std::string(split->secret))));
  const auto tokens = ReadTokens(File());
  ASSERT_TRUE(tokens) << tokens.error().message;
  ASSERT_THAT(*tokens, SizeIs(1));
  const Token& token = (*tokens)[0];
  EXPECT_EQ(token.name, "anna");
  EXPECT_EQ(token.role, Role::kOperator);
  EXPECT_EQ(token.created_by, "tester");
  EXPECT_EQ(token.expires_ns, 1'795'292'043'250'000'000);
  EXPECT_EQ(token.sha256, Sha256Hex(split->secret));
}

TEST_F(ApiTokensTest, OnlyTheOwnerMayReadTheFile) {
  const mode_t before = umask(0);
  Make("anna");
  Make("bob");
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat(File().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_FALSE(std::filesystem::exists(File() + ".new"));
}

TEST_F(ApiTokensTest, MakesTheStateFolder) {
  const Result<NewToken> made = CreateToken(dir_ + "/a/b", {"anna", Role::kAdmin, 1, 0, "x"});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/a/b/tokens.json"));
}

TEST_F(ApiTokensTest, ALeftoverOfAKilledCommandIsNoObstacle) {
  std::ofstream(File() + ".new") << "half a fi";
  EXPECT_NE(Make("anna").text, "");
}

TEST_F(ApiTokensTest, NamesAreShortAndPlain) {
  for (const char* good : {"a", "anna", "ci-bot_2", "anna@ops.example", "deadbeef1", "DEADBEEF"})
    EXPECT_TRUE(CheckTokenName(good)) << good;
  for (const std::string& bad : {std::string(), std::string("anna b"), std::string("a\nb"),
                                 std::string("ünal"), std::string("user:x"), std::string(65, 'a'),
                                 std::string("a\0b", 3), std::string("deadbeef")})
    EXPECT_FALSE(CheckTokenName(bad)) << bad;
  EXPECT_FALSE(CreateToken(dir_, {"anna b", Role::kAdmin, 1, 0, "x"}));
}

TEST_F(ApiTokensTest, RevokesById) {
  const NewToken first = Make("anna");
  const NewToken second = Make("anna");
  const auto revoked = RevokeTokens(dir_, first.token.id);
  ASSERT_TRUE(revoked) << revoked.error().message;
  EXPECT_THAT(revoked->tokens, ::testing::ElementsAre(first.token));
  EXPECT_EQ(revoked->left, 1u);
  EXPECT_THAT(*ReadTokens(File()), ::testing::ElementsAre(second.token));
}

TEST_F(ApiTokensTest, RevokesAllOfAName) {
  Make("anna");
  Make("bob");
  Make("anna");
  const auto revoked = RevokeTokens(dir_, "anna");
  ASSERT_TRUE(revoked);
  EXPECT_THAT(revoked->tokens, SizeIs(2));
  EXPECT_EQ((*ReadTokens(File()))[0].name, "bob");
  EXPECT_EQ(RevokeTokens(dir_, "anna").error().code, Code::kNotFound);
  EXPECT_EQ(RevokeTokens(dir_ + "/none", "anna").error().code, Code::kNotFound);
}

TEST_F(ApiTokensTest, AbsentIsNotDamaged) {
  EXPECT_EQ(ReadTokens(File()).error().code, Code::kNotFound);
}

TEST_F(ApiTokensTest, RefusesWhatItDoesNotUnderstand) {
  Make("anna");
  EXPECT_EQ(ErrorOf(Text()), "");
  for (const char* text :
       {"", "{", "[]", "null", "{}", R"({"version": "1", "tokens": []})", R"({"version": 1})",
        R"({"version": 1, "tokens": {}})", R"({"version": 1, "tokens": [1]})"})
    EXPECT_NE(ErrorOf(text), "") << text;
  EXPECT_THAT(ErrorOf(R"({"version": 2, "tokens": []})"), HasSubstr("of version 2"));
  EXPECT_THAT(ErrorOf(With("id", "ABCDEF01")), HasSubstr("token 1 has no 'id'"));
  EXPECT_THAT(ErrorOf(With("name", "")), HasSubstr("'name'"));
  EXPECT_THAT(ErrorOf(With("role", "root")), HasSubstr("'role'"));
  EXPECT_THAT(ErrorOf(With("role", 3)), HasSubstr("'role'"));
  EXPECT_THAT(ErrorOf(With("sha256", "")), HasSubstr("'sha256'"));
  EXPECT_THAT(ErrorOf(With("created", "yesterday")), HasSubstr("'created'"));
  EXPECT_THAT(ErrorOf(With("expires", "never")), HasSubstr("'expires'"));
  EXPECT_THAT(ErrorOf(With("expires", 0)), HasSubstr("'expires'"));
  Json file = Json::parse(Text());
  file["tokens"].push_back(file["tokens"][0]);
  EXPECT_THAT(ErrorOf(file.dump()), HasSubstr("twice"));
  file["tokens"][1].erase("expires");
  EXPECT_THAT(ErrorOf(file.dump()), HasSubstr("no 'expires'"));
}

TEST_F(ApiTokensTest, ErrorsNameTheFileAndWhatToDo) {
  Overwrite("{");
  EXPECT_THAT(ReadTokens(File()).error().message,
              AllOf(HasSubstr(File()), HasSubstr("heald token create")));
  Overwrite(R"({"version": 9, "tokens": []})");
  EXPECT_THAT(ReadTokens(File()).error().message, HasSubstr("update heald"));
  Overwrite(std::string(1024 * 1024 + 1, ' '));
  EXPECT_THAT(ReadTokens(File()).error().message, HasSubstr("larger than 1 MiB"));
  Overwrite(R"({"version": 1, "tokens": []})");
  ASSERT_TRUE(ReadTokens(File()));
  chmod(File().c_str(), 0620);
  EXPECT_THAT(ReadTokens(File()).error().message, HasSubstr("chmod 600"));
}

TEST_F(ApiTokensTest, NeitherAFolderNorAPipeHoldsItUp) {
  std::filesystem::create_directory(File());
  EXPECT_THAT(ReadTokens(File()).error().message, HasSubstr("not a regular file"));
  std::filesystem::remove(File());
  ASSERT_EQ(mkfifo(File().c_str(), 0600), 0);
  EXPECT_THAT(ReadTokens(File()).error().message, HasSubstr("not a regular file"));
}

TEST_F(ApiTokensTest, ADamagedFileIsNotOverwritten) {
  Overwrite("{");
  EXPECT_FALSE(CreateToken(dir_, {"anna", Role::kAdmin, 1, 0, "x"}));
  EXPECT_FALSE(RevokeTokens(dir_, "anna"));
  EXPECT_EQ(Text(), "{");
}

TEST_F(ApiTokensTest, SplitsOnlyWhatLooksLikeAToken) {
  for (const char* text : {"", "heald_", "heald_12345678", "heald_12345678_", "heald_1234567_x",
                           "heald-12345678_x", "HEALD_12345678_x", "heald_123456789_x"})
    EXPECT_FALSE(SplitToken(text)) << text;
  EXPECT_EQ(SplitToken("heald_12345678_x_y")->secret, "x_y");
}

TEST_F(ApiTokensTest, CommandsAtTheSameTimeLoseNothingAndReadersSeeWholeFiles) {
  constexpr int kThreads = 4;
  constexpr int kEach = 12;
  Make("first");
  std::atomic<int> running{kThreads};
  std::vector<std::thread> commands;
  for (int t = 0; t < kThreads; ++t)
    commands.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = "robot" + std::to_string(t);
        EXPECT_TRUE(CreateToken(dir_, {name, Role::kViewer, 1, 0, "x"}));
        if (i == kEach / 2) {
          EXPECT_TRUE(RevokeTokens(dir_, name));
        }
      }
      --running;
    });
  size_t reads = 0;
  do {
    const auto tokens = ReadTokens(File());
    EXPECT_TRUE(tokens) << tokens.error().message;
    ++reads;
  } while (running > 0);
  for (std::thread& command : commands) command.join();
  EXPECT_GT(reads, 0u);
  const auto tokens = ReadTokens(File());
  ASSERT_TRUE(tokens);
  EXPECT_THAT(*tokens, SizeIs(1 + kThreads * (kEach - 1 - kEach / 2)));
}

}  // namespace
}  // namespace heald::api
