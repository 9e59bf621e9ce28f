#include <gtest/gtest.h>

#include <random>

#include "tests/contract/contract_fixture.h"

namespace heald::testing {
namespace {

// Makes requests that are mostly wrong, the same ones in each run.
class Oddities {
 public:
  explicit Oddities(uint32_t seed) : random_(seed) {}

  size_t Below(size_t limit) { return random_() % limit; }
  bool OneIn(size_t n) { return Below(n) == 0; }

  std::string Text() {
    static const std::vector<std::string> kTexts = {"",
                                                    "0",
                                                    "-1",
                                                    "1",
                                                    "7",
                                                    "18446744073709551615",
                                                    "18446744073709551616",
                                                    "1e3",
                                                    "0x10",
                                                    "NaN",
                                                    "null",
                                                    "true",
                                                    "open",
                                                    "resolved",
                                                    "shadow",
                                                    "..",
                                                    "../../etc/passwd",
                                                    "a/b",
                                                    "%",
                                                    "%00",
                                                    std::string(1, '\0'),
                                                    "\r\nX-Injected: 1",
                                                    "ü€😀",
                                                    "\xff\xfe",
                                                    "' OR 1=1 --",
                                                    "{}",
                                                    "[]",
                                                    "${env:HOME}",
                                                    "<script>",
                                                    "a b",
                                                    "cure",
                                                    "detector",
                                                    "zscore",
                                                    std::string(3000, 'a')};
    if (!OneIn(4)) return kTexts[Below(kTexts.size())];
    std::string bytes(1 + Below(12), ' ');
    for (char& c : bytes) c = static_cast<char>(Below(256));
    return bytes;
  }

  nlohmann::json Value(int depth = 0) {
    switch (Below(depth > 3 ? 6 : 8)) {
      case 0:
        return nullptr;
      case 1:
        return OneIn(2);
      case 2:
        return static_cast<int64_t>(random_());
      case 3:
        return -1.5e300;
      case 4:
        return "anna";
      case 5:
        return std::string(Below(100), 'x');
      case 6: {
        nlohmann::json list = nlohmann::json::array();
        for (size_t i = Below(4); i > 0; --i) list.push_back(Value(depth + 1));
        return list;
      }
      default: {
        nlohmann::json map = nlohmann::json::object();
        static const char* kNames[] = {"actor", "enabled", "mode", "approve", "", "__proto__"};
        for (size_t i = Below(4); i > 0; --i) map[kNames[Below(6)]] = Value(depth + 1);
        return map;
      }
    }
  }

  // From the example's own shape to no JSON at all.
  std::string Body(nlohmann::json example) {
    switch (Below(6)) {
      case 0:
        return Value().dump();
      case 1:
        return std::string(20'000, '[');
      case 2: {
        std::string text = example.dump();
        return text.substr(0, Below(text.size()));
      }
      case 3: {
        std::string text = example.dump();
        text[Below(text.size())] = static_cast<char>(Below(256));
        return text;
      }
      case 4: {
        if (!example.empty())
          std::next(example.begin(), static_cast<int>(Below(example.size()))).value() = Value();
        return example.dump();
      }
      default:
        example[OneIn(2) ? "actor" : "extra"] = Value();
        return example.dump();
    }
  }

  std::string Target(const Operation& operation) {
    std::string path = operation.path;
    std::string query;
    const auto add = [&](const std::string& name, const std::string& value) {
      query += (query.empty() ? "?" : "&") + name + "=" + value;
    };
    for (const nlohmann::json& parameter : operation.parameters) {
      const std::string name = parameter["name"];
      if (parameter["in"] == "path") {
        std::string value = PercentEncode(Text());
        const std::string place = "{" + name + "}";
        path.replace(path.find(place), place.size(), value);
      } else if (parameter["in"] == "query" && !OneIn(3)) {
        add(name, OneIn(6) ? Text().substr(0, 1) : PercentEncode(Text()));
      }
    }
    if (OneIn(4)) add(PercentEncode(Text()), PercentEncode(Text()));
    std::string target = path + query;
    // A request line of its own making is another test's.
    std::erase_if(target, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; });
    return target;
  }

  std::string Headers() {
    static const std::vector<std::string> kHeaders = {
        "",
        "Accept: image/png\r\n",
        "Authorization: Bearer\r\n",
        "Authorization: Basic YTpi\r\n",
        "If-None-Match: *\r\n",
        "Origin: null\r\n",
        "Range: bytes=0-3\r\n",
        "Upgrade: websocket\r\n",
        "X-HTTP-Method-Override: DELETE\r\n",
    };
    return OneIn(3) ? kHeaders[Below(kHeaders.size())] : "";
  }

 private:
  std::mt19937 random_;
};

class ContractOddRequestsTest : public ContractTest {
 protected:
  // All on one connection, unless the agent says that it closes it.
  api::Answer AskOnOne(const std::string& method, const std::string& target,
                       const std::string& body, const std::string& headers) {
    if (client_ == nullptr) client_ = std::make_unique<api::RawClient>(port());
    EXPECT_TRUE(client_->Send(RequestText(method, target, body, headers)));
    const api::Answer answer = client_->Read(method != "HEAD");
    const auto connection = answer.headers.find("Connection");
    if (connection != answer.headers.end() && connection->second == "Close") client_ = nullptr;
    Record(method, target, answer.status, answer.headers, answer.body);
    return answer;
  }

 private:
  std::unique_ptr<api::RawClient> client_;
};

TEST_F(ContractOddRequestsTest, NeverBreakTheAgentAndAlwaysGetADocumentedAnswer) {
  constexpr int kRounds = 40;
  Write(Pipeline());
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  Oddities odd(2026);
  for (int round = 0; round < kRounds; ++round)
    for (const Operation& operation : Operations()) {
      const bool plain = operation.parameters.empty() && operation.body.is_null();
      // What takes neither parameter nor body cannot be asked much differently; the stream's only
      // parameter is a header, and it has no end.
      if (operation.path == "/api/v1/events" || (plain && round > 2)) continue;
      const std::string target = odd.Target(operation);
      const std::string body = operation.body.is_null() ? "" : odd.Body(operation.body);
      const api::Answer answer = AskOnOne(operation.method, target, body, odd.Headers());
      ASSERT_NE(answer.status, 0) << operation.method << " " << target;
      EXPECT_LT(answer.status, 500) << operation.method << " " << target << "\n"
                                    << body.substr(0, 200) << "\n"
                                    << answer.body;
      if (answer.status >= 400) {
        EXPECT_EQ(answer.headers.at("Content-Type"), "application/problem+json") << target;
      }
      EXPECT_EQ(answer.headers.count("X-Injected"), 0u) << target;
    }
  EXPECT_GE(recorded(), 500u);
  EXPECT_EQ(Ask("GET", "/healthz").status, 200) << agent().output();
  Judge();
}

}  // namespace
}  // namespace heald::testing
