#include "core/config/coerce.h"

#include <gtest/gtest.h>

#include "tests/config/fakes.h"

namespace heald {
namespace {

// Value or message for `{v: TEXT}` under {"properties": {"v": SCHEMA}}.
class ConfigCoerceTest : public testing::Test {
 protected:
  Value Typed(const std::string& schema, const std::string& text) {
    message_.clear();
    const Result<SchemaPtr> parsed = ParseSchema(R"({"properties": {"v": )" + schema + "}}");
    EXPECT_TRUE(parsed.ok()) << parsed.error().message;
    const Source source("x.yaml", "v: " + text + "\n");
    Report report(source);
    const YamlPtr root = ParseYaml(source, &report);
    LoadContext context{&report, environment_, "", {}, {}};
    const heald::Typed typed =
        Coerce({root.get(), parsed->get(), "", "source 's'", {}, false}, &context);
    const std::vector<Diagnostic> found = report.Take();
    if (!found.empty()) message_ = found[0].message;
    EXPECT_EQ(typed.ok, message_.empty());
    const Value* value = typed.value.Find("v");
    return value == nullptr ? Value() : *value;
  }
  std::string Message(const std::string& schema, const std::string& text) {
    Typed(schema, text);
    return message_;
  }
  FakeEnvironment environment_;
  std::string message_;
};

TEST_F(ConfigCoerceTest, TypesScalarsByTheSchemaAlone) {
  EXPECT_EQ(Typed(R"({"type": "string"})", "1.10"), Value("1.10"));
  EXPECT_EQ(Typed(R"({"type": "string"})", "true"), Value("true"));
  EXPECT_EQ(Typed(R"({"type": "integer"})", "-5"), Value(-5));
  EXPECT_EQ(Typed(R"({"type": "number"})", "5"), Value(5.0));
  EXPECT_EQ(Typed(R"({"type": "number"})", "+1.5e3"), Value(1500.0));
  EXPECT_EQ(Typed(R"({"type": "boolean"})", "False"), Value(false));
  EXPECT_EQ(Typed(R"({"type": "string", "x-unit": "ratio"})", "2.5%"), Value(0.025));
  EXPECT_EQ(Typed(R"({"type": "string", "x-unit": "size"})", "\"1KiB\""), Value(1024));
  EXPECT_EQ(Typed("{}", "\"5\""), Value("5"));
  EXPECT_EQ(Typed("{}", "5"), Value(5));
}

TEST_F(ConfigCoerceTest, LeavesADefaultOutThatNobodyCouldWrite) {
  EXPECT_EQ(
      Typed(R"({"properties": {"w": {"type": "string", "pattern": "^/", "default": ""}}})", "{}"),
      Value(Value::Map{}));
  EXPECT_EQ(
      Typed(R"({"properties": {"w": {"type": "integer", "minimum": 1, "default": 0}}})", "{}"),
      Value(Value::Map{}));
  EXPECT_EQ(
      Typed(R"({"properties": {"w": {"type": "integer", "minimum": 0, "default": 0}}})", "{}"),
      Value(Value::Map{{"w", 0}}));
}

TEST_F(ConfigCoerceTest, LooksThroughQuotesOnlyWhereAValueWasFilledIn) {
  environment_.variables["N"] = "7";
  environment_.variables["ON"] = "1";
  EXPECT_EQ(Typed(R"({"type": "integer"})", "\"${env:N}\""), Value(7));
  EXPECT_EQ(Typed(R"({"type": "integer"})", "\"${env:NO:-8}\""), Value(8));
  EXPECT_EQ(Typed(R"({"type": "boolean"})", "${env:ON}"), Value(true));
  EXPECT_EQ(Typed(R"({"type": "integer"})", "\"1${env:N}\""), Value(17));
  EXPECT_EQ(Message(R"({"type": "boolean"})", "\"true\""),
            "'v' must be true or false, not the text 'true'");
  EXPECT_EQ(Typed("{}", "${env:N}"), Value("7")) << "without a schema a value stays text";
}

TEST_F(ConfigCoerceTest, RefusesNumbersThatAreNone) {
  EXPECT_EQ(Message(R"({"type": "integer"})", "1.5"), "'v' must be a whole number, not '1.5'");
  EXPECT_EQ(Message(R"({"type": "integer"})", "99999999999999999999"),
            "'v' must be a whole number, not '99999999999999999999'");
  EXPECT_EQ(Message(R"({"type": "number"})", "nan"), "'v' must be a number, not 'nan'");
  EXPECT_EQ(Message(R"({"type": "number"})", "inf"), "'v' must be a number, not 'inf'");
  EXPECT_EQ(Message(R"({"type": "number"})", "0x10"), "'v' must be a number, not '0x10'");
}

TEST_F(ConfigCoerceTest, ChecksBoundsInclusiveAndExclusive) {
  const std::string inclusive = R"({"type": "integer", "minimum": 2, "maximum": 4})";
  EXPECT_EQ(Typed(inclusive, "2"), Value(2));
  EXPECT_EQ(Typed(inclusive, "4"), Value(4));
  EXPECT_EQ(Message(inclusive, "5"), "'v' must be at most 4, not '5'");
  const std::string exclusive =
      R"({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1})";
  EXPECT_EQ(Typed(exclusive, "0.5"), Value(0.5));
  EXPECT_EQ(Message(exclusive, "0"), "'v' must be above 0, not '0'");
  EXPECT_EQ(Message(exclusive, "1"), "'v' must be below 1, not '1'");
  EXPECT_EQ(Message(R"({"x-unit": "duration", "minimum": "1s"})", "10ms"),
            "'v' must be at least 1s, not '10ms'");
}

TEST_F(ConfigCoerceTest, ChecksListsAndTheirItems) {
  const std::string list =
      R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 2})";
  EXPECT_EQ(Typed(list, "[1, 2]"), Value(Value::List{1, 2}));
  EXPECT_EQ(Message(list, "[]"), "'v' needs at least 1 item");
  EXPECT_EQ(Message(list, "[1, 2, 3]"), "'v' takes at most 2 items");
  EXPECT_EQ(Message(list, "[1, x]"), "'v[1]' must be a whole number, not 'x'");
  EXPECT_EQ(Message(list, "{a: 1}"), "'v' must be a list, not a map");
}

