#include "core/config/loader.h"

#include <filesystem>
#include <set>

#include "core/config/agent_section.h"
#include "core/config/coerce.h"
#include "core/config/guard_section.h"
#include "core/config/include.h"
#include "core/config/pipeline_schema.h"
#include "core/config/plugin_config.h"
#include "core/config/reader.h"
#include "core/config/steps_section.h"
#include "core/config/tests_section.h"
#include "core/config/text.h"
#include "core/model/suggest.h"
#include "core/model/template.h"
#include "core/pipeline/graph.h"

namespace heald {
namespace {

namespace fs = std::filesystem;
using NodeKind = YamlNode::Kind;

constexpr int64_t kVersion = 1;

std::string Article(Kind kind) {
  return (kind == Kind::kAction ? "an " : "a ") + std::string(ToString(kind));
}

class Loader {
 public:
  Loader(const Source& source, const std::string& folder, const Catalog& catalog,
         const Environment& environment)
      : source_(source),
        catalog_(catalog),
        report_(source),
        context_{&report_, environment, folder, {}, {}} {}

  LoadResult Run(const std::string& file) {
    spec_.file = file;
    const YamlPtr root = ParseYaml(source_, &report_);
    if (root != nullptr && root->kind != NodeKind::kMap)
      report_.Error(root->span, "a pipeline file is a map of sections",
                    "start with 'version: 1'; `heald schema` lists all keys");
    else if (root != nullptr)
      ReadFile(*Joined(root));
    if (!report_.failed())
      for (const std::string& owed : context_.environment.Owed(spec_)) report_.Warn({}, owed);
    LoadResult result;
    for (const IncludedFile& included : included_) result.included.push_back(included.path);
    const bool failed = report_.failed();
    result.diagnostics = report_.Take();
    result.marks = std::move(context_.marks);
    result.shown = std::move(context_.shown);
    result.document = Value(std::move(document_));
    result.state_dir = spec_.agent.state_dir;
    (failed ? result.draft : result.spec) = std::move(spec_);
    return result;
  }

 private:
  void Error(const std::string& path, std::string message, std::string hint = "") {
    report_.Error(MarkOf(context_.marks, path), std::move(message), std::move(hint), path);
  }

  // With what the file includes. The tree lives as long as this.
  YamlPtr Joined(const YamlPtr& root) {
    joined_ = ResolveIncludes(root, source_, spec_.file, context_.folder,
                              {context_.environment, &report_, &included_, &doubts_.missing_nodes});
    for (const IncludedFile& included : included_)
      context_.included_folders.push_back(fs::path(included.path).parent_path().string());
    return joined_;
  }

  void ReadFile(const YamlNode& root) {
    for (const YamlMember& member : root.members) {
      const std::string path = "/" + PointerToken(member.key);
      context_.marks[path] =
          member.value->kind == NodeKind::kScalar ? member.value->span : member.key_span;
      const std::vector<std::string>& names = SectionNames();
      if (std::find(names.begin(), names.end(), member.key) != names.end()) continue;
      doubts_.missing_nodes = true;
      std::string hint = DidYouMean(member.key, names);
      if (hint.empty()) hint = "sections are " + JoinNames(names);
      report_.Error(member.key_span, "unknown section '" + member.key + "'", hint, path);
    }
    ReadVersion(root.Find("version"));
    ReadAgent(root.Find("agent"));
    for (const Kind kind : {Kind::kSource, Kind::kDetector}) ReadNodes(root, kind);
    ReadPolicies(root);
    ReadInhibitions(root.Find("inhibit"));
    for (const Kind kind : {Kind::kAction, Kind::kNotifier}) ReadNodes(root, kind);
    if (const YamlMember* tests = root.Find("tests");
        tests != nullptr && tests->value->kind != NodeKind::kList)
      Error("/tests", "'tests' must be a list", "write '- name: …' for each test");
    else if (tests != nullptr)
      spec_.tests = ReadTests(*tests->value, spec_, catalog_, &context_);
    if (spec_.nodes.empty() && spec_.policies.empty() && !report_.failed())
      report_.Error({}, "the pipeline is empty: there is no source in it",
                    "`heald plugins` lists what there is");
    CheckEdges();
  }

  void ReadVersion(const YamlMember* member) {
    if (member == nullptr) {
      report_.Error({0, 0, 1}, "'version' is missing", "start with 'version: 1'");
      return;
    }
    if (member->value->text != std::to_string(kVersion) || member->value->kind != NodeKind::kScalar)
      Error("/version",
            "this heald reads pipeline files of version 1" +
                (member->value->text.empty() ? "" : ", not '" + member->value->text + "'"),
            "write 1");
    document_.emplace_back("version", kVersion);
  }

