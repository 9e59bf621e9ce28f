#include <gtest/gtest.h>

#include "core/api/token_edit.h"
#include "core/base/clock.h"
#include "tests/contract/contract_fixture.h"

namespace heald::testing {
namespace {

class ContractRolesTest : public ContractTest {
 protected:
  void SetUp() override {
    std::string text = Pipeline();
    Write(text);
    for (const std::string_view role : api::kRoleNames) {
      api::TokenRequest request;
      request.name = std::string(role);
      request.role = *api::ParseRole(role);
      request.now_ns = SystemClock().NowNs();
      const auto token = api::CreateToken(dir_ + "/state", request);
      ASSERT_TRUE(token.ok()) << token.error().message;
      tokens_[request.name] = token->text;
    }
    ASSERT_NO_FATAL_FAILURE(StartAndWait());
  }
  int StatusOf(const Operation& operation, const std::string& token) {
    const std::string body = operation.body.is_null() ? "" : NamelessBody(operation.body).dump();
    return Ask(operation.method, operation.ExamplePath(), body,
               token.empty() ? "" : "Authorization: Bearer " + token + "\r\n")
        .status;
  }
  // With a token the token says who acts.
  static nlohmann::json NamelessBody(nlohmann::json body) {
    body.erase("actor");
    return body;
  }
  std::map<std::string, std::string> tokens_;
};

TEST_F(ContractRolesTest, EachOperationAsksForTheRoleThatTheContractNames) {
  for (const Operation& operation : Operations()) {
    if (operation.path == "/api/v1/events") continue;  // goes on for ever
    const std::string what = operation.method + " " + operation.path;
    if (operation.role == "none") {
      EXPECT_EQ(StatusOf(operation, ""), 200) << what;
      continue;
    }
    EXPECT_EQ(StatusOf(operation, ""), 401) << what;
    bool enough = false;
    for (const std::string_view role : api::kRoleNames) {
      enough = operation.role == "sender" ? role == "sender" || role == "admin"
                                          : enough || role == operation.role;
      const int status = StatusOf(operation, tokens_[std::string(role)]);
      if (enough)
        EXPECT_TRUE(status != 401 && status != 403) << what << " as " << role << ": " << status;
      else
        EXPECT_EQ(status, 403) << what << " as " << role;
    }
  }
  Judge();
}

TEST_F(ContractRolesTest, OnlyAnAdminLetsAPolicyDoMoreByItself) {
  const auto patch = [&](const std::string& role, const std::string& body) {
    return Ask("PATCH", "/api/v1/policies/ask", body,
               "Authorization: Bearer " + tokens_[role] + "\r\n")
        .status;
  };
  EXPECT_EQ(patch("operator", R"({"mode": "enforce"})"), 403);
  EXPECT_EQ(patch("operator", R"({"mode": "shadow", "enabled": false})"), 200);
  EXPECT_EQ(patch("approver", R"({"enabled": true})"), 403);
  EXPECT_EQ(patch("approver", R"({"mode": "approve"})"), 403);
  EXPECT_EQ(patch("admin", R"({"mode": "enforce", "enabled": true})"), 200);
  EXPECT_EQ(AskJson("GET", "/api/v1/policies/ask", "",
                    "Authorization: Bearer " + tokens_["viewer"] + "\r\n")["changed_by"],
            "user:admin");
  Judge();
}

TEST_F(ContractRolesTest, AnOperatorMayDenyAndOnlyAnApproverMayApprove) {
  const auto answer = [&](const std::string& role, const std::string& body) {
    return Ask("PUT", "/api/v1/approvals/5f0c1b9ad27e4e6309b1c7aa02d8f4e1", body,
               "Authorization: Bearer " + tokens_[role] + "\r\n")
        .status;
  };
  EXPECT_EQ(answer("viewer", R"({"approve": false})"), 403);
  EXPECT_EQ(answer("operator", R"({"approve": true})"), 403);
  EXPECT_EQ(answer("operator", R"({"approve": false})"), 404) << "allowed, and not there";
  EXPECT_EQ(answer("approver", R"({"approve": true})"), 404);
  Judge();
}

TEST_F(ContractRolesTest, NobodyActsInAnothersName) {
  EXPECT_EQ(Ask("PUT", "/api/v1/switch", R"({"enabled": false, "actor": "anna"})",
                "Authorization: Bearer " + tokens_["operator"] + "\r\n")
                .status,
            403);
  Judge();
}

TEST_F(ContractRolesTest, WhoGuessesTokensIsToldToWait) {
  int status = 0;
  for (int i = 0; i < 100 && status != 429; ++i)
    status = Ask("GET", "/api/v1/status", "",
                 "Authorization: Bearer heald_" + std::to_string(10'000'000 + i) + "_x\r\n")
                 .status;
  EXPECT_EQ(status, 429);
  Judge();
}

}  // namespace
}  // namespace heald::testing
