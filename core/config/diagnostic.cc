#include "core/config/diagnostic.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <tuple>

#include "core/base/url.h"
#include "core/config/yaml.h"

namespace heald {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxShown = 160;  // characters of a source line

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

int Characters(std::string_view text) {
  return static_cast<int>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

size_t ByteOf(std::string_view text, int character) {
  size_t at = 0;
  for (; at < text.size(); ++at)
    if (!IsContinuation(text[at]) && character-- == 0) break;
  return at;
}

std::string_view LevelName(Level level) {
  return level == Level::kError ? "error" : "warning";
}

// The line with its marker below; a long line is cut to the part around the mark.
void AppendSnippet(const Diagnostic& d, std::string* out) {
  constexpr int kBefore = 60;
  int column = d.column - 1;
  std::string_view line = d.source_line;
  std::string shown;
  if (Characters(line) > static_cast<int>(kMaxShown)) {
    const int from = std::max(0, column - kBefore);
    const size_t begin = ByteOf(line, from);
    line = line.substr(begin, ByteOf(line.substr(begin), kMaxShown));
    column -= from;
    if (from > 0) {
      shown = "…";
      ++column;
    }
    shown += line;
    if (begin + line.size() < d.source_line.size()) shown += "…";
  } else {
    shown = line;
  }
  const int room = std::max(1, Characters(shown) - column);
  std::replace(shown.begin(), shown.end(), '\t', ' ');
  char gutter[24];
  std::snprintf(gutter, sizeof gutter, "%5d", d.line);
  *out += std::string(gutter) + " | " + shown + "\n";
  *out += "      | " + std::string(static_cast<size_t>(column), ' ') + "^" +
          std::string(static_cast<size_t>(std::clamp(d.length, 1, room) - 1), '~');
  if (!d.hint.empty()) *out += " " + d.hint;
  *out += "\n";
}

}  // namespace

Source::Source(std::string source_name, std::string source_text, int source_index)
    : name(std::move(source_name)), text(std::move(source_text)), index(source_index) {
  if (text.compare(0, 3, "\xef\xbb\xbf") == 0) text.erase(0, 3);
  size_t kept = 0;
  for (size_t i = 0; i < text.size(); ++i)
    if (text[i] != '\r' || i + 1 == text.size() || text[i + 1] != '\n') text[kept++] = text[i];
  text.resize(kept);
  const std::string_view all = text;
  size_t begin = 0;
  while (begin <= all.size()) {
    const size_t end = std::min(all.find('\n', begin), all.size());
    lines.push_back(all.substr(begin, end - begin));
    begin = end + 1;
  }
}

void Report::Error(const Span& at, std::string message, std::string hint, std::string path) {
  failed_ = true;
  Add(Level::kError, at, std::move(message), std::move(hint), std::move(path));
}

void Report::Warn(const Span& at, std::string message, std::string hint, std::string path) {
  Add(Level::kWarning, at, std::move(message), std::move(hint), std::move(path));
}

void Report::Absent(const Span& at, std::string message, std::string hint, std::string path) {
  failed_ = true;
  if (Diagnostic* const added =
          Add(Level::kError, at, std::move(message), std::move(hint), std::move(path)))
    added->absent = true;
}

Diagnostic* Report::Add(Level level, const Span& at, std::string message, std::string hint,
                        std::string path) {
  for (const auto& [span, earlier] : found_)
    if (span == at && at.line >= 0 && earlier.message == message) return nullptr;
  Diagnostic diagnostic;
  diagnostic.level = level;
  diagnostic.file = SourceOf(at).name;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostic.path = std::move(path);
  return &found_.emplace_back(at, std::move(diagnostic)).second;
}

// Turns bytes into characters, and masks what is hidden on that line.
void Report::Show(const Span& at, Diagnostic* diagnostic) const {
  const std::vector<std::string_view>& text = SourceOf(at).lines;
  if (at.line < 0 || static_cast<size_t>(at.line) >= text.size()) return;
  std::string line(text[static_cast<size_t>(at.line)]);
  const size_t begin = std::min(static_cast<size_t>(at.column), line.size());
  diagnostic->line = at.line + 1;
  diagnostic->column = Characters(std::string_view(line).substr(0, begin)) + 1;
  diagnostic->length =
      std::max(1, Characters(std::string_view(line).substr(begin, static_cast<size_t>(at.length))));
  for (const auto& [secret, lines] : hidden_) {
    if (at.file != secret.file || at.line < secret.line || at.line >= secret.line + lines) continue;
    const bool first = at.line == secret.line;
    const size_t from = first ? std::min(static_cast<size_t>(secret.column), line.size()) : 0;
    const size_t bytes = first && lines == 1 ? static_cast<size_t>(secret.length) : line.size();
    const size_t to = std::min(from + bytes, line.size());
    const int characters = Characters(std::string_view(line).substr(from, to - from));
    line.replace(from, to - from, static_cast<size_t>(characters), '*');
  }
  HidePasswords(&line);
  diagnostic->source_line = std::move(line);
}

Span Report::PlaceInside(const YamlNode& scalar, size_t offset, size_t length) const {
  return SpanInside(SourceOf(scalar.span), scalar, offset, length);
}

std::vector<Diagnostic> Report::Take() {
  std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) {
    return std::tuple(a.first.file, a.first.line, a.first.column) <
           std::tuple(b.first.file, b.first.line, b.first.column);
  });
  std::vector<Diagnostic> out;
  for (auto& [span, diagnostic] : found_) {
    Show(span, &diagnostic);
    out.push_back(std::move(diagnostic));
  }
  found_.clear();
  return out;
}

bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.level == Level::kError; });
}

std::string FormatText(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) {
    out += d.file + ":";
    if (d.line > 0) out += std::to_string(d.line) + ":" + std::to_string(d.column) + ":";
    out += " " + std::string(LevelName(d.level)) + ": " + d.message + "\n";
    if (d.line > 0)
      AppendSnippet(d, &out);
    else if (!d.hint.empty())
      out += "      = " + d.hint + "\n";
  }
  return out;
}

std::string FormatJson(const std::vector<Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const Diagnostic& d : diagnostics) {
    Json item = {{"level", LevelName(d.level)}, {"file", d.file}};
    if (d.line > 0) {
      item["line"] = d.line;
      item["column"] = d.column;
      item["length"] = d.length;
    }
    item["message"] = d.message;
    if (!d.hint.empty()) item["hint"] = d.hint;
    if (!d.path.empty()) item["path"] = d.path;
    list.push_back(std::move(item));
  }
  return Json{{"diagnostics", std::move(list)}}.dump(2, ' ', false,
                                                     Json::error_handler_t::replace) +
         "\n";
}

std::string FormatSarif(const std::vector<Diagnostic>& diagnostics, std::string_view tool_version) {
  Json results = Json::array();
  for (const Diagnostic& d : diagnostics) {
    Json location = {{"physicalLocation", {{"artifactLocation", {{"uri", d.file}}}}}};
    if (d.line > 0)
      location["physicalLocation"]["region"] = {
          {"startLine", d.line}, {"startColumn", d.column}, {"endColumn", d.column + d.length}};
    if (!d.path.empty())
      location["logicalLocations"] = Json::array({{{"fullyQualifiedName", d.path}}});
    results.push_back(
        {{"ruleId", "pipeline"},
         {"level", LevelName(d.level)},
         {"message", {{"text", d.hint.empty() ? d.message : d.message + " (" + d.hint + ")"}}},
         {"locations", Json::array({std::move(location)})}});
  }
  const Json rule = {{"id", "pipeline"},
                     {"shortDescription", {{"text", "A mistake in a pipeline file"}}}};
  const Json driver = {
      {"name", "heald"}, {"version", tool_version}, {"rules", Json::array({rule})}};
  const Json run = {{"tool", {{"driver", driver}}},
                    {"columnKind", "unicodeCodePoints"},
                    {"results", std::move(results)}};
  return Json{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"},
              {"version", "2.1.0"},
              {"runs", Json::array({run})}}
             .dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

}  // namespace heald