  // Null where the section is absent or no map.
  const YamlNode* Section(const YamlNode& root, const std::string& name) {
    const YamlMember* member = root.Find(name);
    if (member == nullptr || member->value->kind == NodeKind::kNull) return nullptr;
    if (member->value->kind == NodeKind::kMap) return member->value.get();
    doubts_.missing_nodes = true;
    report_.Error(member->value->kind == NodeKind::kScalar ? member->value->span : member->key_span,
                  "'" + name + "' must be a map",
                  member->value->kind == NodeKind::kList ? "write 'name:' in place of '- '" : "",
                  "/" + name);
    return nullptr;
  }

  void ReadAgent(const YamlMember* member) {
    Value section = LoadAgent(member, &context_, &spec_.agent);
    for (const std::string& folder : spec_.agent.plugin_dirs) catalog_.AddFolder(folder);
    document_.emplace_back("agent", std::move(section));
  }

  // ---- nodes

  void ReadNodes(const YamlNode& root, Kind kind) {
    const std::string section_name(SectionOf(kind));
    const YamlNode* section = Section(root, section_name);
    if (section == nullptr) return;
    Value::Map typed_section;
    for (const YamlMember& member : section->members) {
      NodeSpec node;
      node.kind = kind;
      node.name = member.key;
      node.path = "/" + section_name + "/" + PointerToken(member.key);
      context_.marks[node.path] = member.key_span;
      typed_section.emplace_back(member.key, ReadNode(member, &node));
      spec_.nodes.push_back(std::move(node));
    }
    document_.emplace_back(section_name, std::move(typed_section));
  }

  Value ReadNode(const YamlMember& member, NodeSpec* node) {
    const std::string where = std::string(ToString(node->kind)) + " '" + node->name + "'";
    // The plugin's own part is checked by the plugin's schema, below.
    YamlNode envelope = *member.value;
    YamlPtr config;
    for (auto at = envelope.members.begin(); at != envelope.members.end(); ++at) {
      if (at->key != "config") continue;
      config = at->value;
      context_.marks[node->path + "/config"] =
          config->kind == NodeKind::kScalar ? config->span : at->key_span;
      envelope.members.erase(at);
      break;
    }
    Typed typed = Coerce(
        {&envelope, &NodeSchema(node->kind), node->path, where, member.key_span, false}, &context_);
    if (!typed.ok) {
      doubts_.unread.insert(node->name);
      doubts_.untyped.insert(node->name);
    }
    const Reader in{typed.value};
    node->plugin = in.Text("plugin");
    node->enabled = in.Bool("enabled", true);
    node->inputs = Inputs(in, node->path);
    node->queue = static_cast<size_t>(in.Int("queue", static_cast<int64_t>(node->queue)));
    node->when_full = in.Text("when_full") == "block" ? WhenFull::kBlock : WhenFull::kDropOldest;
    node->max_series =
        static_cast<uint64_t>(in.Int("max_series", static_cast<int64_t>(node->max_series)));
    node->deadline_ns = in.Int("deadline", node->deadline_ns);
    node->deadline_given =
        std::any_of(envelope.members.begin(), envelope.members.end(),
                    [](const YamlMember& given) { return given.key == "deadline"; });
    if (!node->plugin.empty() && !ReadConfig(config.get(), where, node))
      doubts_.untyped.insert(node->name);
    Value::Map out = typed.value.AsMap() ? std::move(*typed.value.AsMap()) : Value::Map();
    out.emplace_back("config", node->config);
    return out;
  }

  static std::vector<InputRef> Inputs(const Reader& in, const std::string& path) {
    std::vector<InputRef> out;
    const Value* list = in.map.Find("inputs");
    if (list == nullptr || list->AsList() == nullptr) return out;
    for (size_t i = 0; i < list->AsList()->size(); ++i) {
      const std::string* text = (*list->AsList())[i].AsString();
      if (text == nullptr) continue;
      const size_t dot = text->find('.');
      out.push_back({text->substr(0, dot), dot == std::string::npos ? "" : text->substr(dot + 1),
                     path + "/inputs/" + std::to_string(i)});
    }
    return out;
  }

