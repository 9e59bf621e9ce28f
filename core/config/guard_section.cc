#include "core/config/guard_section.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "core/base/time_zone.h"
#include "core/config/reader.h"
#include "core/model/suggest.h"

namespace heald {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr const char* kAmountHint = "write a number such as 2, or a part of all such as 20%";

constexpr std::string_view kInhibit = R"json({
  "type": "object",
  "description": "While one finding is open, others are muted",
  "properties": {
    "source": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1},
      "description": "Matchers of what mutes, such as metric=node_up"},
    "target": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1},
      "description": "Matchers of what is muted, such as detector=pods"},
    "equal": {"type": "array", "items": {"type": "string", "minLength": 1},
      "description": "Labels that both must have, with the same values"}
  },
  "required": ["source", "target"]
})json";

class GuardReader {
 public:
  explicit GuardReader(LoadContext* context) : context_(*context) {}

  void Error(const std::string& path, std::string message, std::string hint = "") {
    context_.report->Error(MarkOf(context_.marks, path), std::move(message), std::move(hint), path);
  }

  Amount ReadAmount(const Reader& in, const char* key, const std::string& path) {
    const std::string text = in.Text(key);
    Amount amount;
    if (text.empty()) return amount;
    const std::string at = path + "/" + key;
    const std::string name = std::string("'guard.") + key + "'";
    amount.set = true;
    amount.ratio = text.back() == '%';
    const Result<double> ratio = amount.ratio ? ParseRatio(text) : MakeError(Code::kInvalid, "");
    const bool digits =
        text.size() < 7 && text.find_first_not_of("0123456789") == std::string::npos;
    if (amount.ratio ? !ratio.ok() : !digits) {
      Error(at, name + " must be a number of targets or a part of them, not '" + text + "'",
            kAmountHint);
      return {};
    }
    amount.value = amount.ratio ? *ratio : std::stod(text);
    if (amount.value <= 0)
      Error(at, name + " must be above 0", kAmountHint);
    else if (amount.ratio && amount.value > 1)
      Error(at, name + " must be at most 100%, not '" + text + "'", kAmountHint);
    return amount;
  }

  std::vector<WindowSpec> ReadWindows(const Reader& in, const char* key, const std::string& path) {
    std::vector<WindowSpec> windows;
    const Value* list = in.map.Find(key);
    if (list == nullptr || list->AsList() == nullptr) return windows;
    for (size_t i = 0; i < list->AsList()->size(); ++i)
      windows.push_back(
          ReadWindow(Reader{(*list->AsList())[i]}, path + "/" + key + "/" + std::to_string(i)));
    return windows;
  }

  std::vector<Matcher> ReadMatchers(const Reader& in, const char* key, const std::string& path,
                                    const PipelineSpec& spec) {
    std::vector<Matcher> matchers;
    const std::vector<std::string> texts = in.Texts(key);
    for (size_t i = 0; i < texts.size(); ++i) {
      const std::string at = path + "/" + key + "/" + std::to_string(i);
      Result<Matcher> matcher = Matcher::Parse(texts[i]);
      if (!matcher) {
        Error(at, matcher.error().message);
        continue;
      }
      CheckDetector(*matcher, at, spec);
      matchers.push_back(std::move(*matcher));
    }
    return matchers;
  }

  // An entry that can match nothing would exclude nothing.
  void CheckExcluded(const std::vector<std::string>& excluded, const std::string& path) {
    for (size_t i = 0; i < excluded.size(); ++i) {
      const std::string& entry = excluded[i];
      if (entry.find_first_of("=~") == std::string::npos) continue;
      const Result<Matcher> matcher = Matcher::Parse(entry);
      if (matcher && !matcher->value().empty()) continue;
      Error(path + "/" + std::to_string(i),
            "'" + entry + "' excludes nothing" +
                (matcher ? ": it has no value" : ": " + matcher.error().message),
            "write payments, service=payments or namespace=~\"kube-.*\"");
    }
  }

 private:
  WindowSpec ReadWindow(const Reader& in, const std::string& path) {
    WindowSpec window;
    window.path = path;
    window.timezone = in.Text("timezone");
    window.from_ns = ReadTime(in.Text("from"), path + "/from", 23);
    window.to_ns = ReadTime(in.Text("to"), path + "/to", 24);
    const std::vector<std::string> days = in.Texts("days");
    if (!days.empty()) window.days = 0;
    for (size_t i = 0; i < days.size(); ++i)
      window.days |= ReadDays(days[i], path + "/days/" + std::to_string(i));
    if (window.from_ns == window.to_ns)
      Error(path + "/to", "this window ends as it begins: it never holds",
            "write to: \"24:00\", or leave both out for whole days");
    if (window.timezone.empty()) return window;
    if (const Result<TimeZone> zone = TimeZone::Find(window.timezone); !zone)
      Error(path + "/timezone", zone.error().message,
            DidYouMean(window.timezone, TimeZone::Names()));
    return window;
  }

  int64_t ReadTime(const std::string& text, const std::string& path, int last_hour) {
    const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9'; };
    const bool form =
        text.size() == 5 && text[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4);
    const int hour = form ? std::stoi(text.substr(0, 2)) : 0;
    const int minute = form ? std::stoi(text.substr(3)) : 0;
    if (!form || minute > 59 || hour > last_hour || (hour == 24 && minute > 0)) {
      if (!text.empty()) Error(path, "'" + text + "' is no time of day", "write it as \"09:00\"");
      return 0;
    }
    return hour * kHour + minute * kMinute;
  }

