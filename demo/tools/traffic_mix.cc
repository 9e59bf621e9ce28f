#include "demo/tools/traffic_mix.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr int kSeededUsers = 100;  // exist in every users service
constexpr int kCreatePercent = 60;
constexpr int kFindPercent = 30;

}  // namespace

TrafficMix::TrafficMix(std::string service, uint64_t seed)
    : service_(std::move(service)), random_(seed) {}

int TrafficMix::Pick(int from, int to) {
  return std::uniform_int_distribution<int>(from, to)(random_);
}

PlannedRequest TrafficMix::Create() {
  const std::string user = "u-" + std::to_string(Pick(1, kSeededUsers));
  json body;
  if (service_ == "orders") {
    body = {{"user_id", user},
            {"item", "tea"},
            {"quantity", Pick(1, 5)},
            {"amount_cents", Pick(500, 20000)}};
  } else if (service_ == "payments") {
    body = {{"order_id", "o-" + std::to_string(Pick(1, 100000))},
            {"user_id", user},
            {"amount_cents", Pick(500, 20000)}};
  } else {
    body = {{"name", "Ada"}, {"email", "ada" + std::to_string(Pick(1, 1000000)) + "@example.com"}};
  }
  return {"POST", "/" + service_, body.dump()};
}

PlannedRequest TrafficMix::Next() {
  const int draw = Pick(0, 99);
  if (draw < kCreatePercent || known_id_.empty()) return Create();
  // payments has no list, so it is asked for one payment instead.
  if (draw < kCreatePercent + kFindPercent || service_ == "payments")
    return {"GET", "/" + service_ + "/" + known_id_, ""};
  return {"GET", "/" + service_ + "?limit=10", ""};
}

void TrafficMix::Learn(const PlannedRequest& request, int status, const std::string& body) {
  if (status == 404) known_id_.clear();
  if (request.method != "POST" || status < 200 || status > 299) return;
  const json reply = json::parse(body, nullptr, false);
  if (reply.is_object() && reply.contains("id") && reply["id"].is_string())
    known_id_ = reply["id"].get<std::string>();
}

}  // namespace heald::demo
