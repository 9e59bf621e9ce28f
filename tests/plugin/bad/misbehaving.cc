// A detector that does on demand what no plugin should: throws, hangs, crashes. For the loader and
// the agent's tests.
#include <csignal>
#include <stdexcept>

#include "heald/plugin.h"

namespace {

using namespace heald::sdk;

enum class Deed { kNothing, kThrow, kThrowNumber, kHang, kCrash, kThrowInCreate };
constexpr std::string_view kDeeds[] = {"nothing", "throw", "throw_number",
                                       "hang",    "crash", "throw_in_create"};

struct Config {
  Deed deed = Deed::kNothing;
  static constexpr auto Fields() {
    return std::tuple(
        Field("deed", &Config::deed, "What to do with the first sample", {.one_of = kDeeds}));
  }
};

class Misbehaving : public Detector<Misbehaving> {
 public:
  using Config = ::Config;
  static constexpr Info kInfo{.name = "misbehaving", .doc = "Does what no plugin should"};

  Misbehaving(Host host, const Config& config) : host_(host), config_(config) {
    if (config.deed == Deed::kThrowInCreate)
      throw Failure(HEALD_INVALID, "it doesn't want to").At("/deed");
  }

  void Process(const Samples&, Sink&) {
    switch (config_.deed) {
      case Deed::kThrow:
        throw std::runtime_error("no reason at all");
      case Deed::kThrowNumber:
        throw 42;
      case Deed::kHang:
        while (!host_.Cancelled()) {
        }
        // Cancelled, and still it doesn't return.
        for (volatile bool forever = true; forever;) {
        }
        break;
      case Deed::kCrash:
        std::raise(SIGSEGV);
        break;
      default:
        break;
    }
  }

 private:
  Host host_;
  Config config_;
};

}  // namespace

HEALD_PLUGIN("misbehaving", "1.0.0", "the tests", "MIT", Misbehaving);
