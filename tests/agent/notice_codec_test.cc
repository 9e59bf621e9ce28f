#include "core/agent/notice_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/store/json.h"

namespace heald::agent {
namespace {

using ::testing::HasSubstr;

TEST(NoticeCodecTest, NotificationsComeBackWithAllTheirRecords) {
  Notification n;
  n.kind = Notification::Kind::kOutcome;
  n.event_id = "e1";
  n.node = "cure";
  n.ts_ns = 5;
  n.text = "healed \"a\"\n\xff";
  n.url = "http://heald/#/incidents/7";
  Finding finding;
  finding.id = "ill/x/1";
  finding.recent = {1, kUnknown, 3};
  Incident incident;
  incident.id = 7;
  incident.findings = {finding};
  Decision decision;
  decision.guards = {{"cooldown", false, "12 s left"}};
  n.finding = std::make_shared<const Finding>(finding);
  n.incident = std::make_shared<const Incident>(incident);
  n.decision = std::make_shared<const Decision>(decision);
  n.outcome = std::make_shared<const Outcome>(Outcome{"d", 7, OutcomeState::kFailed, "no", 9});
  const NoticeCodec codec = JsonNotices();
  const Result<Notification> read = codec.decode(codec.encode(n));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->kind, n.kind);
  EXPECT_EQ(read->event_id, "e1");
  EXPECT_EQ(read->node, "cure");
  EXPECT_EQ(read->ts_ns, 5);
  EXPECT_EQ(read->text, "healed \"a\"\n\xef\xbf\xbd");
  EXPECT_EQ(read->url, n.url);
  EXPECT_EQ(ToJson(*read->finding), ToJson(finding));
  EXPECT_EQ(ToJson(*read->incident), ToJson(incident));
  EXPECT_EQ(ToJson(*read->decision), ToJson(decision));
  EXPECT_EQ(ToJson(*read->outcome), ToJson(*n.outcome));
}

TEST(NoticeCodecTest, RecordsThatAreNotThereStayAway) {
  const NoticeCodec codec = JsonNotices();
  const Result<Notification> read = codec.decode(codec.encode({}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->finding, nullptr);
  EXPECT_EQ(read->outcome, nullptr);
}

TEST(NoticeCodecTest, SaysWhatItCantRead) {
  for (const char* text :
       {"", "7", "{}", R"({"kind":"odd","event_id":"e"})", R"({"kind":"finding"})",
        R"({"kind":"finding","event_id":7})", R"({"kind":"finding","event_id":"e","finding":[]})",
        R"({"kind":"finding","event_id":"e","incident":{"state":"odd"}})"}) {
    const Result<Notification> read = JsonNotices().decode(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Code::kCorrupt);
    EXPECT_THAT(read.error().message, HasSubstr("can't be read"));
  }
}

}  // namespace
}  // namespace heald::agent