  bool ReadConfig(const YamlNode* config, const std::string& where, NodeSpec* node) {
    const Component* component = catalog_.Find(node->kind, node->plugin);
    if (component == nullptr) {
      UnknownPlugin(*node);
      return false;
    }
    const Result<SchemaPtr> schema = ParseSchema(component->config_schema);
    if (!schema.ok()) {
      Error(node->path + "/plugin",
            "the plugin '" + node->plugin +
                "' describes its config wrongly: " + schema.error().message,
            "tell its author; `heald plugin check` shows the same");
      return false;
    }
    const std::string path = node->path + "/config";
    const Typed typed =
        Coerce({config, schema->get(), path, where + " (plugin " + node->plugin + ")",
                MarkOf(context_.marks, path),
                node->kind == Kind::kAction || node->kind == Kind::kNotifier},
               &context_);
    node->config = typed.value;
    for (const auto& [key, property] : (*schema)->properties)
      if (property->keeps_state) node->keeps_state.push_back(key);
    node->templated = typed.templated;
    if (node->kind == Kind::kAction && typed.ok) RefuseEvents(typed.value, path);
    node->version = component->version;
    node->blocking = component->blocking;
    node->reentrant = component->reentrant;
    if (!typed.ok) return false;
    const std::vector<Problem> problems = component->validate(node->config);
    for (const Problem& problem : problems) Error(path + problem.pointer, WithSubject(problem));
    if (!problems.empty()) return false;
    if (node->kind == Kind::kSource) node->outputs = component->outputs_of(node->config);
    return true;
  }

  void UnknownPlugin(const NodeSpec& node) {
    const std::string path = node.path + "/plugin";
    const std::string trouble = catalog_.LoadError(node.kind, node.plugin);
    if (!trouble.empty()) {
      Error(path, "the plugin '" + node.plugin + "' couldn't be loaded: " + trouble);
      return;
    }
    std::vector<std::string> available;
    std::string elsewhere;
    for (const Component* component : catalog_.All()) {
      if (component->kind == node.kind) available.push_back(component->name);
      if (component->kind != node.kind && component->name == node.plugin)
        elsewhere = Article(component->kind);
    }
    std::string hint = DidYouMean(node.plugin, available);
    const std::string list =
        available.empty() ? "none is installed" : "available: " + JoinNames(available, 24);
    hint = hint.empty() ? list : hint + " (" + list + ")";
    Error(path,
          elsewhere.empty()
              ? "there is no " + std::string(ToString(node.kind)) + " plugin '" + node.plugin + "'"
              : "the plugin '" + node.plugin + "' is " + elsewhere + ", not " + Article(node.kind),
          hint);
  }

  // ---- policies

  void ReadPolicies(const YamlNode& root) {
    const YamlNode* section = Section(root, "policies");
    if (section == nullptr) return;
    Value::Map typed_section;
    for (const YamlMember& member : section->members) {
      PolicySpec policy;
      policy.name = member.key;
      policy.path = "/policies/" + PointerToken(member.key);
      context_.marks[policy.path] = member.key_span;
      Typed typed = Coerce({member.value.get(), &PolicySchema(), policy.path,
                            "policy '" + member.key + "'", member.key_span, false},
                           &context_);
      if (!typed.ok) doubts_.unread.insert(policy.name);
      ReadPolicy(*member.value, typed.value, &policy);
      typed_section.emplace_back(member.key, std::move(typed.value));
      spec_.policies.push_back(std::move(policy));
    }
    document_.emplace_back("policies", std::move(typed_section));
  }

  // An action is carried out once its decision is made: it isn't told of events.
  void RefuseEvents(const Value& config, const std::string& path) {
    const Result<std::vector<Placeholder>> placeholders = ListPlaceholders(config);
    if (!placeholders) return;
    for (const Placeholder& each : *placeholders)
      if (IsForNotifiers(each.name))
        Error(path + each.path, "there is no ${" + each.name + "} in an action",
              "${" + each.name.substr(0, each.name.find('.')) + ".…} is for notifiers");
  }

  void ReadPolicy(const YamlNode& node, const Value& value, PolicySpec* policy) {
    const Reader in{value};
    policy->enabled = in.Bool("enabled", true);
    policy->inputs = Inputs(in, policy->path);
    policy->mode = ModeOf(in.Text("mode"));
    const Reader recommended = in.In("recommended_actions");
    if (const Value::Map* map = recommended.map.AsMap())
      for (const auto& [name, action] : *map)
        policy->recommended_actions.push_back(
            {name, recommended.Text(name),
             policy->path + "/recommended_actions/" + PointerToken(name)});
    policy->allow_on_prediction = in.Bool("allow_on_prediction", false);
    policy->verify_within_ns = in.In("verify").Int("within", policy->verify_within_ns);
    policy->approval_expires_ns = in.In("approval").Int("expires", 0);
    policy->allow_self = in.Bool("allow_self", false);
    ReadGuard(in.In("guard").map, policy->path + "/guard", &context_, &policy->guard);
    const auto read_when = [&](const YamlNode& map, const Value& typed, const std::string& key,
                               const std::string& path) {
      return Condition(map, typed, key, path, policy->name);
    };
    if (std::optional<When> when = read_when(node, value, "when", policy->path))
      policy->when = std::move(*when);
    if (!ReadSteps(node, value, &context_, read_when, policy)) doubts_.unread.insert(policy->name);
  }

