#include "core/api/chunked.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace heald::api {
namespace {

constexpr size_t kLongestLine = 256;
constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

ChunkDecoder::State ChunkDecoder::Take(std::string* in, std::string* body, uint64_t most_bytes) {
  size_t at = 0;  // up to here it is used up
  State state = State::kMore;
  const std::string_view text(*in);
  while (state == State::kMore) {
    if (part_ == Part::kData) {
      const size_t taken = std::min<uint64_t>(left_, text.size() - at);
      body->append(text.substr(at, taken));
      at += taken;
      left_ -= taken;
      if (left_ != 0) break;
      part_ = Part::kDataEnd;
    }
    const size_t end = text.find(kLineEnd, at);
    if (end == std::string_view::npos) {
      if (text.size() - at > kLongestLine) state = State::kBad;
      break;
    }
    const std::string_view line = text.substr(at, end - at);
    at = end + kLineEnd.size();
    if (part_ == Part::kDataEnd) {
      if (!line.empty()) state = State::kBad;
      part_ = Part::kSize;
    } else if (part_ == Part::kTrailer) {
      // Trailers are for nobody here.
      state = line.empty() ? State::kDone : State::kBad;
    } else {
      const auto parsed = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
      if (parsed.ec != std::errc() || parsed.ptr != line.data() + line.size())
        state = State::kBad;
      else if (left_ > most_bytes || body->size() + left_ > most_bytes)
        state = State::kTooLong;
      part_ = left_ == 0 ? Part::kTrailer : Part::kData;
    }
  }
  in->erase(0, at);
  return state;
}

}  // namespace heald::api
