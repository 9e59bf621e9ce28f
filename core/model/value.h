// A typed configuration tree: what config makes of YAML and the plugin host hands to plugins.
// Durations are int ns, sizes int bytes, ratios doubles. Thread rule: plain values.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace heald {

class Value {
 public:
  using List = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Map = std::vector<Member>;  // in the file's order

  Value() = default;
  Value(bool v) : data_(v) {}                           // NOLINT: implicit on purpose
  Value(int64_t v) : data_(v) {}                        // NOLINT
  Value(int v) : data_(int64_t{v}) {}                   // NOLINT
  Value(double v) : data_(v) {}                         // NOLINT
  Value(std::string v) : data_(std::move(v)) {}         // NOLINT
  Value(std::string_view v) : data_(std::string(v)) {}  // NOLINT
  Value(const char* v) : data_(std::string(v)) {}       // NOLINT
  Value(List v) : data_(std::move(v)) {}                // NOLINT
  Value(Map v) : data_(std::move(v)) {}                 // NOLINT

  bool is_null() const { return std::holds_alternative<std::monostate>(data_); }
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const int64_t* AsInt() const { return std::get_if<int64_t>(&data_); }
  const double* AsDouble() const { return std::get_if<double>(&data_); }
  const std::string* AsString() const { return std::get_if<std::string>(&data_); }
  const List* AsList() const { return std::get_if<List>(&data_); }
  const Map* AsMap() const { return std::get_if<Map>(&data_); }
  std::string* AsString() { return std::get_if<std::string>(&data_); }
  List* AsList() { return std::get_if<List>(&data_); }
  Map* AsMap() { return std::get_if<Map>(&data_); }

  // The member of a map, or null.
  const Value* Find(std::string_view key) const {
    if (const Map* map = AsMap())
      for (const Member& member : *map)
        if (member.first == key) return &member.second;
    return nullptr;
  }

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, int64_t, double, std::string, List, Map> data_;
};

}  // namespace heald
