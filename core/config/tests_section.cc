#include "core/config/tests_section.h"

#include <re2/re2.h>

#include <array>
#include <cstdio>

#include "core/config/reader.h"
#include "core/config/steps_section.h"
#include "core/model/suggest.h"
#include "core/model/template.h"
#include "core/pipeline/graph.h"

namespace heald {
namespace {

constexpr std::string_view kTest = R"json({
  "type": "object",
  "description": "What the pipeline does with given samples, on a virtual clock; heald test runs it",
  "required": ["name"],
  "properties": {
    "name": {"type": "string", "minLength": 1, "description": "A sentence that is true when it passes"},
    "feed": {"type": "array", "minItems": 1, "description": "Samples, series by series", "items": {
      "type": "object", "required": ["series", "values"], "properties": {
        "series": {"type": "string", "minLength": 1,
          "description": "source.query{label=\"value\", …}"},
        "every": {"type": "string", "x-unit": "duration", "default": "10s", "minimum": "1ms",
          "description": "Time between two values"},
        "values": {"type": "string", "minLength": 1,
          "description": "As in promtool: 1 2 _ 0.5x10 0+2x30"},
        "after": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1},
          "description": "Values from the moment that action has taken effect"}}}},
    "logs": {"type": "array", "minItems": 1, "description": "Log lines, stream by stream", "items": {
      "type": "object", "required": ["stream", "lines"], "properties": {
        "stream": {"type": "string", "minLength": 1,
          "description": "source.query{label=\"value\", …}"},
        "from": {"type": "string", "x-unit": "duration", "default": "0s",
          "description": "Of the first line, since the test's start"},
        "every": {"type": "string", "x-unit": "duration", "default": "10s", "minimum": "1ms",
          "description": "Time between two lines"},
        "times": {"type": "integer", "minimum": 1, "maximum": 100000,
          "description": "Lines in all, those of the list in turn; each once, if absent"},
        "lines": {"type": "array", "minItems": 1, "items": {"type": "string"},
          "description": "{n} in a line is its number: 0, 1, 2…"}}}},
    "actions": {"type": "object", "description": "How the pretended targets behave, by action",
      "additionalProperties": {"type": "object", "properties": {
        "takes": {"type": "string", "x-unit": "duration", "default": "1s",
          "description": "From the call to its effect"},
        "result": {"type": "string", "enum": ["done", "failed", "absent", "refused"],
          "default": "done",
          "description": "absent: it never shows an effect; refused: the call itself fails"},
        "reversible": {"type": "boolean", "default": false, "description": "It could be undone"},
        "can_canary": {"type": "boolean", "default": false,
          "description": "It has several members, so that a canary can go first"}}}},
    "do": {"type": "array", "description": "What people do meanwhile", "items": {
      "type": "object", "required": ["at"], "properties": {
        "at": {"type": "string", "x-unit": "duration", "description": "Since the test's start"},
        "approve": {"type": "string", "minLength": 1, "description": "A policy whose decision, or held canary, waits"},
        "deny": {"type": "string", "minLength": 1, "description": "A policy whose decision, or held canary, waits"},
        "switch": {"type": "string", "enum": ["on", "off"],
          "description": "Automatic remediation"},
        "mode": {"type": "string", "enum": ["shadow", "approve", "enforce"],
          "description": "What somebody sets the mode of 'policy' to"},
        "policy": {"type": "string", "minLength": 1, "description": "Whose mode"}}}},
    "run": {"type": "string", "x-unit": "duration", "description": "Until the feed ends, if absent"},
    "expect": {"type": "array", "description": "Each must happen", "items": EVENT},
    "never": {"type": "array", "description": "None may happen", "items": EVENT}
  }
})json";

