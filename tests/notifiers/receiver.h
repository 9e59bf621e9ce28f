// Where notifiers over HTTP send to, for tests: it takes events, or is mad in every way that a real
// one can be, by a seed. It keeps what it took; what it answered badly doesn't count as taken.
// Thread rule: any thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/http_server.h"

namespace heald::testing {

enum class Madness {
  kNone,
  kBroken,      // 500
  kTooMany,     // 429
  kNotHttp,     // bytes that aren't HTTP
  kHalfAnswer,  // closes in the middle of the body
  kNoAnswer,    // closes instead
  kSilence,     // says nothing for longer than the client waits
  kSlowBytes,   // a proper answer, byte by byte: this one is taken
};

class Receiver {
 public:
  using Take = std::function<fakes::FakeReply(const fakes::FakeRequest&)>;

  // take: the proper answer; name: what identifies the event in a request.
  Receiver(Take take, std::function<std::string(const fakes::FakeRequest&)> name)
      : take_(std::move(take)),
        name_(std::move(name)),
        server_([this](const fakes::FakeRequest& request) { return Answer(request); }) {}

  fakes::HttpServer& http() { return server_; }
  void GoMad(unsigned seed) {
    const std::lock_guard lock(mutex_);
    random_.seed(seed);
    mad_ = true;
  }
  std::vector<std::string> taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  int count(Madness madness) const {
    const std::lock_guard lock(mutex_);
    const auto at = counts_.find(madness);
    return at == counts_.end() ? 0 : at->second;
  }

 private:
  Madness Next() {
    if (!mad_ || random_() % 2 == 0) return Madness::kNone;
    const auto madness = static_cast<Madness>(1 + random_() % 7);
    // Waiting takes time: one of each is enough.
    const bool waits = madness == Madness::kSilence || madness == Madness::kTooMany;
    return waits && counts_[madness] == 1 ? Madness::kBroken : madness;
  }
  fakes::FakeReply Answer(const fakes::FakeRequest& request) {
    const std::lock_guard lock(mutex_);
    const Madness madness = Next();
    ++counts_[madness];
    fakes::FakeReply reply = take_(request);
    switch (madness) {
      case Madness::kBroken:
        return {.status = 500, .body = "<html>oops</html>"};
      case Madness::kTooMany:
        return {.status = 429, .headers = {{"Retry-After", "0"}}};
      case Madness::kNotHttp:
        return {.raw = "\x16\x03\x01 what?\r\n\r\n"};
      case Madness::kHalfAnswer:
        reply.body += std::string(100, ' ');
        reply.cut_after_bytes = 1;
        return reply;
      case Madness::kNoAnswer:
        return {.close_silently = true};
      case Madness::kSilence:
        return {.delay = std::chrono::seconds(5)};
      case Madness::kSlowBytes:
        reply.chunk_bytes = 1;
        reply.pause = std::chrono::milliseconds(1);
        break;
      default:
        break;
    }
    taken_.push_back(name_(request));
    return reply;
  }

  const Take take_;
  const std::function<std::string(const fakes::FakeRequest&)> name_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::mt19937 random_;
  bool mad_ = false;
  std::map<Madness, int> counts_;
  std::vector<std::string> taken_;
  fakes::HttpServer server_;  // last: its threads use the rest
};

}  // namespace heald::testing
