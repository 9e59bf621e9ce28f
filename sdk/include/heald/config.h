// One table per config struct; everything else follows from it: the parser, the defaults, the JSON
// Schema that the host validates with, and so the docs, the editor completion and the dashboard
// form.
//
//   enum class Direction { kBoth, kAbove, kBelow };
//   inline constexpr std::string_view kDirections[] = {"both", "above", "below"};
//
//   struct Config {
//     int64_t window = 20;
//     heald::sdk::Duration hold{heald::sdk::Minutes(10)};
//     Direction direction = Direction::kBoth;
//     static constexpr auto Fields() {
//       using heald::sdk::Field;
//       return std::tuple(
//           Field("window", &Config::window, "Samples in the rolling window", {.min = 3}),
//           Field("hold", &Config::hold, "Longest time a finding holds the window"),
//           Field("direction", &Config::direction, "Which side is a fault", {.one_of =
//           kDirections}));
//     }
//   };
//
// A member's initial value is its default; `.required = true` where there is none. Member types:
// bool, int64_t, double, std::string, Duration, Bytes, Ratio, an enum with one_of (enumerators 0,
// 1, 2… in the list's order), another config struct, std::vector<T>, std::map<std::string, T>,
// std::optional<T>.
// Thread rule: pure functions.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "heald/error.h"