TEST_F(ConfigCoerceTest, ChecksTextLengthInCharacters) {
  EXPECT_EQ(Message(R"({"type": "string", "minLength": 1})", "''"), "'v' must not be empty");
  EXPECT_EQ(Message(R"({"type": "string", "minLength": 3})", "äö"),
            "'v' must have at least 3 characters");
  EXPECT_EQ(Typed(R"({"type": "string", "minLength": 3})", "äöü"), Value("äöü"));
}

TEST_F(ConfigCoerceTest, ChecksChoicesOfEveryType) {
  EXPECT_EQ(Typed(R"({"type": "integer", "enum": [1, 2]})", "2"), Value(2));
  EXPECT_EQ(Message(R"({"type": "integer", "enum": [1, 2]})", "3"),
            "'v' must be one of 1, 2, not '3'");
}

TEST_F(ConfigCoerceTest, FillsDefaultsInAtEveryDepth) {
  const std::string schema = R"({"type": "object", "properties": {
      "a": {"type": "integer", "default": 1},
      "b": {"type": "object", "properties": {"c": {"x-unit": "duration", "default": "2s"}}},
      "d": {"type": "object", "properties": {"e": {"type": "string"}}, "required": ["e"]},
      "f": {"type": "object", "properties": {"g": {"default": 3, "type": "integer"}},
            "default": {}}}})";
  EXPECT_EQ(Typed(schema, "{}"), Value(Value::Map{{"a", 1},
                                                  {"b", Value::Map{{"c", int64_t{2'000'000'000}}}},
                                                  {"f", Value::Map{{"g", 3}}}}))
      << "and d, which needs e, stays away";
  EXPECT_EQ(*Typed(schema, "{b: }").Find("b"), Value(Value::Map{{"c", int64_t{2'000'000'000}}}))
      << "an empty map has its defaults";
}

TEST_F(ConfigCoerceTest, NamesNestedKeysInFull) {
  const std::string schema = R"({"type": "object", "additionalProperties":
      {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer"}}}}})";
  EXPECT_EQ(Message(schema, "{q: [{n: 1}, {n: x}]}"), "'v.q[1].n' must be a whole number, not 'x'");
  EXPECT_EQ(Message(schema, "{q: [{m: 1}]}"), "unknown key 'm' in 'v.q[0]' of source 's'");
}

TEST_F(ConfigCoerceTest, ShortensLongValuesInMessages) {
  EXPECT_EQ(Message(R"({"type": "integer"})", std::string(500, 'x')),
            "'v' must be a whole number, not '" + std::string(60, 'x') + "…'");
}

TEST_F(ConfigCoerceTest, NeverPrintsASecret) {
  for (const char* text : {"s3cret", "[s3cret]", "{a: s3cret}", "|\n  s3cret\n  s3cret2"}) {
    const std::string schema = R"({"type": "integer", "x-secret": true})";
    EXPECT_EQ(Message(schema, text).find("s3cret"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace heald
