#include "plugins/support/prometheus/answer.h"

#include <simdjson.h>

#include <cmath>

#include "plugins/support/number.h"

namespace heald::prometheus {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

constexpr uint64_t kForgetAfterAnswers = 8;
constexpr uint64_t kRetryRefusedAfterAnswers = 16;

// [1795290124.794, "0.5"]
error_code ReadPoint(ondemand::value value, int64_t* ts_ns, double* number) {
  ondemand::array pair;
  if (const error_code error = value.get_array().get(pair)) return error;
  size_t index = 0;
  for (auto item : pair) {
    if (index == 0) {
      double seconds = 0;
      if (const error_code error = item.get_double().get(seconds)) return error;
      if (!(std::abs(seconds) < 9e9)) return simdjson::NUMBER_OUT_OF_RANGE;
      *ts_ns = std::llround(seconds * 1e3) * 1'000'000;
    } else {
      std::string_view text;
      if (const error_code error = item.get_string().get(text)) return error;
      if (!support::ParseNumber(text, number)) return simdjson::NUMBER_ERROR;
    }
    ++index;
  }
  return index == 2 ? simdjson::SUCCESS : simdjson::INCORRECT_TYPE;
}

// What came in place of values.
std::string WrongType(std::string_view type) {
  if (type == "streams") return "gives lines where values are needed: put it under logs";
  const std::string needed = " where an instant vector or a scalar is needed";
  if (type == "matrix")
    return "gives a range vector" + needed + ": put a function like rate() around it";
  return "gives a " + std::string(type) + needed;
}

class Reader {
 public:
  Reader(SeriesCache& cache, Columns* out, Answer* answer)
      : cache_(cache), out_(out), answer_(answer) {}

  error_code Document(ondemand::document& document, bool range) {
    ondemand::object root;
    std::string_view text;
    if (const error_code error = document.get_object().get(root)) return error;
    if (const error_code error = root.find_field_unordered("status").get_string().get(text))
      return error;
    if (text != "success") {
      if (root.find_field_unordered("errorType").get_string().get(text) == simdjson::SUCCESS)
        answer_->error_type = text;
      if (const error_code error = root.find_field_unordered("error").get_string().get(text))
        return error;
      answer_->error = text;
      return simdjson::SUCCESS;
    }
    ondemand::object data;
    if (const error_code error = root.find_field_unordered("data").get_object().get(data))
      return error;
    if (const error_code error = Data(data, range)) return error;
    return Warnings(root);
  }

 private:
  error_code Data(ondemand::object& data, bool range) {
    std::string_view type;
    if (const error_code error = data.find_field_unordered("resultType").get_string().get(type))
      return error;
    if (type != (range ? "matrix" : "vector") && (range || type != "scalar")) {
      answer_->error = WrongType(type);
      return simdjson::SUCCESS;
    }
    if (type == "scalar") {
      ondemand::value point;
      if (const error_code error = data.find_field_unordered("result").get(point)) return error;
      return Point(point, cache_.Handle("{}"));
    }
    ondemand::array result;
    if (const error_code error = data.find_field_unordered("result").get_array().get(result))
      return error;
    for (auto item : result) {
      ondemand::object series;
      if (const error_code error = item.get_object().get(series)) return error;
      if (const error_code error = Series(series)) return error;
    }
    return simdjson::SUCCESS;
  }

  // {"metric": {…}, "value": […]} or {"metric": {…}, "values": [[…], …]}
  error_code Series(ondemand::object& series) {
    uint32_t handle = SeriesCache::kNoHandle;
    bool known = false;
    for (auto field : series) {
      std::string_view key;
      if (const error_code error = field.unescaped_key().get(key)) return error;
      ondemand::value value;
      if (const error_code error = field.value().get(value)) return error;
      if (key == "metric") {
        ondemand::object metric;
        std::string_view json;
        if (const error_code error = value.get_object().get(metric)) return error;
        if (const error_code error = metric.raw_json().get(json)) return error;
        handle = cache_.Handle(json);
        known = true;
      } else if (key == "histogram" || key == "histograms") {
        ++answer_->histogram_rows;
      } else if (key == "value") {
        if (!known) return simdjson::INCORRECT_TYPE;
        if (const error_code error = Point(value, handle)) return error;
      } else if (key == "values") {
        if (!known) return simdjson::INCORRECT_TYPE;
        ondemand::array points;
        if (const error_code error = value.get_array().get(points)) return error;
        for (auto item : points) {
          ondemand::value point;
          if (const error_code error = item.get(point)) return error;
          if (const error_code error = Point(point, handle)) return error;
        }
      }
    }
    return simdjson::SUCCESS;
  }

