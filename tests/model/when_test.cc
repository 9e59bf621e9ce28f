#include "core/model/when.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace heald {
namespace {

class Values final : public WhenScope {
 public:
  Values(std::initializer_list<std::pair<const std::string, WhenValue>> values) : values_(values) {}
  std::optional<WhenValue> Lookup(std::string_view name) const override {
    const auto at = values_.find(std::string(name));
    return at == values_.end() ? std::nullopt : std::optional<WhenValue>(at->second);
  }

 private:
  std::map<std::string, WhenValue> values_;
};

WhenValue Text(const char* text) {
  return std::string(text);
}

const Values kOrders = {{"service", Text("orders")},
                        {"latency_p99", 1.84},
                        {"severity", Severity::kCritical},
                        {"score", 9.1},
                        {"kind", Text("anomaly")},
                        {"eta", 120.0},
                        {"age", -0.0982039},
                        {"flag", true},
                        {"load", 0.07},
                        {"memory", 1048576.0},
                        {"zero", 0.0},
                        {"odd", std::nan("")}};

When ParsedWhen(std::string_view text) {
  auto parsed = When::Parse(text);
  if (const WhenError* error = std::get_if<WhenError>(&parsed))
    ADD_FAILURE() << text << ": " << error->column << ": " << error->message;
  return std::holds_alternative<When>(parsed) ? std::get<When>(parsed) : When();
}

std::string Answer(std::string_view text) {
  switch (ParsedWhen(text).Evaluate(kOrders).verdict) {
    case Verdict::kTrue:
      return "true";
    case Verdict::kFalse:
      return "false";
    default:
      return "inconclusive";
  }
}

std::string Why(std::string_view text) {
  return ParsedWhen(text).Evaluate(kOrders).why;
}

// "column+length: message (hint)"
std::string Mistake(std::string_view text) {
  const auto parsed = When::Parse(text);
  const WhenError* error = std::get_if<WhenError>(&parsed);
  if (error == nullptr) return "no error";
  return std::to_string(error->column) + "+" + std::to_string(error->length) + ": " +
         error->message + (error->hint.empty() ? "" : " (" + error->hint + ")");
}

TEST(ModelWhenTest, AnswersTheExampleOfTheManual) {
  const When when =
      ParsedWhen(R"(service == "orders" and latency_p99 > 0.5 and severity >= warning)");
  const WhenAnswer answer = when.Evaluate(kOrders);
  EXPECT_EQ(answer.verdict, Verdict::kTrue);
  EXPECT_EQ(answer.why,
            "service \"orders\" == \"orders\" yes, latency_p99 1.84 > 0.5 yes, "
            "severity critical >= warning yes");
  EXPECT_EQ(when.names(), (std::vector<std::string>{"service", "latency_p99", "severity"}));
}

TEST(ModelWhenTest, WithoutConditionIsAlwaysTrue) {
  EXPECT_EQ(When().Evaluate(kOrders).verdict, Verdict::kTrue);
}

TEST(ModelWhenTest, ListsEachNameOnceInOrderOfAppearance) {
  EXPECT_EQ(ParsedWhen("b > 1 and a > 2 or b < 3 and prom.x > 1").names(),
            (std::vector<std::string>{"b", "a", "prom.x"}));
}

TEST(ModelWhenTest, ComparesEveryType) {
  EXPECT_EQ(Answer("latency_p99 == 1.84"), "true");
  EXPECT_EQ(Answer("latency_p99 != 1.84"), "false");
  EXPECT_EQ(Answer("latency_p99 < 1.84"), "false");
  EXPECT_EQ(Answer("latency_p99 <= 1.84"), "true");
  EXPECT_EQ(Answer("severity == critical"), "true");
  EXPECT_EQ(Answer("severity < critical"), "false");
  EXPECT_EQ(Answer("warning < critical"), "true");
  EXPECT_EQ(Answer("service != 'users'"), "true");
  EXPECT_EQ(Answer("flag == true"), "true");
  EXPECT_EQ(Answer("flag"), "true");
  EXPECT_EQ(Answer("not flag"), "false");
}

TEST(ModelWhenTest, KnowsDurationsSizesAndPercentages) {
  EXPECT_EQ(Answer("eta < 5m"), "true");
  EXPECT_EQ(Answer("eta < 1m30s"), "false");
  EXPECT_EQ(Answer("eta == 2m"), "true");
  EXPECT_EQ(Answer("load > 5%"), "true");
  EXPECT_EQ(Answer("load > 7.1%"), "false");
  EXPECT_EQ(Answer("memory == 1MiB"), "true");
}

TEST(ModelWhenTest, MatchesWholeTextsByRegularExpression) {
  EXPECT_EQ(Answer("service =~ 'ord.*'"), "true");
  EXPECT_EQ(Answer("service =~ 'ord'"), "false");
  EXPECT_EQ(Answer("service !~ 'ord'"), "true");
  EXPECT_EQ(Answer(R"(service =~ "\w+")"), "true");
}

TEST(ModelWhenTest, FindsMembersOfLists) {
  EXPECT_EQ(Answer("service in ['orders', 'users']"), "true");
  EXPECT_EQ(Answer("service not in ['orders', 'users']"), "false");
  EXPECT_EQ(Answer("not service in ['payments']"), "true");
  EXPECT_EQ(Answer("severity in [info, critical]"), "true");
  EXPECT_EQ(Answer("zero in [-1, 0, 1]"), "true");
}

TEST(ModelWhenTest, BindsNotBeforeAndBeforeOr) {
  EXPECT_EQ(Answer("true or false and false"), "true");
  EXPECT_EQ(Answer("(true or false) and false"), "false");
  EXPECT_EQ(Answer("not false and false"), "false");
  EXPECT_EQ(Answer("not (false and false)"), "true");
  EXPECT_EQ(Answer("not not true"), "true");
}

TEST(ModelWhenTest, BindsProductsBeforeSumsBeforeComparisons) {
  EXPECT_EQ(Answer("1 + 2 * 3 == 7"), "true");
  EXPECT_EQ(Answer("(1 + 2) * 3 == 9"), "true");
  EXPECT_EQ(Answer("10 - 2 - 3 == 5"), "true");
  EXPECT_EQ(Answer("8 / 2 / 2 == 2"), "true");
  EXPECT_EQ(Answer("-latency_p99 < 0"), "true");
  EXPECT_EQ(Answer("1 - -1 == 2"), "true");
}

struct Row {
  const char* left;
  const char* right;
  const char* both;
  const char* either;
};

class ModelWhenTableTest : public testing::TestWithParam<Row> {};

// `gone > 1` has no value; flag and `not flag` are the other two.
TEST_P(ModelWhenTableTest, FollowsThreeValuedLogic) {
  const auto term = [](std::string_view word) -> std::string {
    return word == "true" ? "flag" : word == "false" ? "not flag" : "gone > 1";
  };
  const std::string left = term(GetParam().left);
  const std::string right = term(GetParam().right);
  EXPECT_EQ(Answer(left + " and " + right), GetParam().both);
  EXPECT_EQ(Answer(left + " or " + right), GetParam().either);
}

INSTANTIATE_TEST_SUITE_P(Kleene, ModelWhenTableTest,
                         testing::Values(Row{"true", "true", "true", "true"},
                                         Row{"true", "false", "false", "true"},
                                         Row{"false", "true", "false", "true"},
                                         Row{"false", "false", "false", "false"},
                                         Row{"true", "gone", "inconclusive", "true"},
                                         Row{"gone", "true", "inconclusive", "true"},
                                         Row{"false", "gone", "false", "inconclusive"},
                                         Row{"gone", "false", "false", "inconclusive"},
                                         Row{"gone", "gone", "inconclusive", "inconclusive"}));

TEST(ModelWhenTest, NegatedInconclusiveStaysInconclusive) {
  EXPECT_EQ(Answer("not gone > 1"), "inconclusive");
}

TEST(ModelWhenTest, SaysWhyItIsInconclusive) {
  EXPECT_EQ(Why("gone > 1"), "gone > 1 inconclusive: no fresh value of gone");
  EXPECT_EQ(Why("odd > 1"), "odd > 1 inconclusive: no fresh value of odd");
  EXPECT_EQ(Why("eta < 3m and age < 5m"), "eta 2 min < 3m yes, age now < 5m yes");
  EXPECT_EQ(Why("service > 1"),
            "service \"orders\" > 1 inconclusive: service is text, 1 is a number");
  EXPECT_EQ(Why("load / zero > 1"), "load / zero > 1 inconclusive: division by zero");
  EXPECT_EQ(Why("service + 1 > 1"),
            "service + 1 > 1 inconclusive: service is text, which can't be calculated with");
  EXPECT_EQ(Why("latency_p99"),
            "latency_p99 inconclusive: latency_p99 is a number, not true or false");
  EXPECT_EQ(Why("load in ['a']"),
            "load 0.07 in ['a'] inconclusive: load is a number, ['a'] is text");
}

TEST(ModelWhenTest, ExplainsEveryComparisonAlsoAfterTheAnswerIsClear) {
  EXPECT_EQ(Why("service == 'users' and latency_p99 > 2 * 0.5"),
            "service \"orders\" == 'users' no, latency_p99 1.84 > 2 * 0.5 1 yes");
}

TEST(ModelWhenTest, ReportsMistakesByColumn) {
  EXPECT_EQ(Mistake("severity >= warnin"),
            "12+6: unknown severity 'warnin' (did you mean 'warning'?)");
  EXPECT_EQ(Mistake("severity >= 'warning'"),
            "12+9: a severity is compared with a severity, not with text (write it without "
            "quotes: normal, info, warning, critical)");
  EXPECT_EQ(Mistake("latency > "), "9+1: the condition ends where a value is expected");
  EXPECT_EQ(Mistake("a > 1 && b > 2"), "6+2: '&&' is not expected here (write and)");
  EXPECT_EQ(Mistake("a = 1"), "2+1: '=' is not expected here (write ==)");
  EXPECT_EQ(Mistake("a > 1 b"), "6+1: 'b' is not expected here (expected 'and', 'or' or the end)");
  EXPECT_EQ(Mistake("a > 1 AND b"), "6+3: 'AND' is not expected here (write and)");
  EXPECT_EQ(Mistake("(a > 1"), "5+1: the condition ends where ')' is expected");
  EXPECT_EQ(Mistake("1 < a < 3"), "6+1: comparisons can't be chained (write a < b and b < c)");
  EXPECT_EQ(Mistake("service == \"x"), "11+2: the text that starts here has no closing \"");
  EXPECT_EQ(Mistake("service =~ 'a('"), "11+4: bad regular expression: missing ): a(");
  EXPECT_EQ(Mistake("service =~ other"), "11+5: a regular expression stands in quotes");
  EXPECT_EQ(Mistake("score =~ 'x'"),
            "0+5: 'score' is a number: only text matches a regular expression");
  EXPECT_EQ(Mistake("score > 'x'"), "8+3: 'score' is a number, 'x' is text");
  EXPECT_EQ(Mistake("service > 'x'"),
            "10+3: 'x' is text, which has no order: only == and != compare it");
  EXPECT_EQ(Mistake("service in 'x'"), "11+3: 'in' wants a list (write [\"a\", \"b\"])");
  EXPECT_EQ(Mistake("service in ['a', 1]"),
            "17+1: a list holds values of one type; this one began with text");
  EXPECT_EQ(Mistake("service in [a]"), "12+1: a list holds numbers, texts or severities only");
  EXPECT_EQ(Mistake("service in []"), "11+2: the list is empty: nothing is in it");
  EXPECT_EQ(Mistake("score"),
            "0+5: 'score' is a number, not a condition (compare it with something)");
  EXPECT_EQ(Mistake("a > 1 and 5m"),
            "10+2: '5m' is a number, not a condition (compare it with something)");
  EXPECT_EQ(Mistake("kind == 'anomoly'"),
            "8+9: a finding is never of kind 'anomoly' (kinds are anomaly, prediction, event)");
  EXPECT_EQ(Mistake("eta < 5minutes"),
            "6+8: '5minutes' is not a number (write 0.5, 5%, 30s or 64MiB)");
  EXPECT_EQ(Mistake("warning + 1 > 2"),
            "0+7: 'warning' is a severity, which can't be calculated with");
  EXPECT_EQ(Mistake("a > 1e999"), "4+5: this number is out of range");
  EXPECT_EQ(Mistake(""), "0+1: the condition is empty: write one, or leave 'when' out");
  EXPECT_EQ(Mistake("a > 1 € b"),
            "6+3: '€' is not expected here (expected 'and', 'or' or the end)");
}

TEST(ModelWhenTest, BoundsDepthAndLength) {
  EXPECT_EQ(Mistake(std::string(1000, '(') + "true" + std::string(1000, ')')),
            "65+1: the condition is nested too deeply");
  EXPECT_NE(Mistake(std::string(1000, '-') + "1 > 0").find("nested too deeply"), std::string::npos);
  std::string nots;
  for (int i = 0; i < 500; ++i) nots += "not ";
  EXPECT_NE(Mistake(nots + "true").find("nested too deeply"), std::string::npos);
  std::string sum = "1";
  for (int i = 0; i < 600; ++i) sum += "+1";
  EXPECT_EQ(Mistake(sum + " > 0"), "0+1: the condition has too many terms");
  EXPECT_EQ(Mistake(std::string(5000, ' ') + "true"),
            "0+1: the condition is longer than 4096 characters");
}

}  // namespace
}  // namespace heald
