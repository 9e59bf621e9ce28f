// A mail as bytes: RFC 5322 headers, RFC 2047 words where they aren't ASCII, a text and an HTML
// part in quoted-printable. Used by letter.cc. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heald::email {

struct Mail {
  std::string from;  // "heald@example.com", "heald <heald@example.com>"
  std::vector<std::string> to;
  std::vector<std::string> cc;
  std::string subject;
  std::string message_id;  // without < and >
  std::string thread_id;   // the mails of one incident have the same; may be empty
  int64_t date_ns = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // more, in ASCII
  std::string text;
  std::string html;
};

// With CRLF at every line's end; no line is longer than 78 bytes but for a single long word, none
// begins with a dot.
std::string Compose(const Mail& mail);

// "heald@example.com" out of either form; empty where there is none that can be sent to.
std::string BareAddress(std::string_view address);

// For tests, and used by Compose.
std::string HeaderText(std::string_view text, size_t used);
std::string QuotedPrintable(std::string_view text);
std::string MailDate(int64_t ns);

}  // namespace heald::email
