#include "plugins/sources/kafka/metric_reader.h"

#include <cmath>

namespace heald::kafka {
namespace {

constexpr size_t kMaxLabels = 256;  // also keeps texts_ from moving
constexpr std::string_view kUnsupported[] = {
    "distribution", "aggregated_histogram", "aggregated_summary", "sketch", "set", "histograms"};

}  // namespace

MetricReader::LeftOut MetricReader::Read(std::string_view message, int64_t ts_ns, int64_t now_ns,
                                         Rows* rows) {
  const size_t before = rows->size();
  rows_ = rows;
  left_out_ = {};
  message_ns_ = ts_ns;
  now_ns_ = now_ns;
  try {
    ForEachObject(parser_, message, [this](const dom::object& object) { Object(object); });
  } catch (const BadMessage&) {
    rows->Resize(before);
    throw;
  }
  return left_out_;
}

void MetricReader::Object(const dom::object& object) {
  dom::element found;
  dom::array list;
  dom::object inner;
  if (FindIn(object, {"specversion"}, &found)) {
    if (object.at_key("data").get(found) != simdjson::SUCCESS)
      throw BadMessage{"is a CloudEvent without JSON in data"};
    if (found.get_array().get(list) == simdjson::SUCCESS) {
      for (const dom::element item : list)
        if (item.get_object().get(inner) == simdjson::SUCCESS)
          Object(inner);
        else
          throw BadMessage{"the list in its data holds something that is no object"};
      return;
    }
    if (found.get_object().get(inner) != simdjson::SUCCESS ||
        inner.at_key("specversion").error() == simdjson::SUCCESS)
      throw BadMessage{"the data of its CloudEvent is no object with a metric"};
    return Object(inner);
  }
  for (const std::string_view many : {"metrics", "timeseries"})
    if (object.at_key(many).get_array().get(list) == simdjson::SUCCESS) {
      for (const dom::element item : list)
        if (item.get_object().get(inner) == simdjson::SUCCESS &&
            inner.at_key(many).error() != simdjson::SUCCESS)
          Object(inner);
        else
          throw BadMessage{"its list '" + std::string(many) +
                           "' holds something else than metrics"};
      return;
    }
  Labels(object);
  Time(object, message_ns_);
  if (object.at_key("fields").get_object().get(inner) == simdjson::SUCCESS)
    return Telegraf(object, inner);
  if (object.at_key("samples").get_array().get(list) == simdjson::SUCCESS)
    return Series(object, list);
  for (const std::string_view kind : {"gauge", "counter"})
    if (object.at_key(kind).get_object().get(inner) == simdjson::SUCCESS) {
      if (!FindIn(inner, {"value"}, &found))
        throw BadMessage{"its " + std::string(kind) + " has no value"};
      return Value(found, Name(object));
    }
  if (FindIn(object, {"value"}, &found)) return Value(found, Name(object));
  for (const std::string_view kind : kUnsupported)
    if (object.at_key(kind).error() == simdjson::SUCCESS) {
      ++left_out_.unsupported;
      return;
    }
  throw BadMessage{"has none of value, fields, gauge, counter and samples"};
}

// {"name": "cpu", "fields": {"usage_idle": 92.1, …}, "tags": {…}, "timestamp": …}
void MetricReader::Telegraf(const dom::object& object, const dom::object& fields) {
  const std::string base(Name(object));
  for (const auto field : fields) {
    if (field.value.is_string() || field.value.is_null()) continue;  // a state or a version
    double number = 0;
    if (!ReadNumber(field.value, &number))
      throw BadMessage{"its field '" + std::string(field.key) + "' is no number"};
    name_ = field.key == "value" ? base : base + "_" + std::string(field.key);
    Add(name_, number);
  }
}

// {"labels": [{"name": …, "value": …}, …] or {…}, "samples": [{"value": …, "timestamp": …}, …]}
void MetricReader::Series(const dom::object& object, const dom::array& samples) {
  const std::string name(Name(object));
  const int64_t otherwise_ns = sample_ns_;
  for (const dom::element item : samples) {
    dom::object sample;
    dom::element value;
    if (item.get_object().get(sample) != simdjson::SUCCESS || !FindIn(sample, {"value"}, &value))
      throw BadMessage{"one of its samples has no value"};
    Time(sample, otherwise_ns);
    Value(value, name);
  }
}

void MetricReader::Labels(const dom::object& object) {
  labels_.clear();
  texts_.clear();
  texts_.reserve(kMaxLabels);
  label_name_ = {};
  const auto add = [this](std::string_view name, dom::element value) {
    std::string_view text;
    if (value.is_null()) return;
    if (value.get_string().get(text) != simdjson::SUCCESS) {
      std::string made;
      if (texts_.size() >= kMaxLabels || !ReadText(value, &made))
        throw BadMessage{"its label '" + std::string(name) + "' is no text"};
      text = texts_.emplace_back(std::move(made));
    }
    if (name == "__name__")
      label_name_ = text;
    else if (!text.empty() && !name.empty())
      labels_.emplace_back(name, text);
    if (labels_.size() > kMaxLabels) throw BadMessage{"has more than 256 labels"};
  };
  dom::element found;
  if (!FindIn(object, {"labels", "tags"}, &found)) return;
  dom::object map;
  dom::array list;
  if (found.get_object().get(map) == simdjson::SUCCESS) {
    for (const auto member : map) add(member.key, member.value);
  } else if (found.get_array().get(list) == simdjson::SUCCESS) {
    for (const dom::element item : list) {
      dom::object pair;
      dom::element value;
      if (item.get_object().get(pair) != simdjson::SUCCESS || !FindIn(pair, {"value"}, &value) ||
          TextIn(pair, "name").empty())
        throw BadMessage{"one of its labels is not {\"name\": …, \"value\": …}"};
      add(TextIn(pair, "name"), value);
    }
  } else {
    throw BadMessage{"its labels are neither an object nor a list"};
  }
}

std::string_view MetricReader::Name(const dom::object& object) {
  std::string_view name = TextIn(object, "name");
  if (name.empty()) name = TextIn(object, "metric");
  if (name.empty()) name = label_name_;
  if (name.empty()) throw BadMessage{"has no name"};
  const std::string_view scope = TextIn(object, "namespace");
  if (scope.empty()) return name;
  name_ = std::string(scope) + "_" + std::string(name);
  return name_;
}

void MetricReader::Time(const dom::object& object, int64_t otherwise_ns) {
  dom::element found;
  sample_ns_ = otherwise_ns;
  if (!FindIn(object, {"timestamp", "time", "ts"}, &found)) return;
  if (!ReadTime(found, &sample_ns_))
    throw BadMessage{"its time is neither RFC 3339 nor a number since 1970"};
}

void MetricReader::Value(dom::element value, std::string_view name) {
  double number = 0;
  if (!ReadNumber(value, &number)) throw BadMessage{"its value is no number"};
  Add(name, number);
}

void MetricReader::Add(std::string_view name, double number) {
  if (std::isnan(number)) {
    ++left_out_.nan;
    return;
  }
  const uint32_t handle = cache_.Handle(name, &labels_, now_ns_);
  if (handle == SeriesCache::kNoHandle) return;  // counted where it was refused
  rows_->series.push_back(handle);
  rows_->ts_ns.push_back(sample_ns_);
  rows_->value.push_back(number);
}

}  // namespace heald::kafka
