#include "tests/fakes/kubernetes/status.h"

#include <utility>

namespace heald::fakes::kubernetes {
namespace {

Json DetailsOf(const Resource& resource, const std::string& name, const std::string& word) {
  Json details = {{"name", name}, {"kind", word}};
  if (!resource.group.empty()) details["group"] = resource.group;
  return details;
}

Refusal PreconditionFailed(const Resource& resource, const std::string& name,
                           const std::string& message) {
  return {409, StatusBody(409, "Conflict",
                          "Operation cannot be fulfilled on " + resource.QualifiedKind() + " \"" +
                              name + "\": " + message,
                          DetailsOf(resource, name, resource.kind))};
}

}  // namespace

Json StatusBody(int code, const std::string& reason, const std::string& message, Json details) {
  Json body = {{"kind", "Status"},
               {"apiVersion", "v1"},
               {"metadata", Json::object()},
               {"status", code < 400 ? "Success" : "Failure"},
               {"code", code}};
  if (!message.empty()) body["message"] = message;
  if (!reason.empty()) body["reason"] = reason;
  if (!details.is_null()) body["details"] = std::move(details);
  return body;
}

Refusal::Refusal(int code_in, Json body_in)
    : std::runtime_error(body_in.value("message", "refused")),
      code(code_in),
      body(std::move(body_in)) {}

Refusal NotFound(const Resource& resource, const std::string& name, const std::string& sub) {
  const std::string plural = sub.empty() ? resource.plural : resource.plural + "/" + sub;
  const std::string qualified = resource.group.empty() ? plural : plural + "." + resource.group;
  return {404, StatusBody(404, "NotFound", qualified + " \"" + name + "\" not found",
                          DetailsOf(resource, name, plural))};
}

Refusal NoSuchResource() {
  return {404, StatusBody(404, "NotFound", "the server could not find the requested resource",
                          Json::object())};
}

Refusal BadRequest(const std::string& message) {
  return {400, StatusBody(400, "BadRequest", message)};
}

Refusal Modified(const Resource& resource, const std::string& name) {
  return {409,
          StatusBody(409, "Conflict",
                     "Operation cannot be fulfilled on " + resource.Qualified() + " \"" + name +
                         "\": the object has been modified; please apply your changes to the "
                         "latest version and try again",
                     DetailsOf(resource, name, resource.plural))};
}

Refusal UidMismatch(const Resource& resource, const std::string& name, const std::string& wanted,
                    const std::string& actual) {
  return PreconditionFailed(resource, name,
                            "the UID in the precondition (" + wanted +
                                ") does not match the UID in record (" + actual +
                                "). The object might have been deleted and then recreated");
}

Refusal VersionMismatch(const Resource& resource, const std::string& name,
                        const std::string& wanted, const std::string& actual) {
  return PreconditionFailed(resource, name,
                            "the ResourceVersion in the precondition (" + wanted +
                                ") does not match the ResourceVersion in record (" + actual +
                                "). The object might have been modified");
}

Refusal AlreadyExists(const Resource& resource, const std::string& name) {
  return {409, StatusBody(409, "AlreadyExists",
                          resource.Qualified() + " \"" + name + "\" already exists",
                          DetailsOf(resource, name, resource.plural))};
}

Refusal Invalid(const std::string& kind, const std::string& group, const std::string& name,
                const std::vector<Cause>& causes) {
  std::string message =
      (group.empty() ? kind : kind + "." + group) + " \"" + name + "\" is invalid: ";
  Json list = Json::array();
  for (const Cause& cause : causes) {
    if (causes.size() > 1) message += list.empty() ? "[" : ", ";
    message += cause.field + ": " + cause.message;
    list.push_back({{"reason", cause.reason}, {"message", cause.message}, {"field", cause.field}});
  }
  if (causes.size() > 1) message += "]";
  Json details = {{"causes", std::move(list)}};
  if (!name.empty()) details["name"] = name;
  if (!group.empty()) details["group"] = group;
  if (!kind.empty()) details["kind"] = kind;
  return {422, StatusBody(422, "Invalid", message, std::move(details))};
}

Refusal RequestInvalid() {
  return {422, StatusBody(422, "Invalid",
                          "the server rejected our request due to an error in our request",
                          Json::object())};
}

Refusal Expired(const std::string& message, const std::string& fresh_continue) {
  Json body = StatusBody(410, "Expired", message);
  if (!fresh_continue.empty()) body["metadata"]["continue"] = fresh_continue;
  return {410, std::move(body)};
}

}  // namespace heald::fakes::kubernetes
