#include "core/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace heald {
namespace {

constexpr size_t kMaxNesting = 64;
constexpr uint64_t kMaxWeight = 200'000;
constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

using YamlKind = YamlNode::Kind;

// Ends the parse from within yaml-cpp once the report has an error that makes going on pointless.
struct Stop {};

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

std::string_view LineAt(const Source& source, int line) {
  return line >= 0 && static_cast<size_t>(line) < source.lines.size()
             ? source.lines[static_cast<size_t>(line)]
             : std::string_view();
}

// Moves behind `&anchor` and `!tag` to the value itself.
Span SkipProperties(const Source& source, Span span) {
  const std::string_view line = LineAt(source, span.line);
  size_t at = static_cast<size_t>(span.column);
  while (at < line.size() && (line[at] == '&' || line[at] == '!')) {
    size_t next = at;
    while (next < line.size() && !IsBlank(line[next])) ++next;
    while (next < line.size() && IsBlank(line[next])) ++next;
    if (next >= line.size()) break;
    at = next;
  }
  span.column = static_cast<int>(at);
  return span;
}

size_t ClosingQuote(std::string_view text, size_t open) {
  const char quote = text[open];
  for (size_t i = open + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '\'' && i + 1 < text.size() && text[i + 1] == quote)
        ++i;
      else
        return i;
    }
  }
  return std::string_view::npos;
}

// How far a scalar reaches on its first line.
int ScalarLength(std::string_view line, size_t at, const std::string& text) {
  if (at >= line.size()) return 1;
  if (line[at] == '"' || line[at] == '\'') {
    const size_t close = ClosingQuote(line, at);
    return static_cast<int>((close == std::string_view::npos ? line.size() : close + 1) - at);
  }
  if (line.compare(at, text.size(), text) == 0)
    return static_cast<int>(std::max<size_t>(text.size(), 1));
  if (line[at] == '|' || line[at] == '>') return 1;
  size_t end = line.size();
  while (end > at + 1 && IsBlank(line[end - 1])) --end;
  return static_cast<int>(end - at);
}

// Builds the tree from yaml-cpp's events.
class Builder final : public YAML::EventHandler {
 public:
  Builder(const Source& source, Report* report) : source_(source), report_(report) {}

