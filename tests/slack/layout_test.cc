#include "plugins/notifiers/slack/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/log_notifier/sample.h"
#include "tests/slack/block_kit.h"

namespace heald::slack {
namespace {

using log_notifier::Str;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class SlackLayoutTest : public ::testing::Test {
 protected:
  SlackLayoutTest() { filled_.link = "http://heald/#/incidents/3"; }
  Json Message() {
    if (std::string step = StepOf(sample_.event); !step.empty()) story_.AddStep(std::move(step));
    Json message = MessageOf(sample_.event, story_, written_, filled_);
    EXPECT_EQ(ProblemIn(message), "");
    return message;
  }
  void BecomeDecision(uint32_t verdict) {
    sample_.event.kind = HEALD_NOTICE_DECISION;
    sample_.event.outcome = nullptr;
    sample_.decision.verdict = verdict;
  }

  log_notifier::Sample sample_;
  Story story_;
  Config written_;
  Config filled_;
};

TEST_F(SlackLayoutTest, ReadsFromWhatToWhy) {
  story_.policy = "slow";
  EXPECT_EQ(Message().dump(1, ' '), R"json({
 "text": "🔧 Repairing · payments · latency_p99: healed \"payments\"\nin 7.2 s",
 "blocks": [
  {
   "type": "header",
   "text": {
    "type": "plain_text",
    "text": "🔧 Repairing · payments · latency_p99",
    "emoji": true
   }
  },
  {
   "type": "section",
   "fields": [
    {
     "type": "mrkdwn",
     "text": "*Now*\n1.84 s"
    },
    {
     "type": "mrkdwn",
     "text": "*Expected*\nat most 0.09 s"
    },
    {
     "type": "mrkdwn",
     "text": "*Severity*\n⚠️ warning"
    },
    {
     "type": "mrkdwn",
     "text": "*Since*\n<!date^1795294950^{date_short_pretty} {time_secs}|2026-11-21 21:02:30 UTC>"
    }
   ]
  },
  {
   "type": "section",
   "text": {
    "type": "mrkdwn",
    "text": "`▁█`  latency_p99, last 1 s"
   }
  },
  {
   "type": "section",
   "text": {
    "type": "mrkdwn",
    "text": "<!date^1795294950^{time_secs}|2026-11-21 21:02:30 UTC>  ✅ verified: ready after 0.9 s"
   }
  },
  {
   "type": "section",
   "text": {
    "type": "mrkdwn",
    "text": "<http://heald/#/incidents/3|Open incident #3>"
   }
  },
  {
   "type": "context",
   "elements": [
    {
     "type": "mrkdwn",
     "text": "incident #3 · policy slow · trace 0123456789abcdef0123456789abcdef"
    }
   ]
  }
 ]
})json");
}

TEST_F(SlackLayoutTest, NamesTheGuardThatRefused) {
  BecomeDecision(HEALD_DECISION_REFUSED);
  EXPECT_EQ(support::EventOf(sample_.event), Event::kRefused);
  EXPECT_THAT(StepOf(sample_.event),
              HasSubstr("⛔ not done: restart payments. cooldown: 12 s left"));
}

TEST_F(SlackLayoutTest, LeadsToTheApproval) {
  BecomeDecision(HEALD_DECISION_AWAITS_APPROVAL);
  sample_.incident.state = HEALD_INCIDENT_OPEN;
  story_.awaits_approval = true;
  const Json message = Message();
  EXPECT_THAT(message["blocks"][0]["text"]["text"].get<std::string>(),
              StartsWith("✋ Awaits approval"));
  EXPECT_THAT(message.dump(),
              HasSubstr("<http://heald/#/incidents/3|Approve or deny, incident #3>"));
}

TEST_F(SlackLayoutTest, LeadsToTheSignedLinkWhereThereIsOne) {
  BecomeDecision(HEALD_DECISION_AWAITS_APPROVAL);
  sample_.incident.state = HEALD_INCIDENT_OPEN;
  story_.awaits_approval = true;
  story_.approval_link = "https://heald/approve?t=a.b.1.slack.c";
  story_.approval_words = "Approve or deny until 21:15 UTC";
  const std::string asked = Message().dump();
  EXPECT_THAT(asked, HasSubstr("*<https://heald/approve?t=a.b.1.slack.c|"
                               "Approve or deny until 21:15 UTC>*"));
  EXPECT_THAT(asked, HasSubstr("<http://heald/#/incidents/3|Open incident #3>"));
  story_.awaits_approval = false;
  EXPECT_THAT(Message().dump(), Not(HasSubstr("approve?t="))) << "answered: the link is gone";
}

TEST_F(SlackLayoutTest, SaysWhoApproved) {
  BecomeDecision(HEALD_DECISION_ACT);
  sample_.decision.actor = Str("user:anna");
  EXPECT_THAT(StepOf(sample_.event), HasSubstr("🔧 restart payments, approved by user:anna"));
}

TEST_F(SlackLayoutTest, AnIncidentsStepDoesntRepeatTheFooter) {
  sample_.event.kind = HEALD_NOTICE_INCIDENT;
  sample_.event.decision = nullptr;
  sample_.event.outcome = nullptr;
  sample_.incident.state = HEALD_INCIDENT_RESOLVED;
  sample_.event.text =
      Str("incident #3  resolved: healed by restart payments 7.2 s after it began");
  EXPECT_THAT(StepOf(sample_.event),
              ::testing::EndsWith("  ✅ resolved: healed by restart payments 7.2 s after it began"));
  EXPECT_EQ(support::EventOf(sample_.event), Event::kResolved);
}

TEST_F(SlackLayoutTest, TellsAPredictionWithItsTime) {
  sample_.finding.kind = HEALD_FINDING_PREDICTION;
  sample_.finding.probability = 0.73;
  sample_.finding.eta_ns = log_notifier::Sample::kTime;
  sample_.finding.component = Str("disk <a>");
  const std::string text = Message().dump();
  EXPECT_THAT(text, HasSubstr("*Probability*\\n73 %"));
  EXPECT_THAT(text, HasSubstr("*Likely at*\\n<!date^1795294950"));
  EXPECT_THAT(text, HasSubstr("disk &lt;a&gt;"));
}

TEST_F(SlackLayoutTest, KeepsToSlacksLimitsWhateverComes) {
  const std::string huge = [] {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += "ä<&>";
    return text;
  }();
  heald_label label{Str(huge), Str(huge)};
  std::vector<heald_finding> findings(100, sample_.finding);
  std::vector<double> recent(500, 1.5);
  for (size_t i = 0; i < findings.size(); ++i) {
    findings[i].id = i;
    findings[i].key = {};
    findings[i].metric = findings[i].unit = findings[i].summary = findings[i].component = Str(huge);
    findings[i].recommended_action = Str(huge);
    findings[i].kind = HEALD_FINDING_PREDICTION;
    findings[i].probability = 1;
    findings[i].eta_ns = 1;
    findings[i].count = UINT64_MAX;
    findings[i].recent = recent.data();
    findings[i].recent_count = recent.size();
  }
  sample_.incident.findings = findings.data();
  sample_.incident.finding_count = findings.size();
  sample_.incident.finding_stride = sizeof(heald_finding);
  sample_.incident.target = sample_.decision.target = {&label, 1};
  sample_.incident.trace_id = Str(huge);
  sample_.plan.summary = sample_.outcome.detail = sample_.event.text = Str(huge);
  sample_.guard.reason = Str(huge);
  story_.policy = huge;
  for (const uint32_t verdict : {HEALD_DECISION_REFUSED, HEALD_DECISION_ACT})
    for (int i = 0; i < 40; ++i) {
      BecomeDecision(verdict);
      story_.AddStep(StepOf(sample_.event));
    }
  filled_.link = "http://" + huge;
  EXPECT_THAT(Message().dump(), HasSubstr(" earlier_"));
  filled_.templates = {huge, huge, huge, huge};
  Message();
}

TEST_F(SlackLayoutTest, AnEventWithNothingButATextIsAMessageToo) {
  sample_.event.incident = nullptr;
  sample_.event.decision = nullptr;
  sample_.event.outcome = nullptr;
  filled_.link = "";
  const Json message = Message();
  EXPECT_THAT(message["blocks"][1]["text"]["text"].get<std::string>(), HasSubstr("healed"));
  EXPECT_THAT(message.dump(), Not(HasSubstr("<http")));
}

TEST_F(SlackLayoutTest, TemplatesReplaceWhatTheyNameAndABlankOneNothing) {
  written_.templates.text = "<!here> ${target.service} <${incident.url}|runbook>";
  filled_.templates.text = "<!here> <!channel> <http://heald/#/incidents/3|runbook>";
  filled_.templates.title = "Trouble";
  filled_.templates.footer = " \n";
  filled_.templates.notification = "ring";
  const Json message = Message();
  EXPECT_EQ(message["text"], "ring");
  EXPECT_EQ(message["blocks"][0]["text"]["text"], "Trouble");
  EXPECT_EQ(message["blocks"][1]["text"]["text"],
            "<!here> &lt;!channel&gt; <http://heald/#/incidents/3|runbook>");
  EXPECT_THAT(message.dump(), HasSubstr("incident #3"));
}

}  // namespace
}  // namespace heald::slack
