// Members of a section that was typed by a schema, so each has the right type or is absent.
// Used by the loader. Thread rule: plain value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/value.h"

namespace heald {

struct Reader {
  const Value& map;

  std::string Text(std::string_view key) const {
    const Value* value = map.Find(key);
    return value && value->AsString() ? *value->AsString() : std::string();
  }
  int64_t Int(std::string_view key, int64_t fallback) const {
    const Value* value = map.Find(key);
    return value && value->AsInt() ? *value->AsInt() : fallback;
  }
  bool Bool(std::string_view key, bool fallback) const {
    const Value* value = map.Find(key);
    return value && value->AsBool() ? *value->AsBool() : fallback;
  }
  std::vector<std::string> Texts(std::string_view key) const {
    std::vector<std::string> out;
    const Value* value = map.Find(key);
    if (value != nullptr && value->AsList() != nullptr)
      for (const Value& item : *value->AsList())
        if (item.AsString() != nullptr) out.push_back(*item.AsString());
    return out;
  }
  Reader In(std::string_view key) const {
    static const Value kNothing;
    const Value* value = map.Find(key);
    return Reader{value == nullptr ? kNothing : *value};
  }
};

}  // namespace heald
