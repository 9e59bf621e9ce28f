#include "core/model/value_text.h"

#include <charconv>

namespace heald {

void AppendCanonical(std::string& out, const Value& value) {
  if (const bool* b = value.AsBool()) {
    out += *b ? "t" : "f";
  } else if (const int64_t* i = value.AsInt()) {
    out += std::to_string(*i);
  } else if (const double* d = value.AsDouble()) {
    char buffer[32];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, *d).ptr);
  } else if (const std::string* s = value.AsString()) {
    out += std::to_string(s->size()) + ":" + *s;
  } else if (const Value::List* list = value.AsList()) {
    out += '[';
    for (const Value& item : *list) (AppendCanonical(out, item), out += ',');
    out += ']';
  } else if (const Value::Map* map = value.AsMap()) {
    out += '{';
    for (const Value::Member& member : *map)
      (out += member.first + "=", AppendCanonical(out, member.second), out += ',');
    out += '}';
  } else {
    out += '0';
  }
}

}  // namespace heald