constexpr std::string_view kEvent = R"json({
  "type": "object", "properties": {
    "finding": {"type": "object", "description": "A finding that opens, or changes its state",
      "properties": {
        "detector": {"type": "string", "description": "Which found it, or the source it came from"},
        "metric": {"type": "string", "description": "Query"},
        "state": {"type": "string", "enum": ["open", "update", "clear"],
          "description": "What happened to it; open, if absent"},
        "kind": {"type": "string", "enum": ["anomaly", "prediction", "event"],
          "description": "What it is"},
        "severity": {"type": "string", "enum": ["normal", "info", "warning", "critical"],
          "description": "How bad"},
        "target": {"type": "object", "additionalProperties": {"type": "string"},
          "description": "Labels that its target has"}}},
    "decision": {"type": "object", "description": "What a policy decides", "properties": {
        "policy": {"type": "string", "description": "Which"},
        "verdict": {"type": "string",
          "enum": ["act", "would_act", "refused", "awaits_approval"], "description": "What"},
        "guard": {"type": "string", "description": "The guard that refused"},
        "action": {"type": "string", "description": "What it would do"},
        "step": {"type": "integer", "minimum": 1, "description": "Whose turn it is, from 1 on"},
        "target": {"type": "object", "additionalProperties": {"type": "string"},
          "description": "Labels that its target has"}}},
    "execution": {"type": "object", "description": "What becomes of an action", "properties": {
        "policy": {"type": "string", "description": "Whose"},
        "action": {"type": "string", "description": "Which"},
        "step": {"type": "integer", "minimum": 1, "description": "Of the policy's steps, from 1 on"},
        "part": {"type": "string", "enum": ["all", "canary", "rest"],
          "description": "Which members of the target are acted on, or were"},
        "state": {"type": "string",
          "enum": ["issued", "observed", "verified", "failed", "undone", "dry_run"],
          "description": "How far it came"},
        "target": {"type": "object", "additionalProperties": {"type": "string"},
          "description": "Labels that its target has"}}},
    "incident": {"type": "object", "description": "An incident that opens or ends", "properties": {
        "state": {"type": "string",
          "enum": ["open", "acting", "verifying", "resolved", "escalated"],
          "description": "What it came to; open, if absent"},
        "severity": {"type": "string", "enum": ["normal", "info", "warning", "critical"],
          "description": "How bad"},
        "target": {"type": "object", "additionalProperties": {"type": "string"},
          "description": "Labels that its target has"}}},
    "between": {"type": "array", "items": {"type": "string", "x-unit": "duration"}, "minItems": 2,
      "maxItems": 2, "description": "When, since the test's start"},
    "count": {"type": "integer", "minimum": 0, "description": "Exactly so often"}
  }
})json";

constexpr std::array<std::string_view, 4> kKinds = {"finding", "decision", "execution", "incident"};
// More than a week of samples at 10 s; a typo in a count must not take all memory.
constexpr size_t kMaxValues = 100'000;

const std::string& Text() {
  static const std::string kText = [] {
    std::string text(kTest);
    for (size_t at = text.find("EVENT"); at != std::string::npos; at = text.find("EVENT"))
      text.replace(at, 5, kEvent);
    return text;
  }();
  return kText;
}

const Schema& TestSchema() {
  static const SchemaPtr kSchema = [] {
    Result<SchemaPtr> schema = ParseSchema(Text());
    HEALD_CHECK(schema.ok(), "heald's own schema is readable");
    return *schema;
  }();
  return *kSchema;
}

// One word of promtool's notation; a text when it can't be read.
std::string AddValues(std::string_view word, TestValues* out) {
  static const RE2 kSteps(
      R"((_|stale|[-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|inf|nan))(?:([-+][0-9.]+(?:e[-+]?[0-9]+)?))?(?:x([0-9]+))?)");
  std::string first;
  std::string step;
  std::string times;
  const std::string shown = "'" + std::string(word) + "'";
  if (!RE2::FullMatch(re2::StringPiece(word.data(), word.size()), kSteps, &first, &step, &times))
    return shown + " is no value: write 1, _, 0.5x10 or 0+2x30";
  const bool none = first == "_" || first == "stale";
  if (!step.empty() && (none || times.empty())) return shown + ": a step needs a value and xN";
  const size_t more = times.empty() ? 0 : std::strtoull(times.c_str(), nullptr, 10);
  if (times.size() > 6 || out->size() + more >= kMaxValues)
    return shown + " makes more than " + std::to_string(kMaxValues) + " values";
  // As in promtool, axN is a and N more; _xN is N of them.
  const size_t count = none && !times.empty() ? more : more + 1;
  for (size_t i = 0; i < count; ++i)
    out->push_back(
        none ? std::nullopt
             : std::optional(std::strtod(first.c_str(), nullptr) +
                             static_cast<double>(i) *
                                 (step.empty() ? 0 : std::strtod(step.c_str(), nullptr))));
  return "";
}

class TestReader {
 public:
  TestReader(const PipelineSpec& spec, const Catalog& catalog, LoadContext* context)
      : spec_(spec), catalog_(catalog), context_(*context) {}

