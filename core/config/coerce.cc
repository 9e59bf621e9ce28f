#include "core/config/coerce.h"

#include <algorithm>

#include "core/config/interpolate.h"
#include "core/config/scalar.h"
#include "core/model/suggest.h"
#include "core/model/template.h"

namespace heald {
namespace {

using Type = Schema::Type;
using Unit = Schema::Unit;
using YamlKind = YamlNode::Kind;

// One value's place in the config, and what it inherits from the values around it.
struct Spot {
  std::string path;
  std::string name;  // "queries.latency", "inputs[0]"; empty for the config itself
  Span key;          // the key, or where an item stands
  bool secret = false;
  bool runtime = false;
};

// A ratio is the same number in print.
bool HasUnitText(const Schema& schema) {
  return schema.unit == Unit::kDuration || schema.unit == Unit::kSize;
}

std::string Shortened(std::string_view text) {
  constexpr size_t kMost = 60;
  std::string out;
  for (const char c : text.substr(0, kMost)) out += c == '\n' ? ' ' : c;
  while (text.size() > kMost && !out.empty() && (out.back() & 0x80) != 0) out.pop_back();
  return text.size() > kMost ? out + "…" : out;
}

class Coercion {
 public:
  Coercion(const CoerceRequest& request, LoadContext* context)
      : request_(request), context_(*context), report_(*context->report) {}

  Typed Run() {
    Spot spot;
    spot.path = request_.path;
    spot.key = request_.owner;
    Typed out;
    if (request_.node == nullptr)
      out.value = Object(YamlNode(), *request_.schema, spot);
    else
      out.value = Any(*request_.node, *request_.schema, spot);
    out.ok = ok_;
    out.templated = templated_;
    // Until now every text was a template; without placeholders the escapes have no reader.
    if (!templated_) {
      Result<Value> plain =
          RenderTemplate(out.value, [](std::string_view) { return std::nullopt; });
      if (plain.ok()) out.value = std::move(*plain);
    }
    return out;
  }

 private:
  void Error(const Span& at, const Spot& spot, std::string message, std::string hint = "") {
    ok_ = false;
    report_.Error(at, std::move(message), std::move(hint), spot.path);
  }
  static std::string Quoted(const Spot& spot) {
    return spot.name.empty() ? "this" : "'" + spot.name + "'";
  }
  // "detector 'spikes' (plugin zscore)" or "'tls' of detector …"
  std::string Where(const Spot& spot) const {
    return spot.name.empty() ? request_.where : "'" + spot.name + "' of " + request_.where;
  }

  Value Any(const YamlNode& node, const Schema& schema, const Spot& outer) {
    Spot spot = outer;
    spot.secret = spot.secret || schema.secret;
    spot.runtime = schema.runtime || (schema.type == Type::kAny && spot.runtime);
    if (schema.unit != Unit::kNone ||
        (schema.type != Type::kAny && schema.type != Type::kObject && schema.type != Type::kArray))
      return Leaf(node, schema, spot);
    if (schema.type == Type::kObject) {
      // `config:` with nothing but comments below it.
      if (node.kind == YamlKind::kMap || node.kind == YamlKind::kNull)
        return Object(node, schema, spot);
      return WrongType(node, "a map", "", spot);
    }
    if (schema.type == Type::kArray) {
      if (node.kind == YamlKind::kList) return List(node, schema, spot);
      const bool word = node.kind == YamlKind::kScalar && !spot.secret && node.text.size() < 40;
      return WrongType(node, "a list", word ? "write [" + node.text + "]" : "", spot);
    }
    if (node.kind == YamlKind::kMap) return Object(node, schema, spot);
    if (node.kind == YamlKind::kList) return List(node, schema, spot);
    return Leaf(node, schema, spot);
  }

  Value WrongType(const YamlNode& node, std::string_view wanted, std::string hint,
                  const Spot& spot) {
    // A list from a var of another file is wrong there, not at the key that takes it.
    const bool here = node.kind == YamlKind::kScalar || node.span.file != spot.key.file;
    const std::string got = node.kind == YamlKind::kMap    ? "a map"
                            : node.kind == YamlKind::kList ? "a list"
                            : spot.secret                  ? "this text"
                                                           : "'" + Shortened(node.text) + "'";
    if (node.kind == YamlKind::kNull)
      Error(node.span, spot, Quoted(spot) + " is empty: it must be " + std::string(wanted),
            "give it a value, or remove the key");
    else
      Error(here ? node.span : spot.key, spot,
            Quoted(spot) + " must be " + std::string(wanted) + ", not " + got, std::move(hint));
    return Value();
  }

  // ---- maps

