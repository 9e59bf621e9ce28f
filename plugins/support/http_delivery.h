// What the answer to a delivered event means to the agent, the same for every notifier over HTTP:
// kept and tried again, kept until a person has mended the configuration, or refused for good.
// Thread rule: pure functions.
#pragma once

#include <string>

#include "plugins/support/http.h"

namespace heald::support {

enum class Delivered {
  kYes,
  kLater,  // not now: the network, the server's trouble, too many requests
  kMend,   // not before a person corrects URL, token, rights; events wait
  kNever,  // this event's content is refused; the next may well be taken
};

Delivered Judge(const HttpResult& result);

// Throws the sdk::Failure of an event that wasn't taken; returns where it was.
void CheckDelivered(const HttpResult& result);
// With the notifier's own judgement and words.
[[noreturn]] void FailDelivery(Delivered how, const HttpResult& result, const std::string& message);

// The answer's body is of no interest where it is a yes: read up to a limit, then left.
std::function<bool(std::string_view)> IgnoreBody();

}  // namespace heald::support