  bool Read(const YamlNode& node, const std::string& path, PipelineTest* test) {
    const Typed typed =
        Coerce({&node, &TestSchema(), path, "this test", node.span, false}, &context_);
    if (!typed.ok) return false;
    const Reader in{typed.value};
    test->name = in.Text("name");
    test->run_ns = in.Int("run", 0);
    test->line = node.span.line + 1;
    ReadFeed(typed.value, path + "/feed", test);
    ReadLogs(typed.value, path + "/logs", test);
    if (test->feed.empty() && test->logs.empty() && ok_)
      Error(path, "test '" + test->name + "' feeds nothing", "add feed: or logs:");
    ReadTargets(typed.value, path + "/actions", test);
    ReadDeeds(typed.value, path + "/do", test);
    ReadExpectations(typed.value, path, "expect", test);
    ReadExpectations(typed.value, path, "never", test);
    if (test->expectations.empty())
      Error(path, "test '" + test->name + "' expects nothing", "add expect: or never:");
    return ok_;
  }

 private:
  void Error(const std::string& path, std::string message, std::string hint = "") {
    ok_ = false;
    context_.report->Error(MarkOf(context_.marks, path), std::move(message), std::move(hint), path);
  }

  template <typename Take>
  static void EachItem(const Value& map, std::string_view key, Take take) {
    const Value* list = map.Find(key);
    if (list == nullptr || list->AsList() == nullptr) return;
    for (size_t i = 0; i < list->AsList()->size(); ++i) take((*list->AsList())[i], i);
  }
  template <typename Take>
  static void EachMember(const Value& map, std::string_view key, Take take) {
    const Value* members = map.Find(key);
    if (members == nullptr || members->AsMap() == nullptr) return;
    for (const auto& [name, value] : *members->AsMap()) take(name, value);
  }

  TestValues Values(const std::string& text, const std::string& path) {
    TestValues values;
    size_t at = 0;
    while ((at = text.find_first_not_of(" \t\n", at)) != std::string::npos) {
      const size_t end = std::min(text.find_first_of(" \t\n", at), text.size());
      if (std::string wrong = AddValues(std::string_view(text).substr(at, end - at), &values);
          !wrong.empty()) {
        Error(path, std::move(wrong));
        return {};
      }
      at = end;
    }
    if (values.empty()) Error(path, "there are no values here", "write for instance 1x10");
    return values;
  }

  // source.query{label="value"}, of a TestSeries or TestLines.
  template <typename Fed>
  void ReadSelector(const std::string& text, const std::string& path, Fed* series) {
    static const RE2 kSelector(R"(\s*([\w-]+)\.([\w:.-]+)\s*(?:\{(.*)\})?\s*)");
    static const RE2 kMatcher(R"re(\s*([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?)re");
    std::string labels;
    if (!RE2::FullMatch(text, kSelector, &series->source, &series->output, &labels)) {
      Error(path, "'" + text + "' is no series", "write source.query{label=\"value\"}");
      return;
    }
    re2::StringPiece rest(labels);
    std::string name;
    std::string value;
    while (RE2::Consume(&rest, kMatcher, &name, &value)) series->labels.Set(name, value);
    const std::string left = rest.as_string();
    if (left.find_first_not_of(" \t") != std::string::npos)
      Error(path, "'" + left + "' is no label", "write label=\"value\"");
    CheckSource(series->source, series->output, path);
  }

  void CheckSource(const std::string& name, const std::string& output, const std::string& path) {
    std::vector<std::string> sources;
    for (const NodeSpec& node : spec_.nodes)
      if (node.kind == Kind::kSource) sources.push_back(node.name);
    const NodeSpec* source = spec_.FindNode(name);
    if (source == nullptr || source->kind != Kind::kSource) {
      Error(path, "there is no source '" + name + "'", DidYouMean(name, sources));
      return;
    }
    const std::vector<std::string>& outputs = source->outputs;
    if ((OutputsOf(catalog_, *source) & kFindings) != 0) return;  // it may be a finding's name
    const Component* component = catalog_.Find(Kind::kSource, source->plugin);
    if ((component == nullptr || !component->open_outputs) && !outputs.empty() &&
        std::find(outputs.begin(), outputs.end(), output) == outputs.end())
      Error(path, "source '" + source->name + "' has no query '" + output + "'",
            DidYouMean(output, outputs));
  }

