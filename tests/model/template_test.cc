#include "core/model/template.h"

#include <gtest/gtest.h>

#include <fstream>

namespace heald {
namespace {

std::optional<std::string> Lookup(std::string_view name) {
  if (name == "target.service") return "orders";
  if (name == "finding.value") return "1.84";
  if (name == "incident.id") return "7";
  if (name == "target.odd") return "${target.service}$${";
  return std::nullopt;
}

std::string Rendered(std::string_view text) {
  const Result<std::string> result = RenderText(text, Lookup);
  return result.ok() ? *result : "error: " + result.error().message;
}

TEST(ModelTemplateTest, FillsPlaceholdersIn) {
  EXPECT_EQ(Rendered("${target.service}"), "orders");
  EXPECT_EQ(Rendered("a ${target.service} b ${finding.value}${incident.id}"), "a orders b 1.847");
  EXPECT_EQ(Rendered("nothing $ here $5 {}"), "nothing $ here $5 {}");
}

TEST(ModelTemplateTest, EscapesWithADoubledDollar) {
  EXPECT_EQ(Rendered("$${target.service}"), "${target.service}");
  EXPECT_EQ(Rendered("$$${x}"), "$${x}");
}

TEST(ModelTemplateTest, NeverExpandsAValue) {
  EXPECT_EQ(Rendered("${target.odd}"), "${target.service}$${");
}

TEST(ModelTemplateTest, EscapedTextRendersToItself) {
  for (const std::string_view text :
       {"", "$", "a$", "${target.service}", "$${x}", "$$$", "${", "}"})
    EXPECT_EQ(Rendered(EscapeTemplate(text) + "${incident.id}"), std::string(text) + "7");
}

TEST(ModelTemplateTest, NamesAPlaceholderWithoutValue) {
  EXPECT_EQ(Rendered("x ${target.zone}"), "error: ${target.zone} has no value here");
}

TEST(ModelTemplateTest, RefusesOtherRootsAndOpenBraces) {
  EXPECT_EQ(Rendered("${env.HOME}"),
            "error: unknown placeholder '${env.HOME}': known here are ${target.…}, ${finding.…} "
            "and ${incident.…}; write $${ for a literal ${");
  EXPECT_EQ(Rendered("a ${target.x"),
            "error: '${target.x' has no closing }: write $${ for a literal ${");
  EXPECT_FALSE(IsRuntimeName("target"));
  EXPECT_FALSE(IsRuntimeName("target."));
  EXPECT_FALSE(IsRuntimeName("targets.x"));
  EXPECT_FALSE(IsRuntimeName("target.a b"));
  EXPECT_TRUE(IsRuntimeName("target.app.kubernetes.io/name"));
}

TEST(ModelTemplateTest, TheDocumentListsEveryPlaceholder) {
  std::string table;
  for (const RuntimeField& field : RuntimeFields())
    table += "| `${" + std::string(field.name) + "}` | " + std::string(field.doc) + " |\n";
  std::ifstream in(std::string(HEALD_SOURCE_DIR) + "/docs/templates.md");
  const std::string document{std::istreambuf_iterator<char>(in), {}};
  EXPECT_NE(document.find(table), std::string::npos) << "docs/templates.md needs these lines:\n"
                                                     << table;
}

Value Tree() {
  return Value::Map{{"container", "${target.service}"},
                    {"n", 3},
                    {"a/b", Value::List{"x", "y ${finding.value}"}}};
}

TEST(ModelTemplateTest, ListsPlaceholdersOfATreeWithTheirPlaces) {
  const Result<std::vector<Placeholder>> all = ListPlaceholders(Tree());
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "target.service");
  EXPECT_EQ((*all)[0].path, "/container");
  EXPECT_EQ((*all)[1].name, "finding.value");
  EXPECT_EQ((*all)[1].path, "/a~1b/1");
  EXPECT_EQ((*all)[1].offset, 2u);
  EXPECT_EQ((*all)[1].length, 16u);
}

TEST(ModelTemplateTest, RendersATreeAndLeavesTheRestAlone) {
  const Result<Value> rendered = RenderTemplate(Tree(), Lookup);
  ASSERT_TRUE(rendered.ok());
  EXPECT_EQ(
      *rendered,
      Value(Value::Map{{"container", "orders"}, {"n", 3}, {"a/b", Value::List{"x", "y 1.84"}}}));
}

TEST(ModelTemplateTest, UnescapesWhatHasNoPlaceholdersAndLeavesTheRestATemplate) {
  const Value tree = Value::Map{{"password", "pa${$}${$}word"},
                                {"channel", "#${target.service}${$}"},
                                {"list", Value::List{"$${x}", 3}}};
  EXPECT_EQ(RenderConstants(tree), Value(Value::Map{{"password", "pa$$word"},
                                                    {"channel", "#${target.service}${$}"},
                                                    {"list", Value::List{"${x}", 3}}}));
}

TEST(ModelTemplateTest, PointsAtTheLeafThatFails) {
  const Value tree = Value::Map{{"a", Value::List{"ok", "${target.zone}"}}};
  const Result<Value> rendered = RenderTemplate(tree, Lookup);
  ASSERT_FALSE(rendered.ok());
  EXPECT_EQ(rendered.error().json_pointer, "/a/1");
  EXPECT_EQ(rendered.error().message, "${target.zone} has no value here");
}

TEST(ModelTemplateTest, WhatIsFilledInStandsBetweenMarksThatNoValueBrings) {
  const std::string marked = MarkPlaceholders("a\x03 ${target.service}$${x}${finding.value}");
  EXPECT_EQ(marked, "a \x02${target.service}\x03$${x}\x02${finding.value}\x03");
  const Result<std::string> rendered =
      RenderText(marked, [](std::string_view) { return "o\x03r\x02s"; });
  ASSERT_TRUE(rendered.ok());
  EXPECT_EQ(*rendered, "a \x02ors\x03${x}\x02ors\x03");
}

}  // namespace
}  // namespace heald
