#include "tests/fakes/kubernetes/validation.h"

#include <map>
#include <regex>
#include <set>

#include "tests/fakes/kubernetes/selectors.h"

namespace heald::fakes::kubernetes {
namespace {

constexpr const char* kInvalid = "FieldValueInvalid";
constexpr const char* kRequired = "FieldValueRequired";

Cause NotNegative(int64_t value, const std::string& field) {
  return {kInvalid,
          "Invalid value: " + std::to_string(value) + ": must be greater than or equal to 0",
          field};
}

std::string GoLabels(const Json& labels) {
  std::string text = "map[string]string{";
  for (const auto& [key, value] : labels.items()) {
    if (text.back() != '{') text += ", ";
    text += "\"" + key + "\":\"" + value.get<std::string>() + "\"";
  }
  return text + "}";
}

void CheckPodSpec(const Json& spec, const std::string& at, std::vector<Cause>& causes) {
  const Json containers = spec.value("containers", Json::array());
  if (containers.empty()) causes.push_back({kRequired, "Required value", at + ".containers"});
  for (size_t i = 0; i < containers.size(); ++i)
    for (const char* field : {"name", "image"})
      if (containers[i].value(field, "").empty())
        causes.push_back(
            {kRequired, "Required value", at + ".containers[" + std::to_string(i) + "]." + field});
}

void CheckWorkload(const Json& object, const Json& old, std::vector<Cause>& causes) {
  const Json& spec = object["spec"];
  if (const int64_t replicas = IntAt(object, "/spec/replicas", 0); replicas < 0)
    causes.push_back(NotNegative(replicas, "spec.replicas"));
  const Json selector = spec.value("selector", Json());
  const Json labels = spec.value("/template/metadata/labels"_json_pointer, Json::object());
  if (selector.is_null()) {
    causes.push_back({kRequired, "Required value", "spec.selector"});
  } else if (!LabelSelector::Of(selector).MatchesLabels(labels)) {
    causes.push_back(
        {kInvalid,
         "Invalid value: " + GoLabels(labels) + ": `selector` does not match template `labels`",
         "spec.template.metadata.labels"});
  }
  if (!old.is_null() && old["spec"].value("selector", Json()) != selector)
    causes.push_back({kInvalid,
                      "Invalid value: v1.LabelSelector{MatchLabels:" +
                          GoLabels(selector.value("matchLabels", Json::object())) +
                          ", MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is "
                          "immutable",
                      "spec.selector"});
  CheckPodSpec(spec.value("template", Json::object()).value("spec", Json::object()),
               "spec.template.spec", causes);
}

void CheckAutoscaler(const Json& object, std::vector<Cause>& causes) {
  const int64_t most = IntAt(object, "/spec/maxReplicas", 0);
  const int64_t least = IntAt(object, "/spec/minReplicas", 1);
  if (least < 1)
    causes.push_back(
        {kInvalid,
         "Invalid value: " + std::to_string(least) + ": must be greater than or equal to 1",
         "spec.minReplicas"});
  if (most < 1)
    causes.push_back({kInvalid,
                      "Invalid value: " + std::to_string(most) + ": must be greater than 0",
                      "spec.maxReplicas"});
  else if (most < least)
    causes.push_back({kInvalid,
                      "Invalid value: " + std::to_string(most) +
                          ": must be greater than or equal to `minReplicas`",
                      "spec.maxReplicas"});
}

void CheckEvent(const Json& object, std::vector<Cause>& causes) {
  static const std::string kSubdomain =
      R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)";
  std::string prefix = object["metadata"].value("generateName", "");
  // As in names that will be completed: a hyphen at the end is taken for a letter.
  const std::string whole =
      !prefix.empty() && prefix.back() == '-' ? prefix.substr(0, prefix.size() - 1) + "a" : prefix;
  if (!prefix.empty() && !std::regex_match(whole, std::regex(kSubdomain)))
    causes.push_back({kInvalid,
                      "Invalid value: \"" + prefix +
                          "\": a lowercase RFC 1123 subdomain must consist of lower case "
                          "alphanumeric characters, '-' or '.', and must start and end with an "
                          "alphanumeric character (e.g. 'example.com', regex used for validation "
                          "is '" +
                          kSubdomain + "')",
                      "metadata.generateName"});
  if (object.value("eventTime", Json()).is_null())
    causes.push_back({kRequired, "Required value", "eventTime"});
  const std::string type = object.value("type", "");
  if (type != "Normal" && type != "Warning")
    causes.push_back({kInvalid, "Invalid value: \"\": has invalid value: " + type, "type"});
}

void CheckLeaseTimes(const Json& object) {
  for (const char* field : {"acquireTime", "renewTime"}) {
    const std::string time = TextAt(object, std::string("/spec/") + field);
    if (time.empty() || time.find('.') != std::string::npos) continue;
    throw BadRequest("Lease in version \"v1\" cannot be handled as a Lease: parsing time \"" +
                     time +
                     "\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as "
                     "\".000000\"");
  }
}

const std::set<std::string>* SpecFields(const std::string& kind) {
  static const std::map<std::string, std::set<std::string>> kFields = {
      {"Deployment",
       {"minReadySeconds", "paused", "progressDeadlineSeconds", "replicas", "revisionHistoryLimit",
        "selector", "strategy", "template"}},
      {"StatefulSet",
       {"minReadySeconds", "ordinals", "persistentVolumeClaimRetentionPolicy",
        "podManagementPolicy", "replicas", "revisionHistoryLimit", "selector", "serviceName",
        "template", "updateStrategy", "volumeClaimTemplates"}},
      {"DaemonSet",
       {"minReadySeconds", "revisionHistoryLimit", "selector", "template", "updateStrategy"}},
      {"ReplicaSet", {"minReadySeconds", "replicas", "selector", "template"}},
      {"HorizontalPodAutoscaler",
       {"behavior", "maxReplicas", "metrics", "minReplicas", "scaleTargetRef",
        "targetCPUUtilizationPercentage"}},
      {"PodDisruptionBudget",
       {"maxUnavailable", "minAvailable", "selector", "unhealthyPodEvictionPolicy"}},
      {"Node",
       {"configSource", "externalID", "podCIDR", "podCIDRs", "providerID", "taints",
        "unschedulable"}},
      {"Scale", {"replicas"}},
      {"Lease",
       {"acquireTime", "holderIdentity", "leaseDurationSeconds", "leaseTransitions", "renewTime"}}};
  const auto found = kFields.find(kind);
  return found == kFields.end() ? nullptr : &found->second;
}

}  // namespace

