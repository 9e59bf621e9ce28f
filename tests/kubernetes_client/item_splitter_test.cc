#include "plugins/support/kubernetes/item_splitter.h"

#include <gtest/gtest.h>

#include <vector>

namespace heald::kubernetes {
namespace {

using Of = ItemSplitter::Of;

struct Cut {
  std::vector<std::string> items;
  std::string envelope;
  bool good = true;
  bool complete = false;
  bool malformed = false;
};

Cut Split(Of of, const std::string& text, size_t chunk_bytes) {
  Cut cut;
  ItemSplitter splitter(of, [&](std::string_view item) {
    cut.items.emplace_back(item);
    return true;
  });
  for (size_t at = 0; at < text.size() && cut.good; at += chunk_bytes)
    cut.good = splitter.Feed(std::string_view(text).substr(at, chunk_bytes));
  cut.envelope = splitter.envelope();
  cut.complete = splitter.complete();
  cut.malformed = splitter.malformed();
  return cut;
}

constexpr const char* kList =
    R"({"kind":"PodList", "metadata":{"resourceVersion":"7","items":[1]},)"
    "\n"
    R"( "items": [ {"a":"}\"]{","b":[{}, 2]},{"c":{}} , {}], "after":["x"]})";

TEST(ItemSplitterTest, CutsAListWhateverTheChunksBordersAre) {
  for (size_t chunk_bytes = 1; chunk_bytes < 200; ++chunk_bytes) {
    const Cut cut = Split(Of::kList, kList, chunk_bytes);
    EXPECT_EQ(cut.items,
              (std::vector<std::string>{R"({"a":"}\"]{","b":[{}, 2]})", R"({"c":{}})", "{}"}))
        << chunk_bytes;
    EXPECT_TRUE(cut.good && cut.complete) << chunk_bytes;
    EXPECT_EQ(cut.envelope, R"({"kind":"PodList", "metadata":{"resourceVersion":"7","items":[1]},)"
                            "\n"
                            R"( "items": [], "after":["x"]})");
  }
}

TEST(ItemSplitterTest, CutsAStreamOfEvents) {
  const std::string text = "{\"type\":\"ADDED\"}\n{\"s\":\"\\\\\"}\r\n\n{\"t\":{\"u\":1}}\n";
  for (size_t chunk_bytes = 1; chunk_bytes <= text.size(); ++chunk_bytes) {
    const Cut cut = Split(Of::kStream, text, chunk_bytes);
    EXPECT_EQ(cut.items, (std::vector<std::string>{R"({"type":"ADDED"})", R"({"s":"\\"})",
                                                   R"({"t":{"u":1}})"}));
    EXPECT_TRUE(cut.complete);
  }
}

TEST(ItemSplitterTest, KnowsWhatIsNotComplete) {
  EXPECT_FALSE(Split(Of::kList, std::string(kList).substr(0, 120), 50).complete);
  EXPECT_FALSE(Split(Of::kStream, R"({"type":"ADD)", 50).complete);
  EXPECT_FALSE(Split(Of::kList, "", 1).complete);
}

TEST(ItemSplitterTest, TakesNothingButObjects) {
  for (const char* text : {"<html>no</html>", "[1]", "\"x\"", "}", "]"}) {
    EXPECT_TRUE(Split(Of::kList, text, 3).malformed) << text;
    EXPECT_TRUE(Split(Of::kStream, text, 3).malformed) << text;
  }
  EXPECT_TRUE(Split(Of::kList, R"({"items":[1,2]})", 50).malformed);
  EXPECT_TRUE(Split(Of::kList, R"({} {})", 50).malformed);
}

TEST(ItemSplitterTest, ListsWithoutItemsAreLists) {
  EXPECT_TRUE(Split(Of::kList, R"({"items":[],"metadata":{}})", 4).complete);
  EXPECT_TRUE(Split(Of::kList, R"({"items":null,"metadata":{}})", 4).complete);
}

TEST(ItemSplitterTest, EndsWhereItIsTold) {
  size_t taken = 0;
  ItemSplitter splitter(Of::kStream, [&](std::string_view) { return ++taken < 2; });
  EXPECT_FALSE(splitter.Feed("{}{}{}"));
  EXPECT_EQ(taken, 2u);
  EXPECT_FALSE(splitter.malformed());
}

}  // namespace
}  // namespace heald::kubernetes
