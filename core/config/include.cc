#include "core/config/include.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "core/config/interpolate.h"
#include "core/config/text.h"
#include "core/config/vars.h"
#include "core/model/suggest.h"
#include "core/model/template.h"

namespace heald {
namespace {

namespace fs = std::filesystem;
using YamlKind = YamlNode::Kind;

constexpr size_t kMaxDeep = 8;
constexpr size_t kMaxFiles = 200;
constexpr std::array<std::string_view, 5> kNodeSections = {"sources", "detectors", "policies",
                                                           "actions", "notifiers"};

bool HoldsNodes(std::string_view section) {
  return std::find(kNodeSections.begin(), kNodeSections.end(), section) != kNodeSections.end();
}

std::vector<std::string> KeysOf(const YamlNode& map) {
  std::vector<std::string> keys;
  for (const YamlMember& member : map.members) keys.push_back(member.key);
  return keys;
}

YamlMember* Find(YamlNode* map, std::string_view key) {
  for (YamlMember& member : map->members)
    if (member.key == key) return &member;
  return nullptr;
}

// Maps are joined; anything else takes the place of what was there.
YamlPtr Overlaid(const YamlPtr& base, const YamlPtr& over) {
  if (base->kind != YamlKind::kMap || over->kind != YamlKind::kMap) return over;
  auto out = std::make_shared<YamlNode>(*base);
  for (const YamlMember& member : over->members) {
    if (YamlMember* at = Find(out.get(), member.key))
      *at = {member.key, member.key_span, Overlaid(at->value, member.value)};
    else
      out->members.push_back(member);
  }
  return out;
}

bool SameText(const YamlNode& a, const YamlNode& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() ||
      a.members.size() != b.members.size())
    return false;
  for (size_t i = 0; i < a.items.size(); ++i)
    if (!SameText(*a.items[i], *b.items[i])) return false;
  for (size_t i = 0; i < a.members.size(); ++i)
    if (a.members[i].key != b.members[i].key || !SameText(*a.members[i].value, *b.members[i].value))
      return false;
  return true;
}

class Includer {
 public:
  explicit Includer(const IncludeContext& context) : context_(context) {}

  struct File {
    const Source& source;
    std::string path;    // absolute
    std::string folder;  // where its relative paths begin
  };

  // `given`: the `with` of the include; null for the file that is run.
  YamlPtr Resolve(const YamlPtr& root, const File& file, const YamlMember* given) {
    const YamlPtr filled = FillVars(root, given, context_.report);
    auto out = std::make_shared<YamlNode>(*root);
    out->members.clear();
    ancestors_.push_back(file.path);
    const YamlMember* agent = filled->Find("agent");
    if (const YamlMember* include = filled->Find("include"))
      IncludeAll(*include, file, agent == nullptr ? YamlNode() : *agent->value, out.get());
    ancestors_.pop_back();
    YamlNode own = *filled;
    std::erase_if(own.members, [&](const YamlMember& member) {
      return member.key == "include" || member.key == "vars" ||
             (given != nullptr && OfItsOwn(member));
    });
    Join(own, out.get());
    return out;
  }

 private:
  void Error(const Span& at, std::string message, std::string hint = "") {
    context_.report->Error(at, std::move(message), std::move(hint));
  }
  std::string Place(const Span& at) const {
    return context_.report->SourceOf(at).name + ":" + std::to_string(at.line + 1);
  }

  // `agent`: what the file itself says of it, which counts.
  void IncludeAll(const YamlMember& include, const File& file, const YamlNode& agent,
                  YamlNode* out) {
    if (include.value->kind == YamlKind::kNull) return;
    if (include.value->kind != YamlKind::kList) {
      *context_.left_out = true;
      return Error(include.key_span, "'include' must be a list", "write '- FILE' for each");
    }
    for (const YamlPtr& item : include.value->items) IncludeOne(*item, file, agent, out);
  }

