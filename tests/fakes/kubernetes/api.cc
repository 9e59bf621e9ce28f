#include "tests/fakes/kubernetes/api.h"

#include <algorithm>

#include "tests/fakes/kubernetes/managed_fields.h"
#include "tests/fakes/kubernetes/objects.h"
#include "tests/fakes/kubernetes/patches.h"
#include "tests/fakes/kubernetes/selectors.h"
#include "tests/fakes/kubernetes/validation.h"

namespace heald::fakes::kubernetes {
namespace {

FakeReply JsonReply(int status, const Json& body, const std::string& warning = {}) {
  FakeReply reply;
  reply.status = status;
  reply.headers = {{"Cache-Control", "no-cache, private"}, {"Content-Type", "application/json"}};
  if (!warning.empty()) reply.headers.emplace_back("Warning", warning);
  reply.body = body.dump() + "\n";
  return reply;
}

void CheckDryRun(const Request& request) {
  const std::string value = request.Query("dryRun");
  if (value.empty() || value == "All") return;
  const std::string kind = request.http.method == "PATCH"    ? "PatchOptions"
                           : request.http.method == "DELETE" ? "DeleteOptions"
                           : request.http.method == "PUT"    ? "UpdateOptions"
                                                             : "CreateOptions";
  throw Invalid(
      kind, "meta.k8s.io", "",
      {{"FieldValueNotSupported",
        "Unsupported value: []string{\"" + value + "\"}: supported values: \"All\"", "dryRun"}});
}

}  // namespace

Api::Api(Cluster& cluster, Access& access, std::string git_version)
    : cluster_(cluster), access_(access), git_version_(std::move(git_version)) {}

FakeReply Api::Reply(int status, const Json& body) const {
  return JsonReply(status, body);
}

FakeReply Api::Answer(const FakeRequest& http) {
  try {
    const Request request(http);
    const std::lock_guard lock(cluster_.mutex);
    const auto user = access_.UserOf(http.Header("authorization"));
    if (!user) return JsonReply(401, StatusBody(401, "Unauthorized", "Unauthorized"));
    FakeReply reply = Dispatch(request, *user);
    cluster_.changed.notify_all();
    return reply;
  } catch (const Refusal& refusal) {
    FakeReply reply = JsonReply(refusal.code, refusal.body);
    if (refusal.retry_after_s > 0)
      reply.headers.emplace_back("Retry-After", std::to_string(refusal.retry_after_s));
    return reply;
  } catch (const std::exception& e) {
    return JsonReply(
        500, StatusBody(500, "InternalError", std::string("Internal error occurred: ") + e.what()));
  }
}

FakeReply Api::Dispatch(const Request& request, const std::string& user) {
  if (!request.known) {
    if (auto found = Discover(request.http.path, git_version_)) return *found;
    return JsonReply(user == "admin" ? 404 : 403,
                     user == "admin"
                         ? NoSuchResource().body
                         : StatusBody(403, "Forbidden",
                                      "forbidden: User \"" + user + "\" cannot " +
                                          (request.http.method == "GET" ? "get" : request.Verb()) +
                                          " path \"" + request.http.path + "\"",
                                      Json::object()));
  }
  if (request.group == "authorization.k8s.io") return Review(request, user);
  const Attempt attempt = request.AsAttempt();
  if (!access_.Allowed(user, attempt)) return JsonReply(403, ForbiddenBody(user, attempt));
  const Resource* resource = request.resource;
  const bool events = request.group == "events.k8s.io" && request.version == "v1";
  if (resource == nullptr ||
      (!events && std::find(resource->versions.begin(), resource->versions.end(),
                            request.version) == resource->versions.end()))
    throw NoSuchResource();
  CheckDryRun(request);
  const std::string& method = request.http.method;
  if (request.sub == "eviction" && method == "POST") return Evict(request);
  if (request.sub == "scale" && resource->scale) return Scale(request);
  if (request.sub == "log") {
    Wanted(request);
    FakeReply reply;
    reply.headers = {{"Content-Type", "text/plain"}};
    return reply;
  }
  if (!request.sub.empty() && request.sub != "status") throw NoSuchResource();
  if (method == "GET" && request.Flag("watch")) return StartWatch(request);
  if (method == "GET") return request.name.empty() ? List(request) : Read(request);
  if (method == "POST" && request.name.empty()) return Create(request);
  if (method == "PUT" && !request.name.empty()) return Replace(request);
  if (method == "PATCH" && !request.name.empty()) return Patch(request);
  if (method == "DELETE") return request.name.empty() ? RemoveAll(request) : Remove(request);
  return JsonReply(405, StatusBody(405, "MethodNotAllowed",
                                   "the server does not allow this method on the requested "
                                   "resource",
                                   Json::object()));
}

Object Api::Wanted(const Request& request) const {
  const std::string space = request.resource->namespaced ? request.space : "";
  Object found = cluster_.store.Find(*request.resource, space, request.name);
  if (found == nullptr)
    throw NotFound(*request.resource, request.name, request.sub == "scale" ? "scale" : "");
  return found;
}

Json Api::Shown(const Request& request, const Json& object) const {
  if (request.http.Header("accept").find("as=PartialObjectMetadata") != std::string_view::npos)
    return {{"kind", "PartialObjectMetadata"},
            {"apiVersion", "meta.k8s.io/v1"},
            {"metadata", object["metadata"]}};
  return ToVersion(*request.resource, object, request.ApiVersion());
}

FakeReply Api::Read(const Request& request) {
  const Object found = Wanted(request);
  Race(*request.resource, *found);
  return Reply(200, Shown(request, *found));
}

std::string Api::NoteUnknownFields(const Request& request, const Json& sent) const {
  const auto unknown = UnknownFields(*request.resource, sent);
  const std::string mode = request.Query("fieldValidation");
  if (unknown.empty() || mode == "Ignore") return {};
  if (mode == "Strict") {
    std::string list;
    for (const std::string& field : unknown)
      list += (list.empty() ? "" : ", ") + ("unknown field \"" + field + "\"");
    throw Invalid(
        "", "", "",
        {{"FieldValueInvalid",
          "Invalid value: \"" + GoMap(sent) + "\": strict decoding error: " + list, "patch"}});
  }
  return "299 - \"unknown field \\\"" + unknown.front() + "\\\"\"";
}

Object Api::Write(const Request& request, const Object& old, Json changed, bool status_only) {
  const Resource& resource = *request.resource;
  if (!changed.is_object()) throw RequestInvalid();
  const std::string version = TextAt(changed, "/metadata/resourceVersion");
  if (!version.empty() && version != TextAt(*old, "/metadata/resourceVersion"))
    throw Modified(resource, NameOf(*old));
  if (status_only) {
    Json status = changed.value("status", Json::object());
    changed = *old;
    changed["status"] = std::move(status);
  } else if (resource.status && old->contains("status")) {
    changed["status"] = (*old)["status"];
  }
  Json& metadata = changed["metadata"];
  for (const char* field : {"name", "namespace", "uid", "creationTimestamp", "generation",
                            "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    if ((*old)["metadata"].contains(field))
      metadata[field] = (*old)["metadata"][field];
    else
      metadata.erase(field);
  }
  for (const std::string& field : UnknownFields(resource, changed))
    changed["spec"].erase(field.substr(field.find('.') + 1));
  CompleteAsServed(resource, changed);
  Validate(resource, changed, *old, request.ApiVersion());
  if (resource.generation && changed.value("spec", Json()) != old->value("spec", Json())) {
    metadata["generation"] = IntAt(*old, "/metadata/generation", 1) + 1;
    if (resource.kind == "DaemonSet")
      metadata["annotations"]["deprecated.daemonset.template.generation"] =
          std::to_string(IntAt(*old, "/metadata/generation", 1) + 1);
  }
  metadata["resourceVersion"] = (*old)["metadata"]["resourceVersion"];
  metadata.erase("managedFields");
  if ((*old)["metadata"].contains("managedFields"))
    metadata["managedFields"] = (*old)["metadata"]["managedFields"];
  NoteManager(*old, changed, request.Manager(), request.ApiVersion(), cluster_.Now(), request.sub);
  if (request.dry_run()) return std::make_shared<const Json>(std::move(changed));
  return cluster_.store.Put(resource, std::move(changed));
}

// From 1.34 on templates have no creationTimestamp: null.
void Api::CompleteAsServed(const Resource& resource, Json& object) const {
  constexpr int kWithoutNull = 34;
  Complete(resource, object);
  const std::string minor = git_version_.substr(git_version_.find('.') + 1);
  if (std::atoi(minor.c_str()) >= kWithoutNull &&
      object.contains("/spec/template/metadata"_json_pointer))
    object["spec"]["template"]["metadata"].erase("creationTimestamp");
}

FakeReply Api::Create(const Request& request) {
  const Resource& resource = *request.resource;
  Json object = ToStored(resource, request.Body(), request.ApiVersion());
  Json& metadata = object["metadata"];
  if (metadata.is_null()) metadata = Json::object();
  if (resource.namespaced) {
    if (const std::string space = NamespaceOf(object); !space.empty() && space != request.space)
      throw BadRequest(
          "the namespace of the provided object does not match the namespace sent on the request");
    metadata["namespace"] = request.space;
    static const Resource& kNamespace = *ResourceOfKind("Namespace");
    if (cluster_.store.Find(kNamespace, "", request.space) == nullptr)
      throw NotFound(kNamespace, request.space);
  }
  const std::string warning = NoteUnknownFields(request, object);
  if (!NameOf(object).empty() &&
      cluster_.store.Find(resource, resource.namespaced ? request.space : "", NameOf(object)))
    throw AlreadyExists(resource, NameOf(object));
  Mint(cluster_, resource, object);
  CompleteAsServed(resource, object);
  Begin(resource, object);
  Validate(resource, object, nullptr, request.ApiVersion());
  object["metadata"].erase("managedFields");
  NoteManager(nullptr, object, request.Manager(), request.ApiVersion(), cluster_.Now(), "");
  const Object made = request.dry_run() ? std::make_shared<const Json>(object)
                                        : cluster_.store.Put(resource, std::move(object));
  return JsonReply(201, Shown(request, *made), warning);
}

FakeReply Api::Replace(const Request& request) {
  const Object old = Wanted(request);
  Json sent = ToStored(*request.resource, request.Body(), request.ApiVersion());
  const std::string warning = NoteUnknownFields(request, sent);
  const std::string uid = UidOf(sent);
  if (!uid.empty() && uid != UidOf(*old))
    throw UidMismatch(*request.resource, request.name, uid, UidOf(*old));
  const Object made = Write(request, old, std::move(sent), request.sub == "status");
  return JsonReply(200, Shown(request, *made), warning);
}

FakeReply Api::Patch(const Request& request) {
  const std::string type(request.http.Header("content-type"));
  if (type.find("apply-patch") != std::string::npos && request.Query("fieldManager").empty())
    throw Invalid(
        "PatchOptions", "meta.k8s.io", "",
        {{"FieldValueRequired", "Required value: is required for apply patch", "fieldManager"}});
  const Object old = Wanted(request);
  const Json before = ToVersion(*request.resource, *old, request.ApiVersion());
  std::string warning;
  Json changed = ApplyPatch(before, type, request.http.body);
  if (type.find("json-patch") == std::string::npos) {
    const Json patch = request.Body();
    CheckPatchTypes(patch);
    warning = NoteUnknownFields(request, patch);
  }
  if (TextAt(changed, "/metadata/resourceVersion").empty() && changed.is_object())
    changed["metadata"]["resourceVersion"] = (*old)["metadata"]["resourceVersion"];
  const Object made =
      Write(request, old, ToStored(*request.resource, std::move(changed), request.ApiVersion()),
            request.sub == "status");
  return JsonReply(200, Shown(request, *made), warning);
}

FakeReply Api::Remove(const Request& request) {
  const Resource& resource = *request.resource;
  const Object old = Wanted(request);
  const Json options = request.Body();
  const std::string uid = TextAt(options, "/preconditions/uid");
  if (!uid.empty() && uid != UidOf(*old))
    throw UidMismatch(resource, request.name, uid, UidOf(*old));
  const std::string version = TextAt(options, "/preconditions/resourceVersion");
  const std::string actual = TextAt(*old, "/metadata/resourceVersion");
  if (!version.empty() && version != actual)
    throw VersionMismatch(resource, request.name, version, actual);
  const bool dry_run = request.dry_run() || options.value("dryRun", Json()) == Json({"All"});
  const std::string asked = request.Query("gracePeriodSeconds");
  const int64_t grace_s = IntAt(
      options, "/gracePeriodSeconds",
      asked.empty() ? IntAt(*old, "/spec/terminationGracePeriodSeconds", 30) : std::stoll(asked));
  if (resource.kind == "Namespace") {
    Json going = *old;
    going["metadata"]["deletionTimestamp"] = cluster_.Now();
    going["status"]["phase"] = "Terminating";
    return Reply(200, dry_run ? going : *cluster_.store.Put(resource, std::move(going)));
  }
  if (dry_run) {
    Json going = *old;
    if (resource.kind == "Pod" && grace_s > 0) {
      going["metadata"]["deletionTimestamp"] = Cluster::Time(cluster_.NowMs() + grace_s * 1000);
      going["metadata"]["deletionGracePeriodSeconds"] = grace_s;
    }
    return Reply(200, Shown(request, going));
  }
  const std::string policy = options.value("propagationPolicy", request.Query("propagationPolicy"));
  bool gone = false;
  const Json last = Delete(cluster_, resource, *old, grace_s, &gone);
  if (policy == "Orphan")
    for (const Resource& kind : Resources())
      for (const Object& object : cluster_.store.List(kind, NamespaceOf(*old)))
        if (ControllerOf(*object).value("uid", "") == UidOf(*old)) {
          Json freed = *object;
          freed["metadata"].erase("ownerReferences");
          cluster_.store.Put(kind, std::move(freed));
        }
  if (!gone || resource.kind == "Pod") return Reply(200, Shown(request, last));
  Json details = {{"name", request.name}, {"kind", resource.plural}, {"uid", UidOf(*old)}};
  if (!resource.group.empty()) details["group"] = resource.group;
  Json status = StatusBody(200, "", "", std::move(details));
  status.erase("code");
  return Reply(200, status);
}

FakeReply Api::RemoveAll(const Request& request) {
  const LabelSelector labels = LabelSelector::Parse(request.Query("labelSelector"));
  const FieldSelector fields =
      FieldSelector::Parse(*request.resource, request.Query("fieldSelector"));
  Json items = Json::array();
  for (const Object& object : cluster_.store.List(*request.resource, request.space)) {
    if (!labels.Matches(*object) || !fields.Matches(*object)) continue;
    bool gone = false;
    items.push_back(request.dry_run()
                        ? *object
                        : Delete(cluster_, *request.resource, *object,
                                 IntAt(*object, "/spec/terminationGracePeriodSeconds", 30), &gone));
  }
  return Reply(200, {{"kind", request.resource->kind + "List"},
                     {"apiVersion", request.ApiVersion()},
                     {"metadata", {{"resourceVersion", std::to_string(cluster_.store.version())}}},
                     {"items", std::move(items)}});
}

void Api::RaceReads(const std::string& kind, const std::string& space, const std::string& name,
                    int times) {
  racing_ = {kind, space, name, times};
}

void Api::Race(const Resource& resource, const Json& object) {
  if (racing_.times == 0 || racing_.kind != resource.kind || racing_.name != NameOf(object) ||
      racing_.space != NamespaceOf(object))
    return;
  Json changed = object;
  changed["metadata"]["annotations"]["example.com/another-writer"] =
      std::to_string(racing_.times--);
  cluster_.store.Put(resource, std::move(changed));
}

FakeReply Api::Review(const Request& request, const std::string& user) {
  if (user == "system:anonymous") return JsonReply(403, ForbiddenBody(user, request.AsAttempt()));
  Json review = request.Body();
  review["metadata"] = {{"creationTimestamp", nullptr}};
  if (request.plural == "selfsubjectrulesreviews") {
    const std::string space = TextAt(review, "/spec/namespace");
    review["spec"] = Json::object();
    review["status"] = {{"resourceRules", access_.RulesOf(user, space)},
                        {"nonResourceRules", Json::array()},
                        {"incomplete", false}};
    return Reply(201, review);
  }
  if (request.plural != "selfsubjectaccessreviews") throw NoSuchResource();
  NoteManager(nullptr, review, request.Manager(), request.ApiVersion(), cluster_.Now(), "");
  const Json asked = review.value("/spec/resourceAttributes"_json_pointer, Json::object());
  const std::string sub = asked.value("subresource", "");
  const auto why =
      access_.Allowed(user, {asked.value("verb", ""), asked.value("group", ""),
                             asked.value("resource", "") + (sub.empty() ? "" : "/" + sub),
                             asked.value("namespace", ""), asked.value("name", "")});
  review["status"] = {{"allowed", why.has_value()}};
  if (why && !why->empty()) review["status"]["reason"] = *why;
  return Reply(201, review);
}

}  // namespace heald::fakes::kubernetes