namespace heald::sdk {

// Durations are nanoseconds, sizes bytes, ratios 0..1; written 30s, 64MiB and 50% in YAML.
struct Duration {
  int64_t ns = 0;
  friend auto operator<=>(const Duration&, const Duration&) = default;
};
struct Bytes {
  int64_t count = 0;
  friend auto operator<=>(const Bytes&, const Bytes&) = default;
};
struct Ratio {
  double value = 0;
  friend auto operator<=>(const Ratio&, const Ratio&) = default;
};
constexpr Duration Milliseconds(int64_t n) {
  return {n * 1'000'000};
}
constexpr Duration Seconds(int64_t n) {
  return {n * 1'000'000'000};
}
constexpr Duration Minutes(int64_t n) {
  return Seconds(n * 60);
}

struct FieldOptions {
  bool required = false;
  bool secret = false;   // never printed
  bool runtime = false;  // ${target.x}, ${finding.x}, ${incident.x} may stand in it (strings)
  bool marked = false;   // with runtime: values come marked, to be escaped; see heald/marked.h
  double min = std::numeric_limits<double>::quiet_NaN();  // in the field's unit (ns, bytes)
  double max = std::numeric_limits<double>::quiet_NaN();
  bool exclusive_min = false;
  uint64_t min_items = 0;
  std::string_view pattern = {};                  // RE2, for strings
  std::span<const std::string_view> one_of = {};  // an enum's words
  std::string_view deprecated = {};               // what to write instead
  bool keeps_state = false;  // a detector's saved state fits whatever this key says
};

template <typename C, typename T>
struct FieldDef {
  std::string_view name;
  T C::*member;
  std::string_view doc;
  FieldOptions options;
};

template <typename C, typename T>
constexpr FieldDef<C, T> Field(std::string_view name, T C::*member, std::string_view doc,
                               FieldOptions options = {}) {
  return {name, member, doc, options};
}

template <typename T>
concept ConfigStruct = requires {
  T::Fields();
};

namespace detail {

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

inline void AppendJson(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20)
      ((out += "\\u00") += kHex[c >> 4]) += kHex[c & 15];
    else
      out += c;
  }
  out += '"';
}

inline void AppendJson(std::string& out, double value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

// "90s" for 90,000,000,000: the largest unit that divides it.
inline std::string DurationText(int64_t ns) {
  struct Unit {
    const char* name;
    int64_t factor;
  };
  for (const Unit unit : {Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000},
                          Unit{"s", 1'000'000'000}, Unit{"ms", 1'000'000}, Unit{"us", 1'000}})
    if (ns % unit.factor == 0 && (ns != 0 || unit.name[0] == 's'))
      return std::to_string(ns / unit.factor) + unit.name;
  return std::to_string(ns) + "ns";
}

inline std::string BytesText(int64_t count) {
  for (const auto& [name, factor] : {std::pair<const char*, int64_t>{"GiB", int64_t{1} << 30},
                                     {"MiB", int64_t{1} << 20},
                                     {"KiB", int64_t{1} << 10}})
    if (count != 0 && count % factor == 0) return std::to_string(count / factor) + name;
  return std::to_string(count) + "B";
}

// ---- JSON Schema ----

template <typename T>
void AppendSchema(std::string& out, const FieldOptions& options, const T& initial,
                  bool with_default);

template <ConfigStruct T>
void AppendObject(std::string& out, const T& initial) {
  out += "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{";
  std::string required;
  int64_t order = 0;
  std::apply(
      [&](const auto&... field) {
        (([&] {
           if (order != 0) out += ',';
           AppendJson(out, field.name);
           out += ":{\"description\":";
           AppendJson(out, field.doc);
           out += ",\"x-order\":" + std::to_string(order++);
           if (field.options.secret) out += ",\"x-secret\":true";
           // A list's or map's mark stands at its items: only texts can be filled in.
           using Member = std::remove_cvref_t<decltype(initial.*(field.member))>;
           if (field.options.runtime && !IsVector<Member>::value && !IsMap<Member>::value)
             out += field.options.marked ? ",\"x-runtime\":true,\"x-marked\":true"
                                         : ",\"x-runtime\":true";
           if (field.options.keeps_state) out += ",\"x-reload\":\"keep\"";
           if (!field.options.deprecated.empty()) {
             out += ",\"x-deprecated\":";
             AppendJson(out, field.options.deprecated);
           }
           out += ',';
           AppendSchema(out, field.options, initial.*(field.member), !field.options.required);
           out += '}';
           if (field.options.required) {
             if (!required.empty()) required += ',';
             AppendJson(required, field.name);
           }
         }()),
         ...);
      },
      T::Fields());
  out += '}';
  if (!required.empty()) out += ",\"required\":[" + required + "]";
}

inline void AppendBounds(std::string& out, const FieldOptions& options) {
  if (!std::isnan(options.min)) {
    out += options.exclusive_min ? ",\"exclusiveMinimum\":" : ",\"minimum\":";
    AppendJson(out, options.min);
  }
  if (!std::isnan(options.max)) {
    out += ",\"maximum\":";
    AppendJson(out, options.max);
  }
}

template <typename T>
void AppendSchema(std::string& out, const FieldOptions& options, const T& initial,
                  bool with_default) {
  const auto text_default = [&](std::string_view text) {
    if (!with_default) return;
    out += ",\"default\":";
    AppendJson(out, text);
  };
  if constexpr (std::is_same_v<T, bool>) {
    out += "\"type\":\"boolean\"";
    if (with_default) out += initial ? ",\"default\":true" : ",\"default\":false";
  } else if constexpr (std::is_same_v<T, int64_t>) {
    out += "\"type\":\"integer\"";
    AppendBounds(out, options);
    if (with_default) out += ",\"default\":" + std::to_string(initial);
  } else if constexpr (std::is_same_v<T, double>) {
    out += "\"type\":\"number\"";
    AppendBounds(out, options);
    if (with_default && std::isfinite(initial)) {
      out += ",\"default\":";
      AppendJson(out, initial);
    }
  } else if constexpr (std::is_same_v<T, Duration>) {
    out += "\"type\":\"integer\",\"x-unit\":\"duration\"";
    AppendBounds(out, options);
    text_default(DurationText(initial.ns));
  } else if constexpr (std::is_same_v<T, Bytes>) {
    out += "\"type\":\"integer\",\"x-unit\":\"size\"";
    AppendBounds(out, options);
    text_default(BytesText(initial.count));
  } else if constexpr (std::is_same_v<T, Ratio>) {
    out += "\"type\":\"number\",\"x-unit\":\"ratio\"";
    AppendBounds(out, options);
    if (with_default) {
      out += ",\"default\":";
      AppendJson(out, initial.value);
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    out += "\"type\":\"string\"";
    if (!options.pattern.empty()) {
      out += ",\"pattern\":";
      AppendJson(out, options.pattern);
    }
    text_default(initial);
  } else if constexpr (std::is_enum_v<T>) {
    out += "\"type\":\"string\",\"enum\":[";
    for (size_t i = 0; i < options.one_of.size(); ++i) {
      if (i != 0) out += ',';
      AppendJson(out, options.one_of[i]);
    }
    out += ']';
    text_default(options.one_of[static_cast<size_t>(initial)]);
  } else if constexpr (IsVector<T>::value) {
    using Item = typename T::value_type;
    out += "\"type\":\"array\",\"items\":{";
    FieldOptions item = options;
    item.min_items = 0;
    AppendSchema(out, item, Item{}, false);
    out += '}';
    if (options.runtime) out.insert(out.size() - 1, ",\"x-runtime\":true");
    if (options.secret) out.insert(out.size() - 1, ",\"x-secret\":true");
    if (options.min_items != 0) out += ",\"minItems\":" + std::to_string(options.min_items);
    if (with_default) {
      out += ",\"default\":[";
      if constexpr (std::is_same_v<Item, std::string>)
        for (size_t i = 0; i < initial.size(); ++i) {
          if (i != 0) out += ',';
          AppendJson(out, initial[i]);
        }
      out += ']';
    }
  } else if constexpr (IsMap<T>::value) {
    out += "\"type\":\"object\",\"additionalProperties\":{";
    AppendSchema(out, options, typename T::mapped_type{}, false);
    if (options.runtime) out += ",\"x-runtime\":true";
    if (options.secret) out += ",\"x-secret\":true";
    out += '}';
    if (with_default) out += ",\"default\":{}";
  } else if constexpr (IsOptional<T>::value) {
    AppendSchema(out, options, typename T::value_type{}, false);
  } else {
    static_assert(ConfigStruct<T>,
                  "this member type has no schema: see the list in heald/config.h");
    AppendObject(out, initial);
    if (with_default) out += ",\"default\":{}";
  }
}

// ---- reading ----

[[noreturn]] inline void Mismatch(std::string_view name, const char* wanted) {
  throw Failure(HEALD_INVALID, "'" + std::string(name) + "' is not " + wanted);
}

inline std::string_view TextOf(const heald_value& value) {
  return {value.as.text, value.count};
}

template <typename T>
void Read(const heald_value& value, std::string_view name, const FieldOptions& options, T& out);

template <ConfigStruct T>
void ReadStruct(const heald_value& value, std::string_view name, T& out) {
  if (value.kind != HEALD_VALUE_MAP) Mismatch(name, "a map");
  std::apply(
      [&](const auto&... field) {
        (([&] {
           for (uint64_t i = 0; i < value.count; ++i) {
             const heald_member& member = value.as.map[i];
             if (std::string_view(member.key.ptr, member.key.len) != field.name) continue;
             if (member.value.kind != HEALD_VALUE_NULL)
               Read(member.value, field.name, field.options, out.*(field.member));
           }
         }()),
         ...);
      },
      T::Fields());
}

template <typename T>
void Read(const heald_value& value, std::string_view name, const FieldOptions& options, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    if (value.kind != HEALD_VALUE_BOOL) Mismatch(name, "true or false");
    out = value.as.integer != 0;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    if (value.kind != HEALD_VALUE_INT) Mismatch(name, "an integer");
    out = value.as.integer;
  } else if constexpr (std::is_same_v<T, double>) {
    if (value.kind == HEALD_VALUE_INT)
      out = static_cast<double>(value.as.integer);
    else if (value.kind == HEALD_VALUE_DOUBLE)
      out = value.as.number;
    else
      Mismatch(name, "a number");
  } else if constexpr (std::is_same_v<T, Duration>) {
    Read(value, name, options, out.ns);
  } else if constexpr (std::is_same_v<T, Bytes>) {
    Read(value, name, options, out.count);
  } else if constexpr (std::is_same_v<T, Ratio>) {
    Read(value, name, options, out.value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (value.kind != HEALD_VALUE_STRING) Mismatch(name, "a text");
    out = TextOf(value);
  } else if constexpr (std::is_enum_v<T>) {
    if (value.kind != HEALD_VALUE_STRING) Mismatch(name, "a text");
    for (size_t i = 0; i < options.one_of.size(); ++i)
      if (options.one_of[i] == TextOf(value)) {
        out = static_cast<T>(i);
        return;
      }
    Mismatch(name, "one of the allowed words");
  } else if constexpr (IsVector<T>::value) {
    if (value.kind != HEALD_VALUE_LIST) Mismatch(name, "a list");
    out.clear();
    for (uint64_t i = 0; i < value.count; ++i)
      Read(value.as.list[i], name, options, out.emplace_back());
  } else if constexpr (IsMap<T>::value) {
    if (value.kind != HEALD_VALUE_MAP) Mismatch(name, "a map");
    out.clear();
    for (uint64_t i = 0; i < value.count; ++i) {
      const heald_member& member = value.as.map[i];
      Read(member.value, name, options, out[std::string(member.key.ptr, member.key.len)]);
    }
  } else if constexpr (IsOptional<T>::value) {
    Read(value, name, options, out.emplace());
  } else {
    ReadStruct(value, name, out);
  }
}

}  // namespace detail

// The JSON Schema of a config struct.
template <ConfigStruct C>
std::string ConfigSchema() {
  std::string out = "{";
  detail::AppendObject(out, C{});
  return out + "}";
}

// Fills a config struct from the tree that the host validated; members that are absent keep their
// defaults. Throws Failure(HEALD_INVALID) where the tree doesn't fit, which a host never causes.
template <ConfigStruct C>
C ReadConfig(const heald_value& value) {
  C config;
  if (value.kind != HEALD_VALUE_NULL) detail::ReadStruct(value, "config", config);
  return config;
}

}  // namespace heald::sdk
