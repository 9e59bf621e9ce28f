// Reads what Prometheus sends by remote write 1.0: one protobuf message WriteRequest, compressed
// with snappy's block format. The only user of both libraries; their exceptions end here.
// Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heald::remote_write {

// Gets what a message holds, in its order.
class WriteRequestTarget {
 public:
  virtual ~WriteRequestTarget() = default;
  // A series by the bytes of its labels, for LabelsOf: the same bytes are the same series. False:
  // its samples are not wanted. Not empty `error`: the whole message is refused for it.
  virtual bool OnSeries(std::string_view label_bytes, std::string* error) = 0;
  // Of the latest series.
  virtual void OnSample(int64_t ts_ms, double value) = 0;
  // Histograms that came as one sample each, which nobody reads here.
  virtual void OnHistograms(uint64_t count) = 0;
};

// Uncompressed size of a body by its own word; empty error when it is one.
std::string UncompressedBytes(std::string_view body, uint64_t* bytes);
// Empty, or what is wrong with it.
std::string Uncompress(std::string_view body, std::string* message);
std::string ReadWriteRequest(std::string_view message, WriteRequestTarget& target);

using LabelPairs = std::vector<std::pair<std::string_view, std::string_view>>;
std::string LabelsOf(std::string_view label_bytes, LabelPairs* labels);

}  // namespace heald::remote_write
