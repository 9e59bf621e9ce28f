#include "core/config/vars.h"

#include <re2/re2.h>

#include <map>

#include "core/model/suggest.h"

namespace heald {
namespace {

using YamlKind = YamlNode::Kind;

constexpr std::string_view kOpen = "${var.";

struct Var {
  YamlPtr value;
  bool given = false;  // by who includes the file
};

class Filler {
 public:
  Filler(const YamlNode& root, Report* report) : report_(*report) {
    const YamlMember* vars = root.Find("vars");
    if (vars == nullptr || vars->value->kind == YamlKind::kNull) return;
    if (vars->value->kind != YamlKind::kMap) {
      report_.Error(vars->key_span, "'vars' must be a map", "write NAME: VALUE for each");
      return;
    }
    static const RE2 kName("[a-z][a-z0-9_]*");
    for (const YamlMember& var : vars->value->members) {
      if (!RE2::FullMatch(var.key, kName))
        report_.Error(var.key_span, "'" + var.key + "' is no name for a var",
                      "lower-case letters, digits and _");
      names_.push_back(var.key);
      vars_[var.key] = {var.value, false};
    }
  }

  void Set(const YamlMember& given) {
    if (given.value->kind == YamlKind::kNull) return;
    if (given.value->kind != YamlKind::kMap) {
      report_.Error(given.key_span, "'with' must be a map", "write NAME: VALUE for each");
      return;
    }
    for (const YamlMember& var : given.value->members) {
      const auto at = vars_.find(var.key);
      if (at != vars_.end()) {
        at->second = {var.value, true};
        continue;
      }
      const std::string near = DidYouMean(var.key, names_);
      report_.Error(var.key_span, "the included file has no var '" + var.key + "'",
                    !near.empty()    ? near
                    : names_.empty() ? "it declares none"
                                     : "it has " + JoinNames(names_));
    }
  }

  YamlPtr Fill(const YamlPtr& node) {
    if (node->kind == YamlKind::kScalar) return Text(node);
    std::shared_ptr<YamlNode> out;  // made once something in it is another one
    const auto changed = [&]() -> YamlNode& {
      if (out == nullptr) out = std::make_shared<YamlNode>(*node);
      return *out;
    };
    for (size_t i = 0; i < node->items.size(); ++i)
      if (YamlPtr item = Fill(node->items[i]); item != node->items[i])
        changed().items[i] = std::move(item);
    for (size_t i = 0; i < node->members.size(); ++i)
      if (YamlPtr value = Fill(node->members[i].value); value != node->members[i].value)
        changed().members[i].value = std::move(value);
    return out == nullptr ? node : out;
  }

 private:
  YamlPtr Text(const YamlPtr& node) {
    const std::string& text = node->text;
    std::string filled;
    size_t done = 0;
    std::vector<Span> given;
    for (size_t at = text.find(kOpen); at != std::string::npos; at = text.find(kOpen, at)) {
      const size_t end = text.find('}', at);
      if (end == std::string::npos) break;
      if (at > 0 && text[at - 1] == '$') {  // $${ is a literal ${
        at = end;
        continue;
      }
      const Var* const var = Find(*node, at, end + 1 - at);
      if (var == nullptr) return node;
      if (at == 0 && end + 1 == text.size()) return var->value;
      if (var->value->kind != YamlKind::kScalar) {
        NoText(*var, *node, at, end + 1 - at);
        return node;
      }
      filled += text.substr(done, at - done) + var->value->text;
      if (var->given) given.push_back(var->value->span);
      done = at = end + 1;
    }
    if (done == 0) return node;
    auto out = std::make_shared<YamlNode>(*node);
    out->text = filled + text.substr(done);
    out->filled = true;
    // What the file says is right with its own values: what is wrong is what it was given. Paths
    // begin at the file, though.
    if (given.size() == 1 && text.find("${file:") == std::string::npos) out->span = given.front();
    return out;
  }

  void NoText(const Var& var, const YamlNode& node, size_t offset, size_t length) {
    const std::string kind = var.value->kind == YamlKind::kList ? "list" : "map";
    if (var.given)
      report_.Error(var.value->span,
                    "'" + node.text.substr(offset + kOpen.size(), length - kOpen.size() - 1) +
                        "' becomes part of a text: it can't be a " + kind,
                    "write a text or a number");
    else
      report_.Error(report_.PlaceInside(node, offset, length),
                    "this var is a " + kind + ", which can't be part of a text",
                    "let it be all of the value");
  }

  // Null where it was reported.
  const Var* Find(const YamlNode& node, size_t offset, size_t length) {
    const std::string name = node.text.substr(offset + kOpen.size(), length - kOpen.size() - 1);
    const auto at = vars_.find(name);
    if (at != vars_.end() && at->second.value->kind != YamlKind::kNull) return &at->second;
    std::string hint = DidYouMean(name, names_);
    if (at != vars_.end())
      hint = "give it one under 'vars', or under 'with' where the file is included";
    else if (hint.empty())
      hint = names_.empty() ? "declare it under 'vars'" : "there is " + JoinNames(names_);
    report_.Error(report_.PlaceInside(node, offset, length),
                  at == vars_.end() ? "there is no var '" + name + "'"
                                    : "the var '" + name + "' has no value",
                  std::move(hint));
    return nullptr;
  }

  Report& report_;
  std::vector<std::string> names_;  // in the file's order
  std::map<std::string, Var> vars_;
};

}  // namespace

YamlPtr FillVars(const YamlPtr& root, const YamlMember* given, Report* report) {
  Filler filler(*root, report);
  if (given != nullptr) filler.Set(*given);
  auto out = std::make_shared<YamlNode>(*root);
  for (YamlMember& member : out->members)
    if (member.key != "vars") member.value = filler.Fill(member.value);
  return out;
}

std::string_view VarsSchemaText() {
  return R"json({
  "type": "object",
  "description": "Values for ${var.NAME} in this file; who includes it may set them. Without a value one must be set",
  "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"}
})json";
}

}  // namespace heald
