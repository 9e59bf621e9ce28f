#include "plugins/notifiers/slack/escape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald::slack {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SlackEscapeTest, EscapesWhatSlackWouldReadAsMarkup) {
  EXPECT_EQ(Escape("a < b && c > <!channel>", 100), "a &lt; b &amp;&amp; c &gt; &lt;!channel&gt;");
}

TEST(SlackEscapeTest, CutsAtCharactersAndNeverInsideAnEntity) {
  EXPECT_EQ(Escape("äöüß", 4), "äöüß");
  EXPECT_EQ(Escape("äöüßx", 4), "äöü…");
  for (size_t most = 1; most < 15; ++most) {
    const std::string cut = Escape("a&b&c&d", most);
    EXPECT_TRUE(cut == "…" || cut.ends_with("…")) << cut;
    EXPECT_EQ(cut.find("&…"), std::string::npos) << cut;
    EXPECT_EQ(cut.find("am…"), std::string::npos) << cut;
  }
  EXPECT_EQ(Escape("a&b", 7), "a&amp;b");
}

TEST(SlackEscapeTest, KeepsATemplatesOwnMarkupAndNothingElse) {
  const auto allowed = MarkupOf("<!here> <${incident.url}|look> <${target.team}>", "http://h/#/7");
  EXPECT_THAT(allowed, ElementsAre("<!here>", "<http://h/#/7|look>"));
  EXPECT_EQ(Escape("<!here> <http://h/#/7|look> <!channel> <b>", 100, allowed),
            "<!here> <http://h/#/7|look> &lt;!channel&gt; &lt;b&gt;");
  EXPECT_THAT(MarkupOf("<${incident.url}|look> <open", ""), IsEmpty());
}

TEST(SlackEscapeTest, MakesLinksThatCantEndEarly) {
  EXPECT_EQ(Link("http://h/a|b>c&d", "words"), "<http://h/a%7Cb%3Ec&amp;d|words>");
  EXPECT_EQ(Link("", "words"), "words");
}

TEST(SlackEscapeTest, WritesTimesForTheReadersClock) {
  EXPECT_EQ(Date(1'795'294'950'123'000'000, "{time_secs}"),
            "<!date^1795294950^{time_secs}|2026-11-21 21:02:30 UTC>");
}

}  // namespace
}  // namespace heald::slack
