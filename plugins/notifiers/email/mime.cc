#include "plugins/notifiers/email/mime.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "plugins/support/utf8.h"

namespace heald::email {
namespace {

constexpr size_t kLine = 76;       // of quoted-printable, the soft break included
constexpr size_t kWordBytes = 39;  // that an encoded word holds, so that a header's name fits too
constexpr std::string_view kBoundary = "=_heald";  // can't occur in quoted-printable

std::string Base64(std::string_view bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](size_t n) {
      return n < bytes.size() ? static_cast<unsigned>(static_cast<unsigned char>(bytes[n])) : 0u;
    };
    const unsigned group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    out += kDigits[group >> 18];
    out += kDigits[group >> 12 & 63];
    out += i + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
    out += i + 2 < bytes.size() ? kDigits[group & 63] : '=';
  }
  return out;
}

bool Plain(std::string_view text) {
  return text.find("=?") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

std::string Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

std::string EncodedAddress(const std::string& address) {
  const std::string bare = BareAddress(address);
  const size_t open = address.rfind('<');
  std::string name = open == std::string::npos ? "" : Trimmed(address.substr(0, open));
  if (name.size() > 1 && name.front() == '"' && name.back() == '"')
    name = name.substr(1, name.size() - 2);
  if (name.empty()) return bare;
  if (!Plain(name)) return HeaderText(name, 6) + " <" + bare + ">";
  std::string quoted;
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return "\"" + quoted + "\" <" + bare + ">";
}

std::string AddressList(const std::vector<std::string>& addresses) {
  std::string out;
  for (const std::string& each : addresses)
    out += (out.empty() ? "" : ",\r\n ") + EncodedAddress(each);
  return out;
}

std::string Part(std::string_view type, std::string_view text) {
  return "--" + std::string(kBoundary) + "\r\nContent-Type: " + std::string(type) +
         "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
         QuotedPrintable(text) + "\r\n";
}

}  // namespace

std::string BareAddress(std::string_view address) {
  const size_t open = address.rfind('<');
  if (open != std::string_view::npos) {
    const size_t close = address.find('>', open);
    if (close == std::string_view::npos) return {};
    address = address.substr(open + 1, close - open - 1);
  }
  const std::string bare = Trimmed(address);
  const size_t at = bare.rfind('@');
  const bool sendable = at != std::string::npos && at > 0 && at + 1 < bare.size() &&
                        std::all_of(bare.begin(), bare.end(), [](char c) {
                          return c > 0x20 && c < 0x7f && c != '<' && c != '>' && c != ',';
                        });
  return sendable ? bare : "";
}

// used: what of the line is taken already.
std::string HeaderText(std::string_view raw, size_t used) {
  std::string text = support::ValidUtf8(raw);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  if (Plain(text) && used + text.size() <= kLine) return text;
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size()) {
      const size_t bytes = std::max<size_t>(support::CharacterBytes(text, end), 1);
      if (end + bytes - at > kWordBytes) break;
      end += bytes;
    }
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + Base64(text.substr(at, end - at)) + "?=";
    at = end;
  }
  return out;
}

std::string QuotedPrintable(std::string_view raw) {
  constexpr char kHex[] = "0123456789ABCDEF";
  const std::string text = support::ValidUtf8(raw);
  std::string out;
  size_t column = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    if (byte == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n' || text[i + 1] == '\r';
    const bool literal =
        (byte > 0x20 && byte < 0x7f && byte != '=' && (byte != '.' || column != 0)) ||
        ((byte == ' ' || byte == '\t') && !ends_line);
    const size_t width = literal ? 1 : 3;
    if (column + width > kLine - 1) {
      out += "=\r\n";
      column = 0;
    }
    // A dot that a soft break brought to the line's beginning is no end of the mail either.
    if (literal && !(byte == '.' && column == 0)) {
      out += text[i];
      column += 1;
    } else {
      ((out += '=') += kHex[byte >> 4]) += kHex[byte & 15];
      column += 3;
    }
  }
  return out;
}

std::string MailDate(int64_t ns) {
  const std::time_t seconds = ns / 1'000'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 64> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y %H:%M:%S +0000", &parts);
  return std::string(kDays[static_cast<size_t>(parts.tm_wday)]) + ", " +
         std::to_string(parts.tm_mday) + " " + kMonths[static_cast<size_t>(parts.tm_mon)] + " " +
         std::string(text.data(), length);
}

std::string Compose(const Mail& mail) {
  std::string out;
  const auto add = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) ((out += name) += ": ") += value + "\r\n";
  };
  add("From", EncodedAddress(mail.from));
  add("To", AddressList(mail.to));
  add("Cc", AddressList(mail.cc));
  add("Subject", HeaderText(mail.subject, 9));
  add("Date", MailDate(mail.date_ns));
  add("Message-ID", "<" + mail.message_id + ">");
  if (!mail.thread_id.empty()) {
    add("In-Reply-To", "<" + mail.thread_id + ">");
    add("References", "<" + mail.thread_id + ">");
  }
  // No vacation notes in answer.
  add("Auto-Submitted", "auto-generated");
  for (const auto& [name, value] : mail.headers) add(name, value);
  add("MIME-Version", "1.0");
  add("Content-Type", "multipart/alternative; boundary=\"" + std::string(kBoundary) + "\"");
  out += "\r\n";
  out += Part("text/plain", mail.text);
  out += Part("text/html", mail.html);
  out += "--" + std::string(kBoundary) + "--\r\n";
  return out;
}

}  // namespace heald::email
