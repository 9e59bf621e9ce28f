#include "tests/fakes/kubernetes/managed_fields.h"

#include <algorithm>
#include <set>

namespace heald::fakes::kubernetes {
namespace {

// The tree of what differs, as FieldsV1 writes it: {"f:spec": {"f:replicas": {}}}.
Json Changed(const Json& old, const Json& now) {
  Json fields = Json::object();
  for (const auto& [key, value] : now.items()) {
    const Json before = old.is_object() && old.contains(key) ? old[key] : Json();
    if (value.is_null() || value == before) continue;
    fields["f:" + key] =
        value.is_object() && !value.empty() ? Changed(before, value) : Json::object();
  }
  return fields;
}

// Only what a client can say: neither the object's identity nor what the server keeps.
Json Content(const Json& object, const std::string& sub) {
  if (object.is_null()) return Json::object();
  static const std::set<std::string> kSaid = {"labels", "annotations", "finalizers",
                                              "ownerReferences"};
  Json content = Json::object();
  for (const auto& [key, value] : object.items())
    if (key != "kind" && key != "apiVersion" && key != "metadata" &&
        (key == "status") == (sub == "status"))
      content[key] = value;
  if (sub.empty())
    for (const auto& [key, value] : object["metadata"].items())
      if (kSaid.count(key) != 0) content["metadata"][key] = value;
  return content;
}

// What is another one's now, or away.
void Take(const Json& changed, Json& fields) {
  for (const auto& [key, below] : changed.items()) {
    const auto at = fields.find(key);
    if (at == fields.end()) continue;
    if (!below.empty()) Take(below, *at);
    if (at->empty() || below.empty()) fields.erase(key);
  }
}

}  // namespace

void NoteManager(const Json& old, Json& object, const std::string& manager,
                 const std::string& api_version, const std::string& now, const std::string& sub) {
  const Json before = Content(old, sub);
  const Json after = Content(object, sub);
  Json fields = Changed(before, after);
  Json& entries = object["metadata"]["managedFields"];
  if (!entries.is_array()) entries = Json::array();
  for (Json& entry : entries) {
    if (entry.value("subresource", "") != sub) continue;
    Take(Changed(after, before), entry["fieldsV1"]);
    Take(fields, entry["fieldsV1"]);
  }
  std::erase_if(entries.get_ref<Json::array_t&>(),
                [](const Json& entry) { return entry["fieldsV1"].empty(); });
  if (fields.empty()) return;
  const auto own = std::find_if(entries.begin(), entries.end(), [&](const Json& entry) {
    return entry["manager"] == manager && entry["apiVersion"] == api_version &&
           entry.value("subresource", "") == sub;
  });
  if (own != entries.end()) {
    (*own)["time"] = now;
    (*own)["fieldsV1"].merge_patch(fields);
    return;
  }
  Json entry = {{"manager", manager}, {"operation", "Update"},    {"apiVersion", api_version},
                {"time", now},        {"fieldsType", "FieldsV1"}, {"fieldsV1", std::move(fields)}};
  if (!sub.empty()) entry["subresource"] = sub;
  entries.push_back(std::move(entry));
}

}  // namespace heald::fakes::kubernetes
