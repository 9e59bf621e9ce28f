#include "core/config/yaml.h"

#include <gtest/gtest.h>

namespace heald {
namespace {

// The tree as one line, with each value's place: key@line:column=value@line:column+length.
std::string At(const Span& span) {
  return "@" + std::to_string(span.line + 1) + ":" + std::to_string(span.column + 1);
}
std::string Shown(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null" + At(node.span);
    case YamlNode::Kind::kScalar:
      return (node.plain ? node.text : "'" + node.text + "'") + At(node.span) + "+" +
             std::to_string(node.span.length);
    case YamlNode::Kind::kList: {
      std::string out = "[";
      for (const YamlPtr& item : node.items) out += (out.size() > 1 ? " " : "") + Shown(*item);
      return out + "]";
    }
    case YamlNode::Kind::kMap: {
      std::string out = "{";
      for (const YamlMember& member : node.members)
        out += (out.size() > 1 ? " " : "") + member.key + At(member.key_span) + "=" +
               Shown(*member.value);
      return out + "}";
    }
  }
  return "";
}

std::string Parsed(const std::string& text) {
  const Source source("x.yaml", text);
  Report report(source);
  const YamlPtr root = ParseYaml(source, &report);
  const std::vector<Diagnostic> found = report.Take();
  if (!found.empty())
    return std::to_string(found[0].line) + ":" + std::to_string(found[0].column) + ": " +
           found[0].message;
  return root == nullptr ? "nothing" : Shown(*root);
}

TEST(ConfigYamlTest, KnowsThePlaceOfEveryKeyAndValue) {
  EXPECT_EQ(Parsed("a: 1\nb:\n  c: x y\n"), "{a@1:1=1@1:4+1 b@2:1={c@3:3=x y@3:6+3}}");
  EXPECT_EQ(Parsed("a: [1, 'b c']"), "{a@1:1=[1@1:5+1 'b c'@1:8+5]}");
  EXPECT_EQ(Parsed("'k': \"v\""), "{k@1:1='v'@1:6+3}");
}

TEST(ConfigYamlTest, PutsAnEmptyValueAtItsKey) {
  EXPECT_EQ(Parsed("a:\n\n\nb: 1"), "{a@1:1=null@1:1 b@4:1=1@4:4+1}");
  EXPECT_EQ(Parsed("a: ~"), "{a@1:1=null@1:4}");
  EXPECT_EQ(Parsed("a:\n  - x\n  -\n  - y"), "{a@1:1=[x@2:5+1 null@3:3 y@4:5+1]}");
}

TEST(ConfigYamlTest, SkipsAnchorsAndTags) {
  EXPECT_EQ(Parsed("a: &x 12\nb: *x"), "{a@1:1=12@1:7+2 b@2:1=12@1:7+2}");
  EXPECT_EQ(Parsed("a: !!str 12"), "{a@1:1='12'@1:10+2}");
  EXPECT_EQ(Parsed("a: !!int \"12\""), "{a@1:1=12@1:10+4}");
}

TEST(ConfigYamlTest, MergesMapsWithoutOverwriting) {
  EXPECT_EQ(Parsed("a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  y: 3"),
            "{a@1:1={x@1:8=1@1:11+1 y@1:14=2@1:17+1} b@2:1={y@4:3=3@4:6+1 x@1:8=1@1:11+1}}");
  EXPECT_EQ(Parsed("a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}"),
            "{a@1:1={x@1:8=1@1:11+1} b@2:1={x@2:8=2@2:11+1 z@2:14=3@2:17+1} "
            "c@3:1={x@1:8=1@1:11+1 z@2:14=3@2:17+1}}");
}

TEST(ConfigYamlTest, RefusesKeysThatAreNoText) {
  EXPECT_EQ(Parsed("? [a]\n: b"), "1:3: a key must be plain text");
  EXPECT_EQ(Parsed("a: {{x}}"), "1:5: a key must be plain text");
  EXPECT_EQ(Parsed(": x"), "1:1: a key is missing here");
}

TEST(ConfigYamlTest, PointsIntoQuotedAndFoldedText) {
  const auto inside = [](const std::string& text, std::string_view word) {
    const Source source("x.yaml", text);
    Report report(source);
    const YamlPtr root = ParseYaml(source, &report);
    const YamlNode& scalar = *root->members[0].value;
    const size_t offset = scalar.text.find(word);
    const Span span = SpanInside(source, scalar, offset, word.size());
    const std::string_view line = source.lines[static_cast<size_t>(span.line)];
    return std::string(line.substr(static_cast<size_t>(span.column), word.size()));
  };
  EXPECT_EQ(inside("a: some bad text", "bad"), "bad");
  EXPECT_EQ(inside("a: 'it''s bad'", "bad"), "bad");
  EXPECT_EQ(inside("a: \"\\\"x\\\" is bad\"", "bad"), "bad");
  EXPECT_EQ(inside("a: &anchor some bad", "bad"), "bad");
  EXPECT_EQ(inside("a: |\n  first\n  a bad one\n", "bad"), "bad");
  EXPECT_EQ(inside("a: >-\n  first\n  second\n\n  a bad one\n", "bad"), "bad");
  EXPECT_EQ(inside("a: first\n  second bad", "bad"), "bad");
  EXPECT_EQ(inside("a: first\n  bad", "bad"), "bad");
  EXPECT_EQ(inside("a: 'first\n  bad'", "bad"), "bad");
}

}  // namespace
}  // namespace heald
