// Drives a source through the same C tables as the agent does, with its config given as JSON
// (durations as nanoseconds), on the SDK's fake host.
// Thread rule: one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "heald/testing.h"
#include "heald/testing_http.h"

namespace heald::fakes {

// A heald_value tree out of JSON; lives as long as this object.
class ConfigTree {
 public:
  explicit ConfigTree(const nlohmann::json& json) : root_(Make(json)) {}
  const heald_value* root() const { return &root_; }

 private:
  heald_value Make(const nlohmann::json& json) {
    heald_value value{};
    if (json.is_boolean()) {
      value.kind = HEALD_VALUE_BOOL;
      value.as.integer = json.get<bool>() ? 1 : 0;
    } else if (json.is_number_integer()) {
      value.kind = HEALD_VALUE_INT;
      value.as.integer = json.get<int64_t>();
    } else if (json.is_number()) {
      value.kind = HEALD_VALUE_DOUBLE;
      value.as.number = json.get<double>();
    } else if (json.is_string()) {
      const std::string& text = texts_.emplace_back(json.get<std::string>());
      value.kind = HEALD_VALUE_STRING;
      value.as.text = text.data();
      value.count = text.size();
    } else if (json.is_array()) {
      std::vector<heald_value> items;
      for (const auto& item : json) items.push_back(Make(item));
      const auto& kept = lists_.emplace_back(std::move(items));
      value.kind = HEALD_VALUE_LIST;
      value.as.list = kept.data();
      value.count = kept.size();
    } else if (json.is_object()) {
      std::vector<heald_member> members;
      for (const auto& [key, item] : json.items()) {
        const std::string& name = texts_.emplace_back(key);
        members.push_back({{name.data(), name.size()}, Make(item)});
      }
      const auto& kept = maps_.emplace_back(std::move(members));
      value.kind = HEALD_VALUE_MAP;
      value.as.map = kept.data();
      value.count = kept.size();
    }
    return value;
  }

  std::deque<std::string> texts_;
  std::deque<std::vector<heald_value>> lists_;
  std::deque<std::vector<heald_member>> maps_;
  heald_value root_;
};

class SourceHarness {
 public:
  struct Row {
    std::string name;
    sdk::LabelSet labels;  // without __name__
    int64_t ts_ns = 0;
    double value = 0;
    heald_series series = HEALD_SERIES_NONE;
  };

  // The first component of `plugin` must be the source. state_from: the state folder of an earlier
  // life, to begin with a copy of it. now_ns: what the host's clock shows; 0: whatever.
  SourceHarness(const heald_plugin& plugin, const std::string& node, const nlohmann::json& config,
                const std::string& state_from = "", int64_t now_ns = 0)
      : host_(node), component_(*plugin.components[0]) {
    if (now_ns != 0) host_.SetNow(now_ns);
    if (!state_from.empty())
      std::filesystem::copy(state_from, host_.host().StateDir(),
                            std::filesystem::copy_options::recursive);
    const ConfigTree tree(config);
    heald_error error = sdk::detail::NewError();
    if (component_.create(host_.table(), tree.root(), &self_, &error) != HEALD_OK ||
        vtable().start(self_, sink_.table(), &error) != HEALD_OK)
      throw std::runtime_error(error.message);
  }
  ~SourceHarness() {
    vtable().stop(self_);
    component_.destroy(self_);
  }

  sdk::testing::FakeHost& host() { return host_; }
  sdk::testing::FakeSink& sink() { return sink_; }
  // Where others push to it.
  sdk::testing::FakeListener& listener() { return listener_; }

  // One poll, a second of the host's clock later, with `within` for it. Empty: it went well.
  std::string Poll(std::chrono::milliseconds within = std::chrono::milliseconds(1000)) {
    host_.Advance(sdk::Seconds(1));
    heald_error error = sdk::detail::NewError();
    return vtable().poll(self_, host_.now_ns() + within / std::chrono::nanoseconds(1), &error) ==
                   HEALD_OK
               ? ""
               : error.message;
  }
  std::string Backfill(int64_t from_ns, int64_t to_ns) {
    heald_error error = sdk::detail::NewError();
    return vtable().backfill(self_, from_ns, to_ns, &error) == HEALD_OK ? "" : error.message;
  }
  // What came since the last call.
  std::vector<Row> TakeRows() {
    std::vector<Row> rows;
    for (const auto& row : sink_.TakeRows()) {
      sdk::LabelSet labels = host_.host().LabelsOf(row.series);
      const std::string name(labels.Get("__name__"));
      labels.Remove("__name__");
      rows.push_back({name, std::move(labels), row.ts_ns, row.value, row.series});
    }
    return rows;
  }
  // The same as text, sorted: "name{a=b} 1".
  std::vector<std::string> TakeTexts() {
    std::vector<std::string> texts;
    for (const Row& row : TakeRows()) {
      std::string text = row.name + "{";
      for (const auto& [name, value] : row.labels.items())
        text += (text.back() == '{' ? "" : ",") + name + "=" + value;
      char number[32];
      std::snprintf(number, sizeof number, "%g", row.value);
      texts.push_back(text + "} " + number);
    }
    std::sort(texts.begin(), texts.end());
    return texts;
  }
  std::vector<std::string> log() const {
    std::vector<std::string> lines;
    for (const auto& line : host_.log()) lines.push_back(line.message);
    return lines;
  }

 private:
  const heald_source_vtable& vtable() const {
    return *static_cast<const heald_source_vtable*>(component_.vtable);
  }

  sdk::testing::FakeHost host_;
  sdk::testing::FakeSink sink_{host_};
  sdk::testing::FakeListener listener_{host_};
  const heald_component& component_;
  void* self_ = nullptr;
};

}  // namespace heald::fakes