  YamlPtr root() const { return root_; }
  // Where the innermost open list or map began; line -1: nothing is open.
  Span open() const { return stack_.empty() ? Span() : stack_.back().node->span; }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (root_ == nullptr) return;
    report_->Error(Place(mark), "a second document starts here: a pipeline file holds one",
                   "remove the --- line");
    throw Stop();
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = std::make_shared<YamlNode>();
    node->span = EmptyPlace(mark);
    node->plain = true;
    Scalar(std::move(node), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = std::make_shared<YamlNode>();
    node->kind = YamlKind::kScalar;
    node->text = value;
    node->span = SkipProperties(source_, Place(mark));
    CheckTag(Place(mark), tag);
    node->plain = tag != "!" && tag != std::string(kTagPrefix) + "str";
    const std::string_view line = LineAt(source_, node->span.line);
    const size_t at = static_cast<size_t>(node->span.column);
    if (at < line.size() && (line[at] == '"' || line[at] == '\'')) {
      const size_t offset = static_cast<size_t>(line.data() - source_.text.data()) + at;
      if (ClosingQuote(source_.text, offset) == std::string_view::npos) {
        node->span.length = 1;
        report_->Error(node->span, "the text that starts here has no closing quote",
                       std::string("add ") + line[at]);
        throw Stop();
      }
      node->multiline = ClosingQuote(line, at) == std::string_view::npos;
    } else {
      node->multiline = line.compare(std::min(at, line.size()), value.size(), value) != 0;
    }
    node->span.length = ScalarLength(line, at, value);
    Scalar(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto at = anchors_.find(anchor);
    const Span span = Place(mark);
    if (at == anchors_.end() || at->second == nullptr) {
      report_->Error(span, "this alias stands inside the value that it stands for");
      throw Stop();
    }
    if (!stack_.empty() && stack_.back().wants_key) return Key(*at->second, span);
    Add(at->second);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(YamlKind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(YamlKind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor = 0;
    bool wants_key = false;
    std::string key;
    Span key_span;
  };

  Span Place(const YAML::Mark& mark) const { return {mark.line, mark.column, 1, source_.index}; }

  void CheckTag(const Span& at, const std::string& tag) {
    static constexpr std::string_view kKnown[] = {"str",  "int", "float", "bool",
                                                  "null", "map", "seq"};
    if (tag.empty() || tag == "?" || tag == "!") return;
    for (const std::string_view known : kKnown)
      if (tag == std::string(kTagPrefix) + std::string(known)) return;
    report_->Error(at, "the tag '" + tag + "' means nothing in a pipeline file", "remove it");
  }

  // yaml-cpp puts an empty value at the next token, which may be lines away; what a person looks
  // for is the key before it.
  Span EmptyPlace(const YAML::Mark& mark) const {
    const Span here = Place(mark);
    const std::string_view line = LineAt(source_, here.line);
    const size_t at = static_cast<size_t>(here.column);
    for (const std::string_view word : {"~", "null", "Null", "NULL"})
      if (at <= line.size() && line.compare(at, word.size(), word) == 0)
        return {here.line, here.column, static_cast<int>(word.size()), here.file};
    if (stack_.empty()) return here;
    const Frame& frame = stack_.back();
    if (frame.node->kind == YamlKind::kMap) return frame.wants_key ? here : frame.key_span;
    for (int number = here.line; number >= frame.node->span.line; --number) {
      const std::string_view text = LineAt(source_, number);
      const size_t dash = text.find_first_not_of(" \t");
      if (dash != std::string_view::npos && text[dash] == '-' && (number < here.line || dash < at))
        return {number, static_cast<int>(dash), 1, here.file};
    }
    return here;
  }

  void Open(YamlKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Frame frame;
    frame.node = std::make_shared<YamlNode>();
    frame.node->kind = kind;
    frame.node->span = SkipProperties(source_, Place(mark));
    CheckTag(Place(mark), tag);
    frame.anchor = anchor;
    if (anchor != 0) anchors_[anchor] = nullptr;
    frame.wants_key = kind == YamlKind::kMap;
    if (!stack_.empty() && stack_.back().wants_key) {
      report_->Error(frame.node->span, "a key must be plain text",
                     "write text with { or [ at its start in quotes");
      throw Stop();
    }
    if (stack_.size() >= kMaxNesting) TooDeep(frame.node->span);
    stack_.push_back(std::move(frame));
  }
  void TooDeep(const Span& at) {
    report_->Error(at, "nested deeper than " + std::to_string(kMaxNesting) + " levels");
    throw Stop();
  }

  void Close() {
    Frame frame = std::move(stack_.back());
    stack_.pop_back();
    Merge(frame.node.get());
    Weigh(frame.node.get());
    if (frame.anchor != 0) anchors_[frame.anchor] = frame.node;
    Add(frame.node);
  }

  void Weigh(YamlNode* node) {
    for (const YamlPtr& item : node->items) node->weight += item->weight;
    for (const YamlMember& member : node->members) node->weight += member.value->weight;
    if (node->weight <= kMaxWeight) return;
    report_->Error(node->span, "with its aliases written out this has more than " +
                                   std::to_string(kMaxWeight) + " values");
    throw Stop();
  }

  void Scalar(std::shared_ptr<YamlNode> node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (!stack_.empty() && stack_.back().wants_key) return Key(*node, node->span);
    Add(std::move(node));
  }

  void Key(const YamlNode& node, const Span& at) {
    Frame& frame = stack_.back();
    if (node.kind == YamlKind::kList || node.kind == YamlKind::kMap || node.text.empty()) {
      report_->Error(
          at, node.text.empty() && node.kind != YamlKind::kList && node.kind != YamlKind::kMap
                  ? "a key is missing here"
                  : "a key must be plain text");
      throw Stop();
    }
    frame.key = node.text;
    frame.key_span = at;
    frame.wants_key = false;
  }

  void Add(YamlPtr node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node->kind == YamlKind::kList) {
      frame.node->items.push_back(std::move(node));
      return;
    }
    frame.wants_key = true;
    if (const YamlMember* first = frame.node->Find(frame.key)) {
      report_->Error(frame.key_span, "'" + frame.key + "' is here twice",
                     "first on line " + std::to_string(first->key_span.line + 1));
      return;
    }
    frame.node->members.push_back({frame.key, frame.key_span, std::move(node)});
  }

  // `<<: *base` or `<<: [*a, *b]`: members of the base that aren't here already.
  void Merge(YamlNode* node) {
    const auto at = std::find_if(node->members.begin(), node->members.end(),
                                 [](const YamlMember& member) { return member.key == "<<"; });
    if (at == node->members.end()) return;
    const YamlMember merge = *at;
    node->members.erase(at);
    std::vector<YamlPtr> bases = {merge.value};
    if (merge.value->kind == YamlKind::kList) bases = merge.value->items;
    for (const YamlPtr& base : bases) {
      if (base->kind != YamlKind::kMap) {
        report_->Error(merge.key_span, "'<<' merges maps only", "write <<: *name_of_a_map");
        return;
      }
      for (const YamlMember& member : base->members)
        if (node->Find(member.key) == nullptr) node->members.push_back(member);
    }
  }

  const Source& source_;
  Report* report_;
  YamlPtr root_;
  std::vector<Frame> stack_;
  std::map<YAML::anchor_t, YamlPtr> anchors_;  // null: still open
};

// What yaml-cpp says, in words that tell what to do.
std::pair<std::string, std::string> Explain(const std::string& message) {
  static const std::map<std::string_view, std::pair<std::string_view, std::string_view>> kWords = {
      {"illegal map value",
       {"a ':' is not expected here", "put text with ': ' in quotes, and check the indentation"}},
      {"end of map not found",
       {"this line's indentation fits no line above", "line it up with its siblings"}},
      {"end of sequence not found",
       {"this line's indentation fits no line above", "line it up with its siblings"}},
      {"end of map flow not found", {"a '}' is missing", ""}},
      {"end of sequence flow not found", {"a ']' is missing", ""}},
      {"illegal flow end", {"this bracket closes nothing", ""}},
      {"illegal block entry", {"a list can't start here", "put '- ' on a line of its own"}},
      {"unknown token", {"text can't start with this character", "put it in quotes"}},
      {"the referenced anchor is not defined",
       {"no anchor of this name stands above", "put text that starts with * in quotes"}},
      {"bad file", {"nested too deeply", ""}},
      {"illegal EOF in scalar", {"the file ends within a text", "add the closing quote"}},
  };
  const auto at = kWords.find(message);
  if (at == kWords.end()) return {"not YAML: " + message, ""};
  return {std::string(at->second.first), std::string(at->second.second)};
}

void ReportSyntax(const Source& source, const YAML::Exception& e, const Span& open,
                  Report* report) {
  const int last = std::min(e.mark.line, static_cast<int>(source.lines.size()) - 1);
  for (int number = 0; number <= last; ++number) {
    const std::string_view line = LineAt(source, number);
    const size_t text = line.find_first_not_of(" \t");
    const size_t tab = line.find('\t');
    if (text != std::string_view::npos && tab < text && line[text] != '#')
      return report->Error({number, static_cast<int>(tab), 1, source.index},
                           "a tab in the indentation", "YAML allows spaces only");
  }
  Span at{last, e.mark.column, 1, source.index};
  // An error at the end of the file is shown on its last line with text.
  while (at.line > 0 && LineAt(source, at.line).find_first_not_of(' ') == std::string_view::npos) {
    --at.line;
    at.column = static_cast<int>(LineAt(source, at.line).size());
  }
  auto [message, hint] = Explain(e.msg);
  if (e.msg.find(" flow not found") != std::string::npos && open.line >= 0)
    hint = "it was opened on line " + std::to_string(open.line + 1);
  report->Error(at, message, hint);
}

}  // namespace

YamlPtr ParseYaml(const Source& source, Report* report) {
  const Span whole{-1, 0, 1, source.index};
  Builder builder(source, report);
  try {
    std::istringstream in(source.text);
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {
    return nullptr;
  } catch (const YAML::Exception& e) {
    ReportSyntax(source, e, builder.open(), report);
    return nullptr;
  } catch (const std::exception& e) {
    report->Error(whole, std::string("not readable as YAML: ") + e.what());
    return nullptr;
  }
  if (builder.root() == nullptr)
    report->Error(whole, "the file is empty",
                  "start with 'version: 1'; `heald schema` lists all keys");
  return builder.root();
}

Span SpanInside(const Source& source, const YamlNode& scalar, size_t offset, size_t length) {
  if (scalar.filled) return scalar.span;
  int line = scalar.span.line;
  size_t column = static_cast<size_t>(scalar.span.column);
  std::string_view raw = LineAt(source, line);
  const char quote = column < raw.size() && !scalar.plain ? raw[column] : '\0';
  const auto next_line = [&] {
    ++line;
    raw = LineAt(source, line);
    column = std::min(raw.find_first_not_of(" \t"), raw.size());
  };
  if (quote == '|' || quote == '>')
    next_line();
  else if (quote == '"' || quote == '\'')
    ++column;
  // Walk text and source side by side; where the text has one blank, the source may have a fold.
  for (size_t i = 0; i < offset && i < scalar.text.size(); ++i) {
    const char c = scalar.text[i];
    if (c == '\n' || (c == ' ' && raw.find_first_not_of(" \t", column) == std::string_view::npos)) {
      do next_line();
      while (column >= raw.size() && static_cast<size_t>(line) + 1 < source.lines.size());
      continue;
    }
    const bool escape = (quote == '"' && column < raw.size() && raw[column] == '\\') ||
                        (quote == '\'' && c == '\'');
    column += escape ? 2 : 1;
  }
  if (column >= raw.size() && offset < scalar.text.size()) next_line();
  return {line, static_cast<int>(column), static_cast<int>(std::max<size_t>(length, 1)),
          scalar.span.file};
}

}  // namespace heald
