// Takes the chunks off a body as it comes in (RFC 9112, 7.1), more strictly than most: what two
// parsers could read differently is refused. Used by the connection. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <string>

namespace heald::api {

class ChunkDecoder {
 public:
  enum class State { kMore, kDone, kBad, kTooLong };

  // Moves what is complete from `in` to `body`, which may grow to `most_bytes`.
  State Take(std::string* in, std::string* body, uint64_t most_bytes);

 private:
  enum class Part { kSize, kData, kDataEnd, kTrailer };

  Part part_ = Part::kSize;
  uint64_t left_ = 0;  // of the chunk
};

}  // namespace heald::api
