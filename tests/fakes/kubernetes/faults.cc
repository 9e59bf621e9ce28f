#include "tests/fakes/kubernetes/faults.h"

#include <map>
#include <utility>

#include "tests/fakes/kubernetes/status.h"

namespace heald::fakes::kubernetes {

std::string LineOf(const FakeRequest& request) {
  return request.method + " " + request.path + (request.query.empty() ? "" : "?" + request.query);
}

void Faults::Add(KubernetesFault fault) {
  const std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

void Faults::Clear() {
  const std::lock_guard lock(mutex_);
  faults_.clear();
}

std::optional<KubernetesFault> Faults::Take(const FakeRequest& request) {
  const std::lock_guard lock(mutex_);
  const std::string line = LineOf(request);
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (line.find(fault->match) == std::string::npos) continue;
    KubernetesFault taken = *fault;
    if (--fault->times == 0) faults_.erase(fault);
    return taken;
  }
  return std::nullopt;
}

std::optional<FakeReply> Instead(const KubernetesFault& fault) {
  static const std::map<int, std::pair<const char*, const char*>> kReasons = {
      {401, {"Unauthorized", "Unauthorized"}},
      {403, {"Forbidden", "forbidden by the test"}},
      {409, {"Conflict", "Operation cannot be fulfilled: the object has been modified"}},
      {429, {"TooManyRequests", "too many requests, please try again later"}},
      {500, {"InternalError", "Internal error occurred: etcdserver: request timed out"}},
      {503, {"ServiceUnavailable", "the server is currently unable to handle the request"}},
      {504, {"Timeout", "the server was unable to return a response in the time allotted"}}};
  FakeReply reply;
  reply.delay = fault.delay;
  if (fault.reset) {
    reply.reset = true;
    return reply;
  }
  if (fault.status == 0) return std::nullopt;
  reply.status = fault.status;
  reply.headers = {{"Content-Type", "application/json"}};
  if (fault.retry_after_s > 0)
    reply.headers.emplace_back("Retry-After", std::to_string(fault.retry_after_s));
  const auto known = kReasons.find(fault.status);
  Json details = nullptr;
  if (fault.retry_after_s > 0) details = {{"retryAfterSeconds", fault.retry_after_s}};
  reply.body = StatusBody(fault.status, known == kReasons.end() ? "" : known->second.first,
                          known == kReasons.end() ? "refused" : known->second.second, details)
                   .dump();
  return reply;
}

void Spoil(const KubernetesFault& fault, FakeReply& reply) {
  reply.delay = fault.delay;
  reply.chunk_bytes = fault.chunk_bytes;
  reply.pause = fault.pause;
  reply.cut_after_bytes = fault.cut_after_bytes;
  if (fault.lose_answer) reply.close_silently = true;
}

}  // namespace heald::fakes::kubernetes