  Value Object(const YamlNode& node, const Schema& schema, const Spot& spot) {
    Value::Map map;
    for (const YamlMember& member : node.members) {
      Spot inner = spot;
      inner.path += "/" + PointerToken(member.key);
      inner.name += (inner.name.empty() ? "" : ".") + member.key;
      inner.key = member.key_span;
      const bool points_at_value = member.value->kind == YamlKind::kScalar;
      context_.marks[inner.path] = points_at_value ? member.value->span : member.key_span;
      const Schema* property = schema.Find(member.key);
      if (property == nullptr && !schema.open) {
        UnknownKey(member, schema, spot);
        continue;
      }
      if (property == nullptr && member.key.find("${") != std::string::npos)
        Error(member.key_span, inner, "placeholders are filled in in values, not in keys",
              "write the key out");
      static const Schema kAnything;
      if (property == nullptr) property = schema.additional ? schema.additional.get() : &kAnything;
      if (!property->deprecated.empty())
        report_.Warn(member.key_span, "'" + inner.name + "' is deprecated: " + property->deprecated,
                     "", inner.path);
      Value value = Any(*member.value, *property, inner);
      if (!value.is_null() || property->type == Type::kAny)
        map.emplace_back(member.key, std::move(value));
    }
    for (const std::string& name : schema.required)
      if (node.Find(name) == nullptr) {
        const Schema* property = schema.Find(name);
        Error(spot.key, spot, "'" + name + "' is missing in " + Where(spot),
              property == nullptr ? "" : property->description);
      }
    FillIn(
        schema, spot.path, [&](std::string_view key) { return node.Find(key) != nullptr; }, &map);
    return map;
  }

  void UnknownKey(const YamlMember& member, const Schema& schema, const Spot& spot) {
    std::vector<std::string> known;
    bool secrets = false;
    for (const auto& [key, property] : schema.properties) {
      known.push_back(key);
      secrets = secrets || property->secret;
    }
    // The key may be a misspelt password.
    const Schema* meant = schema.Find(Closest(member.key, known));
    if (meant != nullptr ? meant->secret : secrets) Hide(*member.value);
    const auto elsewhere = schema.elsewhere.find(member.key);
    std::string hint =
        elsewhere != schema.elsewhere.end() ? elsewhere->second : DidYouMean(member.key, known);
    if (hint.empty() && !known.empty()) hint = "known here: " + JoinNames(known);
    Error(member.key_span, spot, "unknown key '" + member.key + "' in " + Where(spot),
          std::move(hint));
  }

  template <typename Has>
  void FillIn(const Schema& schema, const std::string& path, Has has, Value::Map* map) {
    for (const auto& [key, property] : schema.properties) {
      if (has(key)) continue;
      Value value = Default(*property, path + "/" + PointerToken(key));
      if (!value.is_null()) map->emplace_back(key, std::move(value));
    }
  }

  Value Default(const Schema& schema, const std::string& path) {
    if (schema.type == Type::kObject) {
      Value::Map map;
      if (schema.fallback)
        map = *schema.fallback->AsMap();
      else if (!schema.required.empty() || schema.properties.empty())
        return Value();
      const Value::Map given = map;
      FillIn(
          schema, path, [&](std::string_view key) { return Value(given).Find(key) != nullptr; },
          &map);
      return schema.fallback || !map.empty() ? Value(std::move(map)) : Value();
    }
    // One that wouldn't be taken if it were written says that there is none.
    if (!schema.fallback || !Fits(schema, *schema.fallback)) return Value();
    if (HasUnitText(schema)) context_.shown[path] = FormatInUnit(schema, *schema.fallback);
    const std::string* text = schema.fallback->AsString();
    if (text == nullptr) return *schema.fallback;
    if (!schema.runtime) return EscapeTemplate(*text);
    const Result<std::vector<Placeholder>> placeholders = ListPlaceholders(*schema.fallback);
    templated_ = templated_ || (placeholders.ok() && !placeholders->empty());
    return *text;
  }

  // ---- lists

  Value List(const YamlNode& node, const Schema& schema, const Spot& spot) {
    Value::List list;
    static const Schema kAnything;
    for (size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode& item = *node.items[i];
      Spot inner = spot;
      inner.path += "/" + std::to_string(i);
      inner.name += "[" + std::to_string(i) + "]";
      inner.key = item.span;
      context_.marks[inner.path] = item.span;
      list.push_back(Any(item, schema.items ? *schema.items : kAnything, inner));
    }
    if (list.size() < schema.min_items)
      Error(spot.key, spot,
            Quoted(spot) + " needs at least " + std::to_string(schema.min_items) +
                (schema.min_items == 1 ? " item" : " items"));
    if (list.size() > schema.max_items)
      Error(spot.key, spot,
            Quoted(spot) + " takes at most " + std::to_string(schema.max_items) +
                (schema.max_items == 1 ? " item" : " items"));
    return list;
  }

  // ---- scalars

  void Hide(const YamlNode& node) {
    if (node.kind != YamlKind::kScalar) return;
    int lines = 1;
    const std::vector<std::string_view>& all = report_.SourceOf(node.span).lines;
    const size_t first = static_cast<size_t>(node.span.line);
    const auto indent = [&](size_t line) { return all[line].find_first_not_of(" -"); };
    for (size_t line = first + 1; node.multiline && line < all.size(); ++line) {
      const size_t here = indent(line);
      if (here != std::string_view::npos && here <= indent(first)) break;
      ++lines;
    }
    report_.Hide(node.span, lines);
  }

