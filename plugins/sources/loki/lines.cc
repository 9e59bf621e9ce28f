#include "plugins/sources/loki/lines.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>

#include "plugins/support/utf8.h"

namespace heald::loki {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;

// {"app":"shop"}; values that are no text are left out.
error_code ReadLabels(ondemand::object object, sdk::LabelSet* labels) {
  for (auto field : object) {
    std::string_view name;
    std::string_view text;
    if (const error_code error = field.unescaped_key().get(name)) return error;
    // The key's bytes are reused by the value's.
    const std::string key(name);
    ondemand::value value;
    if (const error_code error = field.value().get(value)) return error;
    if (value.get_string().get(text) == simdjson::SUCCESS && !text.empty() && key != "__name__")
      labels->Set(key, text);
  }
  return simdjson::SUCCESS;
}

// {"structuredMetadata":{…},"parsed":{…}}
error_code ReadCategories(ondemand::value value, sdk::LabelSet* attributes) {
  ondemand::object categories;
  if (const error_code error = value.get_object().get(categories)) return error;
  for (auto field : categories) {
    ondemand::object labels;
    if (const error_code error = field.value().get_object().get(labels)) return error;
    if (const error_code error = ReadLabels(labels, attributes)) return error;
  }
  return simdjson::SUCCESS;
}

// ["1795290115043208193", "line"] or with categories as third.
error_code ReadEntry(ondemand::value value, Entry* entry) {
  ondemand::array parts;
  if (const error_code error = value.get_array().get(parts)) return error;
  size_t index = 0;
  for (auto part : parts) {
    std::string_view text;
    if (index < 2) {
      if (const error_code error = part.get_string().get(text)) return error;
    }
    if (index == 0) {
      const auto [end, wrong] =
          std::from_chars(text.data(), text.data() + text.size(), entry->ts_ns);
      if (wrong != std::errc() || end != text.data() + text.size()) return simdjson::NUMBER_ERROR;
    } else if (index == 1) {
      entry->line = text;
    } else if (index == 2) {
      ondemand::value categories;
      if (const error_code error = part.get(categories)) return error;
      if (const error_code error = ReadCategories(categories, &entry->attributes)) return error;
    }
    ++index;
  }
  return index >= 2 ? simdjson::SUCCESS : simdjson::INCORRECT_TYPE;
}

error_code ReadStreams(ondemand::array streams, LogAnswer* answer) {
  for (auto item : streams) {
    ondemand::object stream;
    if (const error_code error = item.get_object().get(stream)) return error;
    const size_t number = answer->streams.size();
    answer->streams.emplace_back();
    for (auto field : stream) {
      std::string_view key;
      if (const error_code error = field.unescaped_key().get(key)) return error;
      const bool labels = key == "stream";
      const bool values = key == "values";
      if (labels) {
        ondemand::object object;
        if (const error_code error = field.value().get_object().get(object)) return error;
        if (const error_code error = ReadLabels(object, &answer->streams[number])) return error;
      } else if (values) {
        ondemand::array list;
        if (const error_code error = field.value().get_array().get(list)) return error;
        for (auto value : list) {
          ondemand::value one;
          if (const error_code error = value.get(one)) return error;
          Entry entry;
          entry.stream = number;
          if (const error_code error = ReadEntry(one, &entry)) return error;
          answer->entries.push_back(std::move(entry));
        }
      }
    }
  }
  return simdjson::SUCCESS;
}

error_code ReadAnswer(ondemand::document& document, LogAnswer* answer) {
  ondemand::object root;
  if (const error_code error = document.get_object().get(root)) return error;
  std::string_view text;
  if (const error_code error = root.find_field_unordered("status").get_string().get(text))
    return error;
  if (text != "success") return simdjson::INCORRECT_TYPE;
  ondemand::object data;
  if (const error_code error = root.find_field_unordered("data").get_object().get(data))
    return error;
  if (const error_code error = data.find_field_unordered("resultType").get_string().get(text))
    return error;
  if (text != "streams") {
    answer->error =
        "gives a " + std::string(text) + " where lines are needed: put it under metrics";
    return simdjson::SUCCESS;
  }
  ondemand::array streams;
  if (const error_code error = data.find_field_unordered("result").get_array().get(streams))
    return error;
  if (const error_code error = ReadStreams(streams, answer)) return error;
  // Looks through the rest, so an answer that is cut shows here.
  const error_code rest = root.find_field_unordered("\n").error();
  return rest == simdjson::NO_SUCH_FIELD ? simdjson::SUCCESS : rest;
}

error_code ReadFrame(ondemand::document& document, LogAnswer* answer) {
  ondemand::object root;
  if (const error_code error = document.get_object().get(root)) return error;
  for (auto field : root) {
    std::string_view key;
    if (const error_code error = field.unescaped_key().get(key)) return error;
    const bool streams = key == "streams";
    const bool dropped = key == "dropped_entries";
    ondemand::value value;
    if (const error_code error = field.value().get(value)) return error;
    ondemand::array list;
    if ((!streams && !dropped) || value.get_array().get(list) != simdjson::SUCCESS) continue;
    if (streams) {
      if (const error_code error = ReadStreams(list, answer)) return error;
    } else {
      bool empty = true;
      if (const error_code error = list.is_empty().get(empty)) return error;
      answer->dropped = !empty;
    }
  }
  return simdjson::SUCCESS;
}

}  // namespace