  std::optional<When> Condition(const YamlNode& map, const Value& typed, const std::string& key,
                                const std::string& at, const std::string& policy) {
    const YamlMember* written = map.Find(key);
    if (written == nullptr || typed.Find(key) == nullptr) return std::nullopt;
    const std::string text = Reader{typed}.Text(key);
    const std::string path = at + "/" + key;
    if (written->value->text == text) whens_[path] = written->value.get();
    auto parsed = When::Parse(text);
    if (const WhenError* error = std::get_if<WhenError>(&parsed)) {
      report_.Error(Inside(path, error->column, error->length), error->message, error->hint, path);
      doubts_.unread.insert(policy);
      return std::nullopt;
    }
    return std::get<When>(std::move(parsed));
  }

  void ReadInhibitions(const YamlMember* member) {
    if (member == nullptr || member->value->kind == NodeKind::kNull) return;
    if (member->value->kind != NodeKind::kList) {
      Error("/inhibit", "'inhibit' must be a list",
            "write '- {source: […], target: […], equal: […]}' for each rule");
      return;
    }
    document_.emplace_back("inhibit",
                           ReadInhibit(*member->value, spec_, &context_, &spec_.inhibit));
  }

  // A part of a condition; all of it where placeholders were filled in.
  Span Inside(const std::string& path, size_t offset, size_t length) const {
    const auto at = whens_.find(path);
    if (at == whens_.end() || length == 0) return MarkOf(context_.marks, path);
    return report_.PlaceInside(*at->second, offset, length);
  }

  void CheckEdges() {
    for (GraphProblem& problem : CheckGraph(catalog_, doubts_, &spec_)) {
      const Span at = Inside(problem.path, problem.offset, problem.length);
      if (problem.warning)
        report_.Warn(at, std::move(problem.message), std::move(problem.hint), problem.path);
      else
        report_.Error(at, std::move(problem.message), std::move(problem.hint), problem.path);
    }
  }

  const Source& source_;
  const Catalog& catalog_;
  Report report_;
  std::deque<IncludedFile> included_;
  YamlPtr joined_;
  LoadContext context_;
  PipelineSpec spec_;
  Value::Map document_;
  GraphDoubts doubts_;
  std::map<std::string, const YamlNode*> whens_;
};

LoadResult Refuse(const std::string& name, std::string message, std::string hint = "") {
  const Source nothing(name, "");
  Report report(nothing);
  report.Error({}, std::move(message), std::move(hint));
  LoadResult result;
  result.diagnostics = report.Take();
  return result;
}

LoadResult Load(std::string_view text, const std::string& name, const std::string& file,
                const std::string& folder, const Catalog& catalog, const Environment& environment) {
  if (text.size() > kMaxPipelineBytes)
    return Refuse(name, "the file is larger than 1 MiB, which no pipeline is",
                  "is this the right file?");
  if (std::string why = WhyNotText(text); !why.empty()) return Refuse(name, std::move(why));
  const Source source(name, std::string(text));
  return Loader(source, folder, catalog, environment).Run(file);
}

}  // namespace

LoadResult LoadPipeline(const std::string& path, const Catalog& catalog,
                        const Environment& environment) {
  std::error_code code;
  const fs::path absolute = fs::absolute(path, code).lexically_normal();
  if (path.empty() || code) return Refuse(path, "this is no file name");
  const Result<std::string> text = environment.ReadFile(absolute.string(), kMaxPipelineBytes);
  if (!text.ok()) return Refuse(path, text.error().message);
  return Load(*text, path, absolute.string(), absolute.parent_path().string(), catalog,
              environment);
}

TestsResult LoadTests(const std::string& path, const PipelineSpec& spec, const Catalog& catalog,
                      const Environment& environment) {
  TestsResult result;
  const Result<std::string> text = environment.ReadFile(path, kMaxPipelineBytes);
  if (!text.ok()) {
    result.diagnostics = Refuse(path, text.error().message).diagnostics;
    return result;
  }
  const Source source(path, *text);
  Report report(source);
  LoadContext context{&report, environment, fs::path(path).parent_path().string(), {}, {}};
  const YamlPtr root = ParseYaml(source, &report);
  const YamlMember* tests = root == nullptr ? nullptr : root->Find("tests");
  if (root != nullptr &&
      (tests == nullptr || root->members.size() != 1 || tests->value->kind != NodeKind::kList))
    report.Error(root->span, "a file of tests holds a list 'tests:' and nothing else");
  else if (tests != nullptr)
    result.tests = ReadTests(*tests->value, spec, catalog, &context);
  result.diagnostics = report.Take();
  return result;
}

LoadResult LoadPipelineText(std::string_view text, const std::string& name,
                            const std::string& folder, const Catalog& catalog,
                            const Environment& environment) {
  return Load(text, name, name, folder, catalog, environment);
}

}  // namespace heald