  void CheckAction(const std::string& name, const std::string& path) {
    const NodeSpec* node = spec_.FindNode(name);
    if (node != nullptr && node->kind == Kind::kAction) return;
    std::vector<std::string> actions;
    for (const NodeSpec& known : spec_.nodes)
      if (known.kind == Kind::kAction) actions.push_back(known.name);
    Error(path, "there is no action '" + name + "'", DidYouMean(name, actions));
  }

  void CheckPolicy(const std::string& name, const std::string& path) {
    if (spec_.FindPolicy(name) != nullptr) return;
    std::vector<std::string> policies;
    for (const PolicySpec& policy : spec_.policies) policies.push_back(policy.name);
    Error(path, "there is no policy '" + name + "'", DidYouMean(name, policies));
  }

  // A step that no policy has would make a `never` that always holds.
  void CheckStep(const std::string& step, const std::string* of, const std::string& path) {
    uint32_t most = 0;
    for (const PolicySpec& policy : spec_.policies)
      if (of == nullptr || policy.name == *of) most = std::max(most, policy.step_count());
    if (most != 0 && std::stoull(step) > most)
      Error(path, "there is no step " + step,
            (of == nullptr ? "the longest policy" : "policy '" + *of + "'") + std::string(" has ") +
                std::to_string(most));
  }

  void ReadFeed(const Value& test, const std::string& path, PipelineTest* out) {
    EachItem(test, "feed", [&](const Value& item, size_t i) {
      const std::string at = path + "/" + std::to_string(i);
      const Reader in{item};
      TestSeries series;
      ReadSelector(in.Text("series"), at + "/series", &series);
      series.every_ns = in.Int("every", series.every_ns);
      series.values = Values(in.Text("values"), at + "/values");
      EachMember(item, "after", [&](const std::string& action, const Value& values) {
        const std::string where = at + "/after/" + PointerToken(action);
        CheckAction(action, where);
        if (values.AsString() != nullptr) series.after[action] = Values(*values.AsString(), where);
      });
      out->feed.push_back(std::move(series));
    });
  }

  void ReadLogs(const Value& test, const std::string& path, PipelineTest* out) {
    EachItem(test, "logs", [&](const Value& item, size_t i) {
      const std::string at = path + "/" + std::to_string(i);
      const Reader in{item};
      TestLines lines;
      ReadSelector(in.Text("stream"), at + "/stream", &lines);
      lines.from_ns = in.Int("from", 0);
      lines.every_ns = in.Int("every", lines.every_ns);
      EachItem(item, "lines", [&](const Value& line, size_t) {
        if (line.AsString() != nullptr) lines.lines.push_back(*line.AsString());
      });
      lines.times =
          static_cast<uint64_t>(in.Int("times", static_cast<int64_t>(lines.lines.size())));
      out->logs.push_back(std::move(lines));
    });
  }

  void ReadTargets(const Value& test, const std::string& path, PipelineTest* out) {
    EachMember(test, "actions", [&](const std::string& action, const Value& value) {
      CheckAction(action, path + "/" + PointerToken(action));
      const Reader in{value};
      TestTarget target;
      target.takes_ns = in.Int("takes", target.takes_ns);
      target.reversible = in.Bool("reversible", false);
      target.can_canary = in.Bool("can_canary", false);
      const std::string result = in.Text("result");
      target.result = result == "failed"    ? TestTarget::Result::kFailed
                      : result == "absent"  ? TestTarget::Result::kAbsent
                      : result == "refused" ? TestTarget::Result::kRefused
                                            : TestTarget::Result::kDone;
      out->targets[action] = target;
    });
  }

  void ReadDeeds(const Value& test, const std::string& path, PipelineTest* out) {
    EachItem(test, "do", [&](const Value& item, size_t i) {
      const std::string at = path + "/" + std::to_string(i);
      const Reader in{item};
      TestDeed deed;
      deed.at_ns = in.Int("at", 0);
      const std::string approve = in.Text("approve");
      const std::string deny = in.Text("deny");
      const std::string turn = in.Text("switch");
      const std::string mode = in.Text("mode");
      if (!approve.empty() + !deny.empty() + !turn.empty() + !mode.empty() != 1) {
        Error(at, "a person does one thing at a time", "write approve:, deny:, switch: or mode:");
        return;
      }
      const std::string policy = in.Text("policy");
      if (policy.empty() != mode.empty()) {
        Error(at, "'mode' and 'policy' belong together", "write {mode: enforce, policy: NAME}");
        return;
      }
      deed.policy = approve + deny + policy;
      deed.mode = ModeOf(mode);
      deed.what = !approve.empty() ? TestDeed::What::kApprove
                  : !deny.empty()  ? TestDeed::What::kDeny
                  : !mode.empty()  ? TestDeed::What::kMode
                  : turn == "on"   ? TestDeed::What::kSwitchOn
                                   : TestDeed::What::kSwitchOff;
      if (turn.empty())
        CheckPolicy(deed.policy, at + (!approve.empty() ? "/approve"
                                       : !deny.empty()  ? "/deny"
                                                        : "/policy"));
      out->deeds.push_back(std::move(deed));
    });
    std::stable_sort(out->deeds.begin(), out->deeds.end(),
                     [](const TestDeed& a, const TestDeed& b) { return a.at_ns < b.at_ns; });
  }