  void IncludeOne(const YamlNode& item, const File& from, const YamlNode& agent, YamlNode* out) {
    static const std::vector<std::string> kKeys = {"file", "with", "override"};
    const YamlNode* name = item.kind == YamlKind::kScalar ? &item : nullptr;
    static const YamlMember kNothing = {"with", {}, std::make_shared<YamlNode>()};
    const YamlMember* with = &kNothing;
    const YamlMember* change = nullptr;
    for (const YamlMember& member : item.members) {
      if (member.key == "file" && member.value->kind == YamlKind::kScalar)
        name = member.value.get();
      else if (member.key == "with")
        with = &member;
      else if (member.key == "override")
        change = &member;
      else if (member.key != "file")
        Error(member.key_span, "unknown key '" + member.key + "' in an include",
              DidYouMean(member.key, kKeys));
    }
    const YamlPtr sub = name == nullptr ? nullptr : Read(*name, from, *with);
    if (name == nullptr)
      Error(item.span, "an include needs the name of a file",
            "write '- FILE' or '- {file: FILE, with: {…}, override: {…}}'");
    *context_.left_out = *context_.left_out || sub == nullptr;
    if (sub == nullptr) return;
    auto changed = std::make_shared<YamlNode>(*sub);
    if (change != nullptr) Override(*change, name->text, changed.get());
    if (YamlMember* told = Find(changed.get(), "agent")) told->value = Without(*told->value, agent);
    Join(*changed, out);
  }

  // Null where it was reported.
  YamlPtr Read(const YamlNode& name, const File& from, const YamlMember& with) {
    const auto refuse = [&](std::string why, std::string hint = "") {
      Error(name.span, std::move(why), std::move(hint));
      return YamlPtr();
    };
    Interpolated in = Interpolate(name.text, context_.environment, from.folder);
    if (!in.mistakes.empty()) return refuse(in.mistakes.front().message, in.mistakes.front().hint);
    const Result<std::string> plain =
        RenderText(in.text, [](std::string_view) { return std::nullopt; });
    if (!plain || plain->empty()) return refuse("an include needs the name of a file");
    const fs::path path = (fs::path(from.folder) / *plain).lexically_normal();
    const std::string shown = (fs::path(from.source.name).parent_path() / *plain).string();
    if (std::find(ancestors_.begin(), ancestors_.end(), path.string()) != ancestors_.end())
      return refuse("'" + shown + "' includes itself", "remove one of the includes");
    if (ancestors_.size() > kMaxDeep)
      return refuse("includes go deeper than " + std::to_string(kMaxDeep) + " files");
    if (context_.files->size() >= kMaxFiles)
      return refuse("more than " + std::to_string(kMaxFiles) + " files are included");
    Result<std::string> text = context_.environment.ReadFile(path.string(), kMaxPipelineBytes);
    if (!text)
      return refuse("'" + shown + "' can't be included: " + text.error().message,
                    plain->front() == '/' ? "" : "paths begin at the folder of this file");
    if (std::string why = WhyNotText(*text); !why.empty())
      return refuse("'" + shown + "' can't be included: " + why);
    const IncludedFile& file = context_.files->emplace_back(
        shown, std::move(*text), static_cast<int>(context_.files->size()) + 1, path.string());
    context_.report->Also(file.source);
    const YamlPtr root = ParseYaml(file.source, context_.report);
    if (root == nullptr) return nullptr;
    if (root->kind != YamlKind::kMap) {
      Error(root->span, "a pipeline file is a map of sections");
      return nullptr;
    }
    return Resolve(root, {file.source, file.path, path.parent_path().string()}, &with);
  }

  // Changes what an included file says of its nodes and policies.
  void Override(const YamlMember& change, const std::string& file, YamlNode* sub) {
    if (change.value->kind != YamlKind::kMap)
      return Error(change.key_span, "'override' must be a map",
                   "write it as the file does: policies: {NAME: {mode: enforce}}");
    for (const YamlMember& section : change.value->members) {
      YamlMember* there = Find(sub, section.key);
      if (!HoldsNodes(section.key) || section.value->kind != YamlKind::kMap) {
        const std::vector<std::string> known(kNodeSections.begin(), kNodeSections.end());
        Error(section.key_span, "'" + section.key + "' can't be overridden",
              "a map by name below " + JoinNames(known));
        continue;
      }
      if (there == nullptr || there->value->kind != YamlKind::kMap) {
        Error(section.key_span, "'" + file + "' has no " + section.key);
        continue;
      }
      const std::vector<std::string> names = KeysOf(*there->value);
      auto known = std::make_shared<YamlNode>(*section.value);
      known->members.clear();
      for (const YamlMember& node : section.value->members) {
        if (there->value->Find(node.key) != nullptr) {
          known->members.push_back(node);
          continue;
        }
        const std::string near = DidYouMean(node.key, names);
        Error(node.key_span,
              "there is no '" + node.key + "' among the " + section.key + " of '" + file + "'",
              near.empty() ? "there is " + JoinNames(names) : near);
      }
      there->value = Overlaid(there->value, known);
    }
  }

