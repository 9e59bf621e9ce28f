#include "core/config/schema.h"

#include <gtest/gtest.h>

#include "core/base/units.h"
#include "core/config/pipeline_schema.h"

namespace heald {
namespace {

std::string Refusal(std::string_view json) {
  const Result<SchemaPtr> schema = ParseSchema(json);
  return schema.ok() ? "accepted" : schema.error().message;
}

TEST(ConfigSchemaTest, ReadsDefaultsAndBoundsInTheirUnits) {
  const Result<SchemaPtr> schema = ParseSchema(R"({"type": "string", "x-unit": "duration",
      "default": "30s", "minimum": "1s", "exclusiveMaximum": "1h"})");
  ASSERT_TRUE(schema.ok()) << schema.error().message;
  EXPECT_EQ((*schema)->fallback, Value(30 * kSecond));
  EXPECT_EQ((*schema)->minimum, 1e9);
  EXPECT_EQ((*schema)->maximum, 3.6e12);
  EXPECT_TRUE((*schema)->below_maximum);
}

TEST(ConfigSchemaTest, OrdersPropertiesForDocsAndForms) {
  const Result<SchemaPtr> schema = ParseSchema(
      R"({"properties": {"c": {}, "b": {"x-order": 2}, "a": {"x-order": 1}, "d": {}}})");
  ASSERT_TRUE(schema.ok());
  std::string names;
  for (const auto& [name, property] : (*schema)->properties) names += name;
  EXPECT_EQ(names, "abcd");
}

TEST(ConfigSchemaTest, ClosesMapsWithPropertiesUnlessTheySayOtherwise) {
  EXPECT_FALSE((*ParseSchema(R"({"properties": {"a": {}}})"))->open);
  EXPECT_TRUE((*ParseSchema(R"({"properties": {"a": {}}, "additionalProperties": true})"))->open);
  EXPECT_TRUE((*ParseSchema(R"({"type": "object"})"))->open);
}

TEST(ConfigSchemaTest, RefusesWhatIsNotInTheSubset) {
  EXPECT_EQ(Refusal("{"), "the config schema is not JSON");
  EXPECT_EQ(Refusal("[]"), "/: a schema is an object");
  EXPECT_EQ(Refusal(R"({"properties": {"a": {"maxlength": 3}}})"),
            "/properties/a/maxlength: 'maxlength' isn't in the subset of JSON Schema that heald "
            "reads: did you mean 'minLength'?");
  EXPECT_EQ(
      Refusal(R"({"properties": {"a/b": {"type": "int"}}})"),
      "/properties/a~1b/type: type is one of object, array, string, integer, number, boolean");
  EXPECT_EQ(Refusal(R"({"x-unit": "hours"})"), "/x-unit: x-unit is one of duration, size, ratio");
  EXPECT_EQ(Refusal(R"({"x-unit": "duration", "default": "30"})"),
            "/default: '30' is not a duration: units are ns, us, ms, s, m, h, d, w");
  EXPECT_EQ(Refusal(R"({"type": "integer", "default": "3"})"), "/default: isn't of the type");
  EXPECT_EQ(Refusal(R"({"type": "string", "pattern": "("})"), "/pattern: missing ): (");
  EXPECT_EQ(Refusal(R"({"properties": {"a": {}}, "required": ["b"]})"),
            "/required: 'b' is no property");
  EXPECT_EQ(Refusal(R"({"type": "integer", "x-runtime": true})"),
            "/x-runtime: only strings can be filled in at run time");
  EXPECT_EQ(Refusal(R"({"type": "string", "x-reload": "drop"})"),
            "/x-reload: is keep, or left out");
  EXPECT_EQ(Refusal(R"({"type": "string", "x-marked": true})"),
            "/x-marked: only strings with x-runtime have anything to mark");
  EXPECT_EQ(Refusal(R"({"type": "string", "enum": [1]})"), "/enum: a value isn't of the type");
  std::string deep;
  for (int i = 0; i < 30; ++i) deep += R"({"items": )";
  EXPECT_NE(Refusal(deep + "{}" + std::string(30, '}')).find("nested deeper than 16 levels"),
            std::string::npos);
}

TEST(ConfigSchemaTest, FormatsValuesInTheirUnit) {
  const auto format = [](const char* json, Value value) {
    return FormatInUnit(**ParseSchema(json), value);
  };
  EXPECT_EQ(format(R"({"x-unit": "duration"})", 90 * kSecond), "1m30s");
  EXPECT_EQ(format(R"({"x-unit": "size"})", int64_t{64} << 20), "64MiB");
  EXPECT_EQ(format(R"({"x-unit": "size"})", 1000), "1000B");
  EXPECT_EQ(format(R"({"x-unit": "ratio"})", 0.05), "0.05");
  EXPECT_EQ(format("{}", true), "true");
}

TEST(ConfigSchemaTest, ReadsHealdsOwnSchemas) {
  EXPECT_NE(AgentSchema().Find("listen"), nullptr);
  EXPECT_NE(PolicySchema().Find("action"), nullptr);
  EXPECT_NE(PolicySchema().Find("steps"), nullptr);
  for (const Kind kind : {Kind::kSource, Kind::kDetector, Kind::kAction, Kind::kNotifier})
    EXPECT_TRUE(NodeSchema(kind).Requires("plugin"));
  EXPECT_EQ(NodeSchema(Kind::kSource).Find("inputs"), nullptr);
}

}  // namespace
}  // namespace heald
