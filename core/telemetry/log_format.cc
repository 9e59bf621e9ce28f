#include "core/telemetry/log_format.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

#include "core/base/units.h"
#include "core/base/utf8.h"

namespace heald {
namespace {

template <typename Number>
void AppendNumber(std::string& out, Number number) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  out.append(buffer, end);
}

void AppendEscaped(std::string& out, uint8_t c, const char* format) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, format, c);
  out += buffer;
}

// Control characters, also those above ASCII (U+0080 to U+009F), could steer a terminal.
void AppendPlain(std::string& out, std::string_view text, bool quoted) {
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text, i);
    const auto c = static_cast<uint8_t>(text[i]);
    if (length == 0)
      out += kReplacementCharacter;
    else if (c == '\n')
      out += "\\n";
    else if (c < 0x20 || c == 0x7f)
      AppendEscaped(out, c, "\\x%02x");
    else if (length == 2 && c == 0xC2 && static_cast<uint8_t>(text[i + 1]) < 0xA0)
      AppendEscaped(out, static_cast<uint8_t>(text[i + 1]), "\\x%02x");
    else if (quoted && (c == '"' || c == '\\'))
      (out += '\\') += text[i];
    else
      out += text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
}

void AppendJson(std::string& out, std::string_view text) {
  out += '"';
  for (size_t i = 0; i < text.size();) {
    const size_t length = Utf8Length(text, i);
    const auto c = static_cast<uint8_t>(text[i]);
    if (length == 0)
      out += kReplacementCharacter;
    else if (c == '"' || c == '\\')
      (out += '\\') += text[i];
    else if (c == '\n')
      out += "\\n";
    else if (c < 0x20 || c == 0x7f)
      AppendEscaped(out, c, "\\u%04x");
    else
      out += text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  out += '"';
}

bool NeedsQuotes(std::string_view text) {
  return text.empty() || text.find_first_of(" \t\n\"=\\") != std::string_view::npos;
}

void AppendTextValue(std::string& out, const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    const bool quoted = NeedsQuotes(*text);
    if (quoted) out += '"';
    AppendPlain(out, *text, quoted);
    if (quoted) out += '"';
  } else if (const auto* flag = std::get_if<bool>(&field.value)) {
    out += *flag ? "true" : "false";
  } else if (const auto* whole = std::get_if<int64_t>(&field.value)) {
    AppendNumber(out, *whole);
  } else if (const auto* count = std::get_if<uint64_t>(&field.value)) {
    AppendNumber(out, *count);
  } else {
    AppendNumber(out, std::get<double>(field.value));
  }
}

void AppendJsonValue(std::string& out, const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    AppendJson(out, *text);
  } else if (const auto* real = std::get_if<double>(&field.value); real && !std::isfinite(*real)) {
    out += "null";
  } else {
    AppendTextValue(out, field);
  }
}

}  // namespace

std::string_view ToString(LogLevel level) {
  constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

std::string FormatText(const LogEvent& event) {
  const auto seconds = static_cast<time_t>(event.ts_ns / kSecond);
  tm local{};
  localtime_r(&seconds, &local);
  char time[32];
  std::snprintf(time, sizeof time, "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min, local.tm_sec,
                static_cast<int>(event.ts_ns % kSecond / kMillisecond));
  std::string out = time;
  if (event.level != LogLevel::kInfo) (out += "  ") += ToString(event.level);
  if (!event.node.empty()) {
    out += "  ";
    AppendPlain(out, event.node, false);
  }
  out += "  ";
  AppendPlain(out, event.message, false);
  const char* gap = "  ";
  for (const LogField& field : event.fields) {
    if (field.for_machines) continue;
    out += std::exchange(gap, " ");
    AppendPlain(out, field.key, false);
    out += '=';
    AppendTextValue(out, field);
  }
  return out;
}

std::string FormatJson(const LogEvent& event) {
  std::string out = "{\"time\":";
  AppendJson(out, FormatTime(event.ts_ns));
  ((out += ",\"level\":\"") += ToString(event.level)) += "\",\"node\":";
  AppendJson(out, event.node);
  out += ",\"msg\":";
  AppendJson(out, event.message);
  if (!event.fields.empty()) {
    out += ",\"fields\":{";
    for (const LogField& field : event.fields) {
      if (&field != event.fields.data()) out += ',';
      AppendJson(out, field.key);
      out += ':';
      AppendJsonValue(out, field);
    }
    out += '}';
  }
  return out + "}";
}

}  // namespace heald
