#include "plugins/sources/remote_write/write_request.h"

#include <snappy.h>

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

namespace heald::remote_write {
namespace {

// Fields of prometheus.WriteRequest, TimeSeries, Label and Sample.
constexpr protozero::pbf_tag_type kTimeseries = 1;
constexpr protozero::pbf_tag_type kSeriesLabels = 1;
constexpr protozero::pbf_tag_type kSeriesSamples = 2;
constexpr protozero::pbf_tag_type kSeriesHistograms = 4;
constexpr protozero::pbf_tag_type kName = 1;
constexpr protozero::pbf_tag_type kValue = 2;
constexpr protozero::pbf_tag_type kSampleValue = 1;
constexpr protozero::pbf_tag_type kSampleTimestamp = 2;

constexpr auto kBytes = protozero::pbf_wire_type::length_delimited;

struct Sample {
  int64_t ts_ms = 0;
  double value = 0;
};

class Reader {
 public:
  explicit Reader(WriteRequestTarget& target) : target_(target) {}

  std::string Read(std::string_view message) {
    protozero::pbf_reader request(message.data(), message.size());
    while (request.next()) {
      if (request.tag_and_type() != protozero::tag_and_type(kTimeseries, kBytes)) {
        request.skip();  // metadata
        continue;
      }
      ++series_;
      if (std::string error = Series(request.get_message()); !error.empty())
        return "series " + std::to_string(series_) + ": " + error;
    }
    return {};
  }
  uint64_t series() const { return series_; }

 private:
  std::string Series(protozero::pbf_reader series) {
    // The labels as written, tags and all; in one piece from every sender there is.
    std::string_view labels;
    bool scattered = false;
    uint64_t histograms = 0;
    samples_.clear();
    for (const char* before = series.data().data(); series.next(); before = series.data().data()) {
      switch (series.tag_and_type()) {
        case protozero::tag_and_type(kSeriesLabels, kBytes): {
          series.skip();
          const std::string_view label(before, static_cast<size_t>(series.data().data() - before));
          if (labels.empty()) {
            labels = label;
          } else if (!scattered && labels.data() + labels.size() == before) {
            labels = std::string_view(labels.data(), labels.size() + label.size());
          } else {
            if (!scattered) gathered_ = labels;
            scattered = true;
            gathered_ += label;
          }
          break;
        }
        case protozero::tag_and_type(kSeriesSamples, kBytes):
          samples_.push_back(OneSample(series.get_message()));
          break;
        case protozero::tag_and_type(kSeriesHistograms, kBytes):
          ++histograms;
          series.skip();
          break;
        default:
          series.skip();  // exemplars
      }
    }
    std::string error;
    if (!target_.OnSeries(scattered ? std::string_view(gathered_) : labels, &error)) return error;
    for (const Sample& sample : samples_) target_.OnSample(sample.ts_ms, sample.value);
    if (histograms != 0) target_.OnHistograms(histograms);
    return {};
  }

  static Sample OneSample(protozero::pbf_reader in) {
    Sample sample;
    while (in.next()) {
      if (in.tag_and_type() ==
          protozero::tag_and_type(kSampleValue, protozero::pbf_wire_type::fixed64))
        sample.value = in.get_double();
      else if (in.tag_and_type() ==
               protozero::tag_and_type(kSampleTimestamp, protozero::pbf_wire_type::varint))
        sample.ts_ms = in.get_int64();
      else
        in.skip();
    }
    return sample;
  }

  WriteRequestTarget& target_;
  std::vector<Sample> samples_;
  std::string gathered_;
  uint64_t series_ = 0;
};

std::string NotProtobuf(const protozero::exception& error, uint64_t series) {
  return "this is no WriteRequest of remote write 1.0: " + std::string(error.what()) +
         " after series " + std::to_string(series);
}

}  // namespace

std::string UncompressedBytes(std::string_view body, uint64_t* bytes) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(body.data(), body.size(), &size))
    return "the body is not compressed with snappy (block format)";
  *bytes = size;
  return {};
}

std::string Uncompress(std::string_view body, std::string* message) {
  if (snappy::Uncompress(body.data(), body.size(), message)) return {};
  return "the body is not compressed with snappy (block format), or damaged";
}

std::string ReadWriteRequest(std::string_view message, WriteRequestTarget& target) {
  Reader reader(target);
  try {
    return reader.Read(message);
  } catch (const protozero::exception& error) {
    return NotProtobuf(error, reader.series());
  }
}

std::string LabelsOf(std::string_view label_bytes, LabelPairs* labels) {
  const auto view = [](protozero::data_view text) {
    return std::string_view(text.data(), text.size());
  };
  try {
    protozero::pbf_reader all(label_bytes.data(), label_bytes.size());
    while (all.next(kSeriesLabels, kBytes)) {
      protozero::pbf_reader label = all.get_message();
      auto& [name, value] = labels->emplace_back();
      while (label.next()) {
        if (label.tag_and_type() == protozero::tag_and_type(kName, kBytes))
          name = view(label.get_view());
        else if (label.tag_and_type() == protozero::tag_and_type(kValue, kBytes))
          value = view(label.get_view());
        else
          label.skip();
      }
    }
  } catch (const protozero::exception& error) {
    return std::string("its labels cannot be read: ") + error.what();
  }
  return {};
}

}  // namespace heald::remote_write