  error_code Point(ondemand::value value, uint32_t handle) {
    int64_t ts_ns = 0;
    double number = 0;
    if (const error_code error = ReadPoint(value, &ts_ns, &number)) return error;
    if (std::isnan(number))
      ++answer_->nan_rows;
    else if (handle != SeriesCache::kNoHandle)
      out_->Add(handle, ts_ns, number);
    return simdjson::SUCCESS;
  }

  error_code Warnings(ondemand::object& root) {
    // Looks through the rest of the answer, so one that is cut shows here.
    ondemand::value value;
    const error_code found = root.find_field_unordered("warnings").get(value);
    if (found != simdjson::SUCCESS)
      return found == simdjson::NO_SUCH_FIELD ? simdjson::SUCCESS : found;
    ondemand::array warnings;
    if (value.get_array().get(warnings) != simdjson::SUCCESS) return simdjson::SUCCESS;
    for (auto item : warnings) {
      std::string_view text;
      if (const error_code error = item.get_string().get(text)) return error;
      answer_->warnings.emplace_back(text);
    }
    return simdjson::SUCCESS;
  }

  SeriesCache& cache_;
  Columns* out_;
  Answer* answer_;
};

}  // namespace

sdk::LabelSet ParseMetric(std::string_view metric_json) {
  sdk::LabelSet labels;
  ondemand::parser parser;
  const simdjson::padded_string padded(metric_json);
  ondemand::document document;
  ondemand::object metric;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_object().get(metric) != simdjson::SUCCESS)
    return labels;
  for (auto field : metric) {
    std::string_view name;
    std::string_view value;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS ||
        field.value().get_string().get(value) != simdjson::SUCCESS)
      break;
    if (name != "__name__" && !value.empty()) labels.Set(name, value);
  }
  return labels;
}

void SeriesCache::Begin() {
  ++answer_;
  before_.swap(now_);
  now_.clear();
  if (answer_ % kForgetAfterAnswers != 0) return;
  // Nothing of the answer before is that old, so before_ stays valid.
  std::erase_if(entries_, [&](const auto& entry) {
    return entry.second.seen + kForgetAfterAnswers < answer_;
  });
}

void SeriesCache::Forget() {
  before_.clear();
  now_.clear();
  entries_.clear();
}

uint32_t SeriesCache::Handle(std::string_view metric_json) {
  Entries::value_type* found = now_.size() < before_.size() ? before_[now_.size()] : nullptr;
  if (found == nullptr || found->first != metric_json) {
    auto at = entries_.find(metric_json);
    if (at == entries_.end()) at = entries_.emplace(metric_json, Entry{}).first;
    found = &*at;
  }
  now_.push_back(found);
  Entry& entry = found->second;
  const bool was_away = entry.seen + 1 < answer_;
  const bool refused = entry.handle == kNoHandle && answer_ % kRetryRefusedAfterAnswers == 0;
  if (entry.seen != answer_ && (was_away || refused))
    entry.handle = resolve_(ParseMetric(metric_json));
  entry.seen = answer_;
  return entry.handle;
}

struct AnswerParser::Impl {
  explicit Impl(std::string name) : server(std::move(name)) {}

  Answer Parse(std::string& body, bool range, SeriesCache& cache, Columns* out) {
    Answer answer;
    const size_t rows = out->size();
    cache.Begin();
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    ondemand::document document;
    error_code error =
        parser.iterate(simdjson::padded_string_view(body.data(), body.size(), body.capacity()))
            .get(document);
    if (error == simdjson::SUCCESS) error = Reader(cache, out, &answer).Document(document, range);
    if (error == simdjson::SUCCESS && answer.error.empty()) return answer;
    out->Resize(rows);
    if (error != simdjson::SUCCESS)
      answer.error = "the answer is not what " + server + " writes (" +
                     simdjson::error_message(error) + "): does the URL lead to one?";
    return answer;
  }

  const std::string server;
  ondemand::parser parser;
};

AnswerParser::AnswerParser(std::string server) : impl_(std::make_unique<Impl>(std::move(server))) {}
AnswerParser::~AnswerParser() = default;

Answer AnswerParser::ParseInstant(std::string& body, SeriesCache& cache, Columns* out) {
  return impl_->Parse(body, false, cache, out);
}
Answer AnswerParser::ParseRange(std::string& body, SeriesCache& cache, Columns* out) {
  return impl_->Parse(body, true, cache, out);
}

}  // namespace heald::prometheus
