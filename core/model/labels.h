// Names and values that identify a series or a target. Used everywhere.
// Thread rule: plain values.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heald {

// Sorted by name, names unique.
class Labels {
 public:
  using Pair = std::pair<std::string, std::string>;

  Labels() = default;
  Labels(std::initializer_list<Pair> pairs) {
    for (const Pair& pair : pairs) Set(pair.first, pair.second);
  }

  void Set(std::string_view name, std::string_view value) {
    const auto at = Find(name);
    if (at != pairs_.end() && at->first == name)
      pairs_[static_cast<size_t>(at - pairs_.begin())].second = value;
    else
      pairs_.insert(at, Pair(name, value));
  }
  // Empty when absent, as in Prometheus.
  std::string_view Get(std::string_view name) const {
    const auto at = Find(name);
    return at != pairs_.end() && at->first == name ? std::string_view(at->second)
                                                   : std::string_view();
  }
  bool Has(std::string_view name) const {
    const auto at = Find(name);
    return at != pairs_.end() && at->first == name;
  }
  // True when every label of `part` is here with the same value.
  bool Includes(const Labels& part) const {
    return std::includes(pairs_.begin(), pairs_.end(), part.pairs_.begin(), part.pairs_.end());
  }
  const std::vector<Pair>& pairs() const { return pairs_; }
  bool empty() const { return pairs_.empty(); }
  size_t size() const { return pairs_.size(); }

  // {service="payments", zone="a"}
  std::string ToString() const {
    std::string out = "{";
    for (const Pair& pair : pairs_) {
      if (out.size() > 1) out += ", ";
      out += pair.first + "=\"";
      for (const char c : pair.second) {
        if (c == '"' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
      }
      out += '"';
    }
    return out + "}";
  }

  friend bool operator==(const Labels&, const Labels&) = default;
  friend auto operator<=>(const Labels&, const Labels&) = default;

 private:
  std::vector<Pair>::const_iterator Find(std::string_view name) const {
    return std::lower_bound(
        pairs_.begin(), pairs_.end(), name,
        [](const Pair& pair, std::string_view key) { return pair.first < key; });
  }

  std::vector<Pair> pairs_;
};

}  // namespace heald