  void ReadExpectations(const Value& test, const std::string& path, const std::string& key,
                        PipelineTest* out) {
    EachItem(test, key, [&](const Value& item, size_t i) {
      TestExpectation expectation;
      expectation.never = key == "never";
      expectation.path = path + "/" + key + "/" + std::to_string(i);
      size_t kinds = 0;
      for (const std::string_view kind : kKinds)
        if (const Value* fields = item.Find(kind)) {
          ++kinds;
          expectation.kind = kind;
          expectation.fields.clear();
          ReadFields(*fields, expectation.path + "/" + std::string(kind), &expectation);
        }
      if (kinds != 1)
        Error(expectation.path, "this must be one of finding, decision, execution and incident",
              "write '- finding: {…}' and so on, each in an item of its own");
      if (const Value* between = item.Find("between"); between != nullptr && between->AsList()) {
        expectation.from_ns = *(*between->AsList())[0].AsInt();
        expectation.to_ns = *(*between->AsList())[1].AsInt();
      }
      if (const Value* count = item.Find("count"); count != nullptr && count->AsInt())
        expectation.count = static_cast<uint64_t>(*count->AsInt());
      expectation.line = MarkOf(context_.marks, expectation.path).line + 1;
      out->expectations.push_back(std::move(expectation));
    });
  }

  void ReadFields(const Value& fields, const std::string& path, TestExpectation* out) {
    if (fields.AsMap() == nullptr) return;
    for (const auto& [name, value] : *fields.AsMap()) {
      if (value.AsMap() != nullptr)
        for (const auto& [label, text] : *value.AsMap())
          out->target.Set(label, text.AsString() ? *text.AsString() : "");
      else if (value.AsString() != nullptr)
        out->fields[name] = *value.AsString();
      else if (value.AsInt() != nullptr)
        out->fields[name] = std::to_string(*value.AsInt());
    }
    // What people mean by "a finding" and "an incident".
    if (out->kind == "finding" || out->kind == "incident") out->fields.emplace("state", "open");
    const auto named = [&](const char* field) {
      const auto at = out->fields.find(field);
      return at == out->fields.end() ? nullptr : &at->second;
    };
    if (const std::string* policy = named("policy")) CheckPolicy(*policy, path + "/policy");
    if (const std::string* action = named("action"); action != nullptr && *action != "alert")
      CheckAction(*action, path + "/action");
    if (const std::string* step = named("step")) CheckStep(*step, named("policy"), path + "/step");
    const std::string* detector = named("detector");
    if (detector == nullptr) return;
    const NodeSpec* node = spec_.FindNode(*detector);
    if (node == nullptr || (OutputsOf(catalog_, *node) & kFindings) == 0)
      Error(path + "/detector", "there is no detector '" + *detector + "'");
  }

  const PipelineSpec& spec_;
  const Catalog& catalog_;
  LoadContext& context_;
  bool ok_ = true;
};

}  // namespace

std::string_view TestSchemaText() {
  return Text();
}

std::vector<PipelineTest> ReadTests(const YamlNode& list, const PipelineSpec& spec,
                                    const Catalog& catalog, LoadContext* context) {
  std::vector<PipelineTest> tests;
  for (size_t i = 0; i < list.items.size(); ++i) {
    PipelineTest test;
    const std::string path = "/tests/" + std::to_string(i);
    context->marks[path] = list.items[i]->span;
    if (TestReader(spec, catalog, context).Read(*list.items[i], path, &test)) {
      test.file = context->report->SourceOf(list.items[i]->span).name;
      tests.push_back(std::move(test));
    }
  }
  return tests;
}

}  // namespace heald
