#include "plugins/notifiers/email/mime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace heald::email {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Mail Sample() {
  Mail mail;
  mail.from = "heald <heald@example.com>";
  mail.to = {"ops@example.com", "Zoë <zoe@example.com>"};
  mail.subject = "⚠️ Warning · payments";
  mail.message_id = "6f1c@example.com";
  mail.thread_id = "incident.0123@example.com";
  mail.date_ns = 1'795'294'950'123'000'000;
  mail.text = "hello\n.\nüber";
  mail.html = "<p>hello</p>";
  return mail;
}

TEST(MimeTest, HeadersAreAsciiAndThread) {
  const std::string mail = Compose(Sample());
  EXPECT_THAT(mail, HasSubstr("From: \"heald\" <heald@example.com>\r\n"));
  EXPECT_THAT(mail,
              HasSubstr("To: ops@example.com,\r\n =?UTF-8?B?Wm/Dqw==?= <zoe@example.com>\r\n"));
  EXPECT_THAT(mail, HasSubstr("Date: Sat, 21 Nov 2026 21:02:30 +0000\r\n"));
  EXPECT_THAT(mail, HasSubstr("Message-ID: <6f1c@example.com>\r\n"));
  EXPECT_THAT(mail, HasSubstr("References: <incident.0123@example.com>\r\n"));
  for (const char c : mail) EXPECT_GT(c, 0);
}

TEST(MimeTest, NoHeaderCanBeInjected) {
  Mail mail = Sample();
  mail.subject = "x\r\nBcc: all@example.com";
  EXPECT_THAT(Compose(mail), Not(HasSubstr("\r\nBcc:")));
}

TEST(MimeTest, LongSubjectsAreFoldedBetweenCharacters) {
  std::string subject;
  for (int i = 0; i < 40; ++i) subject += "größe ";
  std::istringstream lines(HeaderText(subject, 9));
  size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 78u);
  EXPECT_GT(count, 5u);
}

TEST(MimeTest, QuotedPrintableKeepsLinesShortAndDotsInside) {
  EXPECT_EQ(QuotedPrintable("a=b\n.\n..x \nü"), "a=3Db\r\n=2E\r\n=2E.x=20\r\n=C3=BC");
  EXPECT_EQ(QuotedPrintable("a\xff"), "a=EF=BF=BD");
  const std::string encoded = QuotedPrintable(std::string(500, '.') + std::string(200, 'x'));
  std::istringstream lines(encoded);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 77u) << "with the CR";
    EXPECT_NE(line[0], '.');
  }
}

TEST(MimeTest, AddressesAreFoundOrNot) {
  EXPECT_EQ(BareAddress("ops@example.com"), "ops@example.com");
  EXPECT_EQ(BareAddress(" Ops, the \"good\" <ops@example.com> "), "ops@example.com");
  for (const char* bad : {"", "ops", "@example.com", "ops@", "a b@c", "ops <a@b", "a@b>c\r\nX: y"})
    EXPECT_EQ(BareAddress(bad), "") << bad;
}

}  // namespace
}  // namespace heald::email
