#include "demo/services/field.h"

#include <gmock/gmock.h>

namespace heald::demo {
namespace {

using nlohmann::json;
using Type = Field::Type;

const std::vector<Field> kFields = {
    {"name", Type::kString, true, 1, 5, "", {}, {}},
    {"email", Type::kEmail, false, 3, 50, "", {}, {}},
    {"id", Type::kId, false, 1, 10, "", {}, {}},
    {"count", Type::kInteger, false, 1, 10, "", {}, {}},
    {"rate", Type::kNumber, false, 0, 1, "", {}, {}},
    {"on", Type::kBoolean, false, 0, 0, "", {}, {}},
    {"unit", Type::kString, false, 3, 3, "", {"EUR", "USD"}, {}},
};

std::string Issue(const json& body) {
  const json issues = CheckBody(body, kFields);
  return issues.empty() ? ""
                        : issues[0]["field"].get<std::string>() + " " +
                              issues[0]["message"].get<std::string>();
}

TEST(DemoFieldTest, AcceptsEveryType) {
  EXPECT_EQ(Issue({{"name", "Ada"},
                   {"email", "a@b"},
                   {"id", "o-1_x"},
                   {"count", 10},
                   {"rate", 0.5},
                   {"on", true},
                   {"unit", "USD"}}),
            "");
  EXPECT_EQ(Issue({{"name", "Ada"}, {"rate", 1}}), "") << "an integer is a number";
}

TEST(DemoFieldTest, SaysWhatIsWrongWithAField) {
  EXPECT_EQ(Issue(json::object()), "name is required");
  EXPECT_EQ(Issue({{"name", 1}}), "name must be a string");
  EXPECT_EQ(Issue({{"name", "too long"}}), "name must be 1 to 5 bytes long");
  EXPECT_EQ(Issue({{"name", "a"}, {"email", "nobody"}}),
            "email must be an address such as ada@example.com");
  EXPECT_EQ(Issue({{"name", "a"}, {"id", "../x"}}), "id must be letters, digits, '-' and '_' only");
  EXPECT_EQ(Issue({{"name", "a"}, {"count", 1.5}}), "count must be an integer");
  EXPECT_EQ(Issue({{"name", "a"}, {"count", 11}}), "count must be from 1 to 10");
  EXPECT_EQ(Issue({{"name", "a"}, {"rate", -0.1}}), "rate must be from 0 to 1");
  EXPECT_EQ(Issue({{"name", "a"}, {"on", "yes"}}), "on must be true or false");
  EXPECT_EQ(Issue({{"name", "a"}, {"unit", "XXX"}}), "unit must be one of EUR, USD");
  EXPECT_EQ(Issue({{"name", "a"}, {"nmae", "b"}}),
            "nmae is unknown; known are name, email, id, count, rate, on, unit");
}

TEST(DemoFieldTest, ReportsAllIssuesAtOnce) {
  EXPECT_EQ(CheckBody({{"count", 0}, {"rate", 2}, {"x", 1}}, kFields).size(), 4U);
}

TEST(DemoFieldTest, ReadsIntegersFromAQuery) {
  json parsed;
  EXPECT_TRUE(CheckQuery({{"count", "7"}}, kFields, &parsed).empty());
  EXPECT_EQ(parsed["count"], 7);
  EXPECT_EQ(CheckQuery({{"count", "7x"}}, kFields, &parsed).size(), 1U);
  EXPECT_EQ(CheckQuery({{"cuont", "7"}}, kFields, &parsed).size(), 1U);
}

}  // namespace
}  // namespace heald::demo
