// What is wrong with a pipeline file, where, and what to do about it; and the forms in which that
// is printed. Made by the loader, printed by the CLI, the API and the log.
// Thread rule: plain values and pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace heald {

struct YamlNode;

// A place in a text: 0-based line and byte column. length is in bytes; it ends at the line's end
// at the latest. line -1: the file as a whole. file: the Source::index of its text.
struct Span {
  int line = -1;
  int column = 0;
  int length = 1;
  int file = 0;

  friend bool operator==(const Span&, const Span&) = default;
};

// A pipeline file's text, without byte order mark and carriage returns, in lines.
struct Source {
  std::string name;  // as shown: what the user typed
  std::string text;
  std::vector<std::string_view> lines;  // into text
  int index = 0;                        // 0: the file that is loaded; then those that it includes

  Source(std::string name, std::string text, int index = 0);
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
};

enum class Level : uint8_t { kError, kWarning };

struct Diagnostic {
  Level level = Level::kError;
  std::string file;
  int line = 0;    // 1-based; 0: the file as a whole
  int column = 0;  // 1-based, in characters
  int length = 1;  // in characters
  std::string message;
  std::string hint;         // may be empty
  std::string source_line;  // secrets masked
  std::string path;         // RFC 6901 into the file, where known
  // It is about an environment variable or a file that isn't there: on the agent's machine it may
  // be.
  bool absent = false;
};

// Collects diagnostics about a source, and about those that it includes.
class Report {
 public:
  explicit Report(const Source& source) : sources_{&source} {}
  // A further source, whose index is the number of those before it; it outlives the report.
  void Also(const Source& included) { sources_.push_back(&included); }
  const Source& SourceOf(const Span& at) const { return *sources_[static_cast<size_t>(at.file)]; }

  void Error(const Span& at, std::string message, std::string hint = "", std::string path = "");
  void Warn(const Span& at, std::string message, std::string hint = "", std::string path = "");
  // An error about what this machine doesn't have.
  void Absent(const Span& at, std::string message, std::string hint, std::string path);
  // The text there is never shown; with `lines` above 1 the lines below it neither.
  void Hide(const Span& secret, int lines = 1) { hidden_.emplace_back(secret, lines); }
  bool failed() const { return failed_; }
  // Where a part of a scalar's text stands.
  Span PlaceInside(const YamlNode& scalar, size_t offset, size_t length) const;
  // In the files' order; of several about one place the first stays.
  std::vector<Diagnostic> Take();

 private:
  // Null where it was told already.
  Diagnostic* Add(Level level, const Span& at, std::string message, std::string hint,
                  std::string path);
  void Show(const Span& at, Diagnostic* diagnostic) const;

  std::vector<const Source*> sources_;
  std::vector<std::pair<Span, Diagnostic>> found_;
  std::vector<std::pair<Span, int>> hidden_;
  bool failed_ = false;
};

bool HasErrors(const std::vector<Diagnostic>& diagnostics);

// file:line:col: error: message, the source line, and a marker with the hint.
std::string FormatText(const std::vector<Diagnostic>& diagnostics);
// {"diagnostics": [{"level", "file", "line", "column", "length", "message", "hint", "path"}]}
std::string FormatJson(const std::vector<Diagnostic>& diagnostics);
// SARIF 2.1.0, for code hosts and editors.
std::string FormatSarif(const std::vector<Diagnostic>& diagnostics, std::string_view tool_version);

}  // namespace heald