  // "mon", "mon-fri", "sat-sun", "fri-mon" over the weekend.
  uint8_t ReadDays(const std::string& text, const std::string& path) {
    const size_t dash = text.find('-');
    const std::optional<int> first = Day(text.substr(0, dash));
    const std::optional<int> last = dash == std::string::npos ? first : Day(text.substr(dash + 1));
    if (!first || !last) {
      Error(path, "'" + text + "' is no day of the week",
            "write mon, tue, wed, thu, fri, sat, sun, or mon-fri");
      return 0;
    }
    uint8_t days = 0;
    for (int day = *first;; day = (day + 1) % 7) {
      days = static_cast<uint8_t>(days | 1 << day);
      if (day == *last) return days;
    }
  }

  static std::optional<int> Day(const std::string& name) {
    const auto at = std::find(kDays.begin(), kDays.end(), name);
    if (at == kDays.end()) return std::nullopt;
    return static_cast<int>(at - kDays.begin());
  }

  void CheckDetector(const Matcher& matcher, const std::string& path, const PipelineSpec& spec) {
    if (matcher.name() != "detector" || matcher.op() != Matcher::Op::kEqual) return;
    std::vector<std::string> detectors;
    for (const NodeSpec& node : spec.nodes)
      if (node.kind == Kind::kDetector) detectors.push_back(node.name);
    if (std::find(detectors.begin(), detectors.end(), matcher.value()) != detectors.end()) return;
    std::string hint = DidYouMean(matcher.value(), detectors);
    if (hint.empty() && !detectors.empty()) hint = "there are " + JoinNames(detectors);
    Error(path, "there is no detector '" + matcher.value() + "'", std::move(hint));
  }

  LoadContext& context_;
};

}  // namespace

void ReadGuard(const Value& value, const std::string& path, LoadContext* context,
               GuardSpec* guard) {
  const Reader in{value};
  GuardReader reader(context);
  guard->for_ns = in.Int("for", 0);
  guard->cooldown_ns = in.Int("cooldown", 0);
  guard->max_per_hour = static_cast<uint64_t>(in.Int("max_per_hour", 0));
  guard->excluded = in.Texts("excluded");
  reader.CheckExcluded(guard->excluded, path + "/excluded");
  guard->max_targets = reader.ReadAmount(in, "max_targets", path);
  guard->min_healthy = reader.ReadAmount(in, "min_healthy", path);
  const Reader breaker = in.In("breaker");
  guard->breaker.failures =
      static_cast<uint64_t>(breaker.Int("failures", static_cast<int64_t>(guard->breaker.failures)));
  guard->breaker.for_ns = breaker.Int("for", guard->breaker.for_ns);
  const Reader demote = in.In("demote");
  guard->demote.failures =
      static_cast<uint64_t>(demote.Int("failures", static_cast<int64_t>(guard->demote.failures)));
  guard->demote.of =
      static_cast<uint64_t>(demote.Int("of", static_cast<int64_t>(guard->demote.of)));
  if (guard->demote.failures > guard->demote.of)
    reader.Error(path + "/demote/failures",
                 std::to_string(guard->demote.failures) + " of " +
                     std::to_string(guard->demote.of) + " executions can't fail",
                 "write demote: {failures: 5, of: 10}, or failures: 0 for never");
  guard->windows = reader.ReadWindows(in, "windows", path);
  guard->deny_windows = reader.ReadWindows(in, "deny_windows", path);
}

void ReadAgentGuards(const Value& value, LoadContext* context, AgentSpec* agent) {
  const Reader in{value};
  GuardReader reader(context);
  const Reader storm = in.In("storm");
  StormSpec& spec = agent->storm;
  spec.incidents =
      static_cast<uint64_t>(storm.Int("incidents", static_cast<int64_t>(spec.incidents)));
  spec.within_ns = storm.Int("within", spec.within_ns);
  spec.pause_ns = storm.Int("pause", spec.pause_ns);
  agent->windows = reader.ReadWindows(in, "windows", "/agent");
  agent->deny_windows = reader.ReadWindows(in, "deny_windows", "/agent");
}

std::string_view InhibitSchemaText() {
  return kInhibit;
}

Value ReadInhibit(const YamlNode& section, const PipelineSpec& spec, LoadContext* context,
                  std::vector<InhibitRule>* rules) {
  static const SchemaPtr kSchema = *ParseSchema(kInhibit);
  GuardReader reader(context);
  Value::List typed_rules;
  for (size_t i = 0; i < section.items.size(); ++i) {
    const std::string path = "/inhibit/" + std::to_string(i);
    const YamlNode& item = *section.items[i];
    context->marks[path] = item.span;
    Typed typed = Coerce({&item, kSchema.get(), path,
                          "rule " + std::to_string(i + 1) +
                              " of "
                              "inhibit",
                          item.span, false},
                         context);
    const Reader in{typed.value};
    InhibitRule rule;
    rule.path = path;
    rule.source = reader.ReadMatchers(in, "source", path, spec);
    rule.target = reader.ReadMatchers(in, "target", path, spec);
    rule.equal = in.Texts("equal");
    if (typed.ok) rules->push_back(std::move(rule));
    typed_rules.push_back(std::move(typed.value));
  }
  return typed_rules;
}

}  // namespace heald
