#include "tests/fakes/kubernetes/patches.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "tests/fakes/kubernetes/status.h"

namespace heald::fakes::kubernetes {
namespace {

// The field by which the items of a list are told apart; empty: the list is replaced as a whole.
std::string MergeKey(const std::string& field, const Json& items) {
  static const std::map<std::string_view, const char*> kKeys = {
      {"containers", "name"},
      {"initContainers", "name"},
      {"ephemeralContainers", "name"},
      {"volumes", "name"},
      {"env", "name"},
      {"imagePullSecrets", "name"},
      {"volumeMounts", "mountPath"},
      {"volumeDevices", "devicePath"},
      {"taints", "key"},
      {"conditions", "type"},
      {"ownerReferences", "uid"},
      {"hostAliases", "ip"},
      {"topologySpreadConstraints", "topologyKey"},
      {"addresses", "type"}};
  if (field == "ports")
    return !items.empty() && items[0].is_object() && items[0].contains("containerPort")
               ? "containerPort"
               : "port";
  const auto found = kKeys.find(field);
  return found == kKeys.end() ? "" : found->second;
}

bool Directive(const std::string& key) {
  return key.rfind('$', 0) == 0;
}

Json WithoutDirectives(const Json& value) {
  if (value.is_array()) {
    Json items = Json::array();
    for (const Json& item : value) items.push_back(WithoutDirectives(item));
    return items;
  }
  if (!value.is_object()) return value;
  Json clean = Json::object();
  for (const auto& [key, member] : value.items())
    if (!Directive(key) && !member.is_null()) clean[key] = WithoutDirectives(member);
  return clean;
}

Json MergeList(const Json& list, const Json& patch, const std::string& key) {
  for (const Json& item : patch)
    if (item.is_object() && item.value("$patch", "") == "replace") {
      Json whole = Json::array();
      for (const Json& other : patch)
        if (!other.contains("$patch")) whole.push_back(WithoutDirectives(other));
      return whole;
    }
  Json merged = list.is_array() ? list : Json::array();
  for (const Json& item : patch) {
    if (!item.is_object() || !item.contains(key)) throw RequestInvalid();
    const auto same = std::find_if(merged.begin(), merged.end(), [&](const Json& other) {
      return other.is_object() && other.contains(key) && other[key] == item[key];
    });
    if (item.value("$patch", "") == "delete") {
      if (same != merged.end()) merged.erase(same);
    } else if (same != merged.end()) {
      *same = StrategicMerge(*same, item);
    } else {
      merged.push_back(WithoutDirectives(item));
    }
  }
  return merged;
}

Json RemoveFrom(const Json& list, const Json& gone) {
  Json left = Json::array();
  for (const Json& item : list)
    if (std::find(gone.begin(), gone.end(), item) == gone.end()) left.push_back(item);
  return left;
}

Json Parse(const std::string& body) {
  try {
    return Json::parse(body);
  } catch (const Json::exception&) {
    throw BadRequest("unexpected end of JSON input");
  }
}

Json JsonPatch(const Json& object, const std::string& body) {
  try {
    return object.patch(Parse(body));
  } catch (const Json::exception&) {
    throw RequestInvalid();  // an absent path and a failing test look the same
  }
}

}  // namespace

Json StrategicMerge(const Json& object, const Json& patch) {
  if (!patch.is_object()) return patch;
  if (patch.value("$patch", "") == "replace") return WithoutDirectives(patch);
  if (patch.value("$patch", "") == "delete") return Json::object();
  Json merged = object.is_object() ? object : Json::object();
  for (const auto& [key, value] : patch.items()) {
    static const std::string kDelete = "$deleteFromPrimitiveList/";
    if (key.rfind(kDelete, 0) == 0) {
      const std::string field = key.substr(kDelete.size());
      if (merged.contains(field)) merged[field] = RemoveFrom(merged[field], value);
    } else if (Directive(key)) {
      continue;
    } else if (value.is_null()) {
      merged.erase(key);
    } else if (value.is_object()) {
      merged[key] = StrategicMerge(merged.value(key, Json()), value);
    } else if (value.is_array() && !MergeKey(key, value).empty()) {
      merged[key] = MergeList(merged.value(key, Json()), value, MergeKey(key, value));
    } else if (value.is_array() && key == "finalizers") {
      Json set = merged.value(key, Json::array());
      for (const Json& item : value)
        if (std::find(set.begin(), set.end(), item) == set.end()) set.push_back(item);
      merged[key] = std::move(set);
    } else {
      merged[key] = WithoutDirectives(value);
    }
  }
  return merged;
}

Json ApplyPatch(const Json& object, const std::string& content_type, const std::string& body) {
  const std::string type = content_type.substr(0, content_type.find(';'));
  if (type == "application/json-patch+json") return JsonPatch(object, body);
  if (type == "application/merge-patch+json") {
    Json merged = object;
    merged.merge_patch(Parse(body));
    return merged;
  }
  if (type == "application/strategic-merge-patch+json" || type == "application/apply-patch+yaml")
    return StrategicMerge(object, Parse(body));
  throw Refusal(
      415, StatusBody(415, "UnsupportedMediaType", "415: Unsupported Media Type", Json::object()));
}

}  // namespace heald::fakes::kubernetes
