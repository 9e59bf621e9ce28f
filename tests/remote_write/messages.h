// Remote write requests as a sender makes them. Used by the plugin's tests and its benchmark.
// Thread rule: pure functions.
#pragma once

#include <snappy.h>

#include <cstdint>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <utility>
#include <vector>

namespace heald::remote_write {

struct PushedSeries {
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<int64_t, double>> samples;  // ms, value
};

inline std::string MessageOf(const std::vector<PushedSeries>& all) {
  std::string out;
  protozero::pbf_writer request(out);
  for (const PushedSeries& series : all) {
    protozero::pbf_writer one(request, 1);
    for (const auto& [name, value] : series.labels) {
      protozero::pbf_writer label(one, 1);
      label.add_string(1, name);
      label.add_string(2, value);
    }
    for (const auto& [ts_ms, value] : series.samples) {
      protozero::pbf_writer sample(one, 2);
      sample.add_double(1, value);
      sample.add_int64(2, ts_ms);
    }
  }
  return out;
}

inline std::string Compressed(const std::string& message) {
  std::string out;
  snappy::Compress(message.data(), message.size(), &out);
  return out;
}

}  // namespace heald::remote_write
