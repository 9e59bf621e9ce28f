#include <re2/re2.h>
#include <yaml-cpp/emitter.h>
#include <yaml-cpp/emittermanip.h>
#include <yaml-cpp/null.h>

#include "core/config/loader.h"
#include "core/config/schema.h"
#include "core/model/template.h"

namespace heald {
namespace {

Value Masked(const Value& value, const std::string& path,
             const std::map<std::string, std::string>& shown) {
  if (const auto at = shown.find(path); at != shown.end()) return at->second;
  if (const Value::Map* map = value.AsMap()) {
    Value::Map out;
    for (const auto& [key, item] : *map)
      out.emplace_back(key, Masked(item, path + "/" + PointerToken(key), shown));
    return out;
  }
  if (const Value::List* list = value.AsList()) {
    Value::List out;
    for (size_t i = 0; i < list->size(); ++i)
      out.push_back(Masked((*list)[i], path + "/" + std::to_string(i), shown));
    return out;
  }
  return value;
}

// Text that YAML would take for something else.
bool NeedsQuotes(const std::string& text) {
  static const RE2 kOther(
      "(?i)|~|null|true|false|yes|no|on|off|y|n|[-+.]?[0-9][-+.0-9_:a-fox]*|\\.(inf|nan)");
  return RE2::FullMatch(text, kOther);
}

void Write(const Value& value, YAML::Emitter* out) {
  if (const Value::Map* map = value.AsMap()) {
    if (map->empty()) *out << YAML::Flow;
    *out << YAML::BeginMap;
    for (const auto& [key, item] : *map) {
      *out << YAML::Key << key << YAML::Value;
      Write(item, out);
    }
    *out << YAML::EndMap;
  } else if (const Value::List* list = value.AsList()) {
    *out << YAML::Flow << YAML::BeginSeq;
    for (const Value& item : *list) Write(item, out);
    *out << YAML::EndSeq;
  } else if (const std::string* text = value.AsString()) {
    if (NeedsQuotes(*text)) *out << YAML::DoubleQuoted;
    *out << *text;
  } else if (value.is_null()) {
    *out << YAML::Null;
  } else {
    *out << FormatInUnit(Schema(), value);
  }
}

}  // namespace

Value EffectiveConfig(const LoadResult& loaded) {
  return Masked(loaded.document, "", loaded.shown);
}

std::string FormatYaml(const Value& value) {
  YAML::Emitter out;
  Write(value, &out);
  return std::string(out.c_str(), out.size()) + "\n";
}

}  // namespace heald
