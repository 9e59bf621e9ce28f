#include "plugins/support/http_delivery.h"

#include <algorithm>

#include "heald/error.h"

namespace heald::support {

Delivered Judge(const HttpResult& result) {
  if (result.ok()) return Delivered::kYes;
  switch (result.error.fault) {
    case HttpFault::kRequest:
      return Delivered::kMend;
    case HttpFault::kStatus:
      break;
    default:
      return Delivered::kLater;
  }
  const int status = result.response.status;
  if (status == 408 || status == 425 || status == 429 || status >= 500) return Delivered::kLater;
  if (status == 400 || status == 413 || status == 422) return Delivered::kNever;
  return Delivered::kMend;
}

void FailDelivery(Delivered how, const HttpResult& result, const std::string& message) {
  if (how == Delivered::kNever) throw sdk::Failure(HEALD_INVALID, message);
  if (how == Delivered::kMend)
    throw sdk::Failure(HEALD_DENIED, message + "; events wait until that is mended").Retryable();
  throw sdk::Failure(
      result.error.fault == HttpFault::kCancelled ? HEALD_CANCELLED : HEALD_UNAVAILABLE, message)
      .Retryable(result.error.retry_after_ns);
}

void CheckDelivered(const HttpResult& result) {
  const Delivered how = Judge(result);
  if (how != Delivered::kYes) FailDelivery(how, result, result.error.Brief());
}

std::function<bool(std::string_view)> IgnoreBody() {
  return [left = size_t{64} << 10](std::string_view part) mutable {
    left -= std::min(left, part.size());
    return left > 0;
  };
}

}  // namespace heald::support