  // Where relative paths in a text begin: at the file that it stands in.
  const std::string& FolderOf(const YamlNode& node) const {
    return node.span.file == 0 ? context_.folder
                               : context_.included_folders[static_cast<size_t>(node.span.file) - 1];
  }

  Value Leaf(const YamlNode& node, const Schema& schema, const Spot& spot) {
    if (node.kind != YamlKind::kScalar) {
      if (node.kind == YamlKind::kNull && schema.type == Type::kAny) return Value();
      return WrongType(node, WantedScalar(schema), "", spot);
    }
    Interpolated in = Interpolate(node.text, context_.environment, FolderOf(node));
    const bool only_placeholder = in.any && node.text.front() == '$' && node.text.back() == '}' &&
                                  node.text.find(":-") == std::string::npos;
    if (spot.secret && !only_placeholder) Hide(node);
    for (const Interpolated::Mistake& mistake : in.mistakes) {
      ok_ = false;
      // A var that isn't there was told when the vars were filled in.
      if (report_.failed() && node.text.compare(mistake.offset, 6, "${var.") == 0) continue;
      const Span at = report_.PlaceInside(node, mistake.offset, mistake.length);
      if (mistake.absent)
        report_.Absent(at, mistake.message, mistake.hint, spot.path);
      else
        Error(at, spot, mistake.message, mistake.hint);
    }
    if (!in.mistakes.empty()) return Value();
    // Where a secret comes from is none; what is printed can then be loaded again.
    const bool named = only_placeholder && node.text.find('}') + 1 == node.text.size();
    if (spot.secret && !named)
      context_.shown[spot.path] = "********";
    else if (in.from_outside)
      context_.shown[spot.path] = node.text;
    if (!in.runtime.empty()) return Template(node, schema, spot, in);

    ScalarText text;
    const Result<std::string> plain =
        RenderText(in.text, [](std::string_view) { return std::nullopt; });
    if (plain.ok()) text.plain = *plain;
    text.quoted = !node.plain;
    text.filled = in.any;
    text.hidden = spot.secret || in.from_outside;
    text.got = in.from_outside ? "the value of " + Shortened(node.text)
               : spot.secret   ? "this text"
                               : "'" + Shortened(text.plain) + "'";
    ScalarResult read = ReadScalar(schema, text);
    if (!read.must.empty()) {
      Error(node.span, spot, Quoted(spot) + " must " + read.must, std::move(read.hint));
      return Value();
    }
    Value value = std::move(read.value);
    if (HasUnitText(schema) && context_.shown.count(spot.path) == 0)
      context_.shown[spot.path] = FormatInUnit(schema, value);
    return value.AsString() != nullptr ? Value(in.text) : value;
  }

  Value Template(const YamlNode& node, const Schema& schema, const Spot& spot,
                 const Interpolated& in) {
    const Interpolated::Mark& first = in.runtime.front();
    const Span at = report_.PlaceInside(node, first.offset, first.length);
    const std::string placeholder = node.text.substr(first.offset, first.length);
    if (!request_.allow_runtime) {
      Error(at, spot, placeholder + " is only known when an action or a notifier runs",
            "write $${ for a literal ${");
      return Value();
    }
    if (!spot.runtime) {
      Error(at, spot,
            Quoted(spot) + " is fixed when the pipeline is loaded: it can't hold " + placeholder,
            "write $${ for a literal ${");
      return Value();
    }
    const std::vector<std::string>& known = RuntimeNames();
    for (const Interpolated::Mark& mark : in.runtime) {
      const std::string name = node.text.substr(mark.offset + 2, mark.length - 3);
      if (name.compare(0, 7, "target.") == 0 ||
          std::find(known.begin(), known.end(), name) != known.end())
        continue;
      std::string hint = DidYouMean(name, known);
      if (hint.empty()) hint = "known are target.LABEL, " + JoinNames(known, 24);
      Error(report_.PlaceInside(node, mark.offset, mark.length), spot,
            "there is no ${" + name + "}", hint);
    }
    templated_ = true;
    if (!schema.marked) return in.text;
    context_.shown.try_emplace(spot.path, node.text);
    return MarkPlaceholders(in.text);
  }

  const CoerceRequest& request_;
  LoadContext& context_;
  Report& report_;
  bool ok_ = true;
  bool templated_ = false;
};

}  // namespace

Typed Coerce(const CoerceRequest& request, LoadContext* context) {
  return Coercion(request, context).Run();
}

Span MarkOf(const std::map<std::string, Span>& marks, std::string path) {
  while (true) {
    const auto at = marks.find(path);
    if (at != marks.end()) return at->second;
    const size_t slash = path.rfind('/');
    if (slash == std::string::npos) return {0, 0, 1};
    path.resize(slash);
  }
}

}  // namespace heald