struct LineParser::Impl {
  template <typename Read>
  LogAnswer Parse(std::string& body, Read read) {
    LogAnswer answer;
    error_code error = Try(body, read, &answer);
    if (error == simdjson::UTF8_ERROR) {
      // Whoever wrote the line didn't care; its other bytes are worth reading.
      body = support::ValidUtf8(body);
      error = Try(body, read, &answer);
    }
    if (error != simdjson::SUCCESS)
      answer.error = std::string("the answer is not what Loki writes (") +
                     simdjson::error_message(error) + "): does the URL lead to one?";
    if (!answer.error.empty()) answer.entries.clear();
    answer.listed = answer.entries.size();
    std::stable_sort(answer.entries.begin(), answer.entries.end(),
                     [](const Entry& a, const Entry& b) { return a.ts_ns < b.ts_ns; });
    return answer;
  }
  template <typename Read>
  error_code Try(std::string& body, Read read, LogAnswer* answer) {
    *answer = LogAnswer{};
    body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
    ondemand::document document;
    if (const error_code error =
            parser.iterate(simdjson::padded_string_view(body.data(), body.size(), body.capacity()))
                .get(document))
      return error;
    return read(document, answer);
  }

  ondemand::parser parser;
};

LineParser::LineParser() : impl_(std::make_unique<Impl>()) {}
LineParser::~LineParser() = default;

LogAnswer LineParser::ParseAnswer(std::string& body) {
  return impl_->Parse(body, &ReadAnswer);
}
LogAnswer LineParser::ParseFrame(std::string& frame) {
  return impl_->Parse(frame, &ReadFrame);
}

uint32_t SeverityIn(const sdk::LabelSet& labels) {
  struct Word {
    std::string_view word;
    uint32_t severity;
  };
  constexpr Word kWords[] = {
      {"error", HEALD_SEVERITY_CRITICAL},    {"err", HEALD_SEVERITY_CRITICAL},
      {"critical", HEALD_SEVERITY_CRITICAL}, {"fatal", HEALD_SEVERITY_CRITICAL},
      {"panic", HEALD_SEVERITY_CRITICAL},    {"emerg", HEALD_SEVERITY_CRITICAL},
      {"alert", HEALD_SEVERITY_CRITICAL},    {"crit", HEALD_SEVERITY_CRITICAL},
      {"warn", HEALD_SEVERITY_WARNING},      {"warning", HEALD_SEVERITY_WARNING},
      {"info", HEALD_SEVERITY_INFO},         {"notice", HEALD_SEVERITY_INFO},
      {"debug", HEALD_SEVERITY_INFO},        {"trace", HEALD_SEVERITY_INFO}};
  for (const char* const label : {"level", "severity", "detected_level", "lvl", "loglevel"}) {
    std::string value(labels.Get(label));
    for (char& c : value)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    for (const Word& known : kWords)
      if (value == known.word) return known.severity;
  }
  return HEALD_SEVERITY_NORMAL;
}

}  // namespace heald::loki