  // What concerns an included file only where it is run by itself.
  bool OfItsOwn(const YamlMember& member) {
    if (member.key == "version" && member.value->text != "1")
      Error(member.value->span, "this heald reads pipeline files of version 1", "write 1");
    return member.key == "version" || member.key == "tests";
  }

  void Join(const YamlNode& from, YamlNode* out) {
    for (const YamlMember& member : from.members) {
      YamlMember* there = Find(out, member.key);
      if (there == nullptr)
        out->members.push_back(member);
      else if (member.key == "inhibit" && Both(*there, member, YamlKind::kList))
        there->value = Appended(*there->value, *member.value);
      else if (member.key == "agent" && Both(*there, member, YamlKind::kMap))
        there->value = JoinAgent(*there->value, *member.value);
      else if (HoldsNodes(member.key) && Both(*there, member, YamlKind::kMap))
        there->value = JoinNodes(member.key, *there->value, *member.value);
      else if (there->value->kind == YamlKind::kNull)
        *there = member;
      else if (member.value->kind != YamlKind::kNull)
        Error(member.key_span, "'" + member.key + "' can't be joined with that of an included file",
              "it stands in " + Place(there->key_span) + " too");
    }
  }

  static bool Both(const YamlMember& a, const YamlMember& b, YamlKind kind) {
    return a.value->kind == kind && b.value->kind == kind;
  }
  static YamlPtr Appended(const YamlNode& first, const YamlNode& more) {
    auto out = std::make_shared<YamlNode>(first);
    out->items.insert(out->items.end(), more.items.begin(), more.items.end());
    return out;
  }

  YamlPtr JoinNodes(const std::string& section, const YamlNode& first, const YamlNode& more) {
    auto out = std::make_shared<YamlNode>(first);
    for (const YamlMember& member : more.members) {
      if (const YamlMember* there = first.Find(member.key))
        Error(member.key_span,
              "'" + member.key + "' is among the " + section + " of " + Place(there->key_span) +
                  " already",
              "give it another name; what an included file has is changed by 'override'");
      else
        out->members.push_back(member);
    }
    return out;
  }

  static YamlPtr Without(const YamlNode& map, const YamlNode& keys) {
    auto out = std::make_shared<YamlNode>(map);
    std::erase_if(out->members,
                  [&](const YamlMember& member) { return keys.Find(member.key) != nullptr; });
    return out;
  }

  // Included files only fill up what is said of the agent, and must agree.
  YamlPtr JoinAgent(const YamlNode& first, const YamlNode& more) {
    auto out = std::make_shared<YamlNode>(first);
    for (const YamlMember& member : more.members) {
      const YamlMember* there = first.Find(member.key);
      if (there == nullptr)
        out->members.push_back(member);
      else if (!SameText(*there->value, *member.value))
        Error(member.key_span,
              "'agent: " + member.key + "' is another one than in " + Place(there->key_span),
              "write it in the file that includes both: that one counts");
    }
    return out;
  }

  const IncludeContext& context_;
  std::vector<std::string> ancestors_;
};

}  // namespace

YamlPtr ResolveIncludes(const YamlPtr& root, const Source& main, const std::string& main_path,
                        const std::string& folder, const IncludeContext& context) {
  return Includer(context).Resolve(root, {main, main_path, folder}, nullptr);
}

std::string_view IncludeSchemaText() {
  return R"json({
  "type": "array",
  "description": "Files whose nodes and policies become part of this pipeline",
  "items": {"anyOf": [
    {"type": "string", "description": "A file; relative to this one"},
    {"type": "object", "required": ["file"], "additionalProperties": false, "properties": {
      "file": {"type": "string", "description": "A file; relative to this one"},
      "with": {"type": "object", "description": "Values for the vars that the file declares"},
      "override": {"type": "object", "additionalProperties": false,
        "description": "Changes of what the file has, written as the file does; maps are joined, all else is replaced",
        "properties": {
          "sources": {"type": "object"}, "detectors": {"type": "object"},
          "policies": {"type": "object"}, "actions": {"type": "object"},
          "notifiers": {"type": "object"}}}}}]}
})json";
}

}  // namespace heald