void Validate(const Resource& resource, const Json& object, const Json& old,
              const std::string& api_version) {
  std::vector<Cause> causes;
  const std::string& kind = resource.kind;
  if (kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet" || kind == "ReplicaSet")
    CheckWorkload(object, old, causes);
  if (kind == "Pod" && old.is_null())
    CheckPodSpec(object.value("spec", Json::object()), "spec", causes);
  if (kind == "HorizontalPodAutoscaler") CheckAutoscaler(object, causes);
  if (kind == "Lease") CheckLeaseTimes(object);
  if (kind == "Event" && api_version != "v1") CheckEvent(object, causes);
  if (kind == "PodDisruptionBudget" && object["spec"].contains("minAvailable") &&
      object["spec"].contains("maxUnavailable"))
    causes.push_back(
        {kInvalid, "Invalid value: minAvailable and maxUnavailable cannot be both set", "spec"});
  if (causes.empty()) return;
  // Core events name no group, though they are reached by one.
  throw Invalid(kind, resource.group, NameOf(object), causes);
}

std::vector<std::string> UnknownFields(const Resource& resource, const Json& object) {
  std::vector<std::string> unknown;
  const std::set<std::string>* known = SpecFields(resource.kind);
  if (known == nullptr || !object.is_object() || !object.contains("spec") ||
      !object["spec"].is_object())
    return unknown;
  for (const auto& [key, value] : object["spec"].items())
    if (known->count(key) == 0 && key.rfind('$', 0) != 0) unknown.push_back("spec." + key);
  return unknown;
}

std::string GoMap(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_array()) {
    std::string text = "[";
    for (const Json& item : value) text += (text.size() > 1 ? " " : "") + GoMap(item);
    return text + "]";
  }
  if (!value.is_object()) return value.is_null() ? "<nil>" : value.dump();
  std::string text = "map[";
  for (const auto& [key, member] : value.items())
    text += (text.size() > 4 ? " " : "") + key + ":" + GoMap(member);
  return text + "]";
}

void CheckPatchTypes(const Json& patch) {
  const auto refuse = [&](const char* type) {
    throw Invalid("", "", "",
                  {{kInvalid, "Invalid value: \"" + GoMap(patch) + "\": unrecognized type: " + type,
                    "patch"}});
  };
  if (!patch.is_object() || !patch.contains("spec") || !patch["spec"].is_object()) return;
  const Json& spec = patch["spec"];
  for (const char* field : {"replicas", "minReplicas", "maxReplicas", "progressDeadlineSeconds",
                            "revisionHistoryLimit", "minReadySeconds"})
    if (spec.contains(field) && !spec[field].is_number_integer() && !spec[field].is_null())
      refuse("int32");
  for (const char* field : {"paused", "unschedulable", "suspend"})
    if (spec.contains(field) && !spec[field].is_boolean() && !spec[field].is_null()) refuse("bool");
}

}  // namespace heald::fakes::kubernetes
