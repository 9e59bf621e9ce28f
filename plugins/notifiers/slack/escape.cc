#include "plugins/notifiers/slack/escape.h"

#include "plugins/support/words.h"

namespace heald::slack {
namespace {

std::string_view Entity(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    default:
      return "&gt;";
  }
}

size_t CharactersOf(std::string_view text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

}  // namespace

std::string Escape(std::string_view text, size_t most, const std::vector<std::string>& allowed) {
  std::string out;
  size_t used = 0;
  size_t cut = 0;  // where to end if the rest doesn't fit
  for (size_t i = 0; i < text.size();) {
    std::string_view unit;
    size_t taken = 1;
    for (const std::string& markup : allowed)
      if (!markup.empty() && text.substr(i).starts_with(markup)) unit = markup;
    if (!unit.empty()) {
      taken = unit.size();
    } else if (text[i] == '&' || text[i] == '<' || text[i] == '>') {
      unit = Entity(text[i]);
    } else {
      while (i + taken < text.size() &&
             (static_cast<unsigned char>(text[i + taken]) & 0xc0) == 0x80)
        ++taken;
      unit = text.substr(i, taken);
    }
    if (used < most) cut = out.size();
    used += CharactersOf(unit);
    if (used > most) return out.substr(0, cut) + "…";
    out += unit;
    i += taken;
  }
  return out;
}

std::vector<std::string> MarkupOf(std::string_view written, std::string_view link) {
  constexpr std::string_view kUrl = "${incident.url}";
  std::vector<std::string> all;
  for (size_t at = written.find('<'); at != std::string_view::npos;
       at = written.find('<', at + 1)) {
    const size_t end = written.find('>', at);
    if (end == std::string_view::npos) break;
    std::string markup(written.substr(at, end + 1 - at));
    if (const size_t url = markup.find(kUrl); url != std::string::npos) {
      if (link.empty()) continue;
      markup.replace(url, kUrl.size(), link);
    }
    if (markup.find("${") == std::string::npos) all.push_back(std::move(markup));
  }
  return all;
}

std::string Link(std::string_view url, std::string_view words) {
  if (url.empty()) return std::string(words);
  std::string out = "<";
  // These end the address in Slack's markup.
  for (const char c : url) {
    if (c == '|')
      out += "%7C";
    else if (c == '>')
      out += "%3E";
    else if (c == '<')
      out += "%3C";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return ((out += '|') += words) + ">";
}

std::string Date(int64_t ns, std::string_view form) {
  return "<!date^" + std::to_string(ns / 1'000'000'000) + "^" + std::string(form) + "|" +
         support::UtcText(ns) + ">";
}

}  // namespace heald::slack
