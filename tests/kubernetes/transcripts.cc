#include "tests/kubernetes/transcripts.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

namespace heald::kubernetes_test {
namespace {

// Chance: what a scheduler, a clock or a random number decided, and the versions of a build.
bool ByChance(const std::string& key) {
  static const std::set<std::string> kKeys = {
      "resourceVersion", "uid", "nodeName", "podIP", "ip", "hostIP", "startedAt", "finishedAt",
      "continue", "time", "timeAdded", "gitCommit", "buildDate", "goVersion", "compiler",
      "serverAddress", "systemUUID", "nodeSelectorTerms",
      // Of that cluster alone: one more certificate in the token's volume, a note with times in it.
      "sources", "autoscaling.alpha.kubernetes.io/conditions", "disruptedPods"};
  if (kKeys.count(key) != 0) return true;
  const auto ends = [&](const std::string& with) {
    return key.size() >= with.size() &&
           key.compare(key.size() - with.size(), with.size(), with) == 0;
  };
  return ends("Time") || ends("Timestamp");
}

// For kubectl's command line alone; not kept.
bool LeftOut(const std::string& key) {
  return key == "shortNames" || key == "categories" || key == "storageVersionHash";
}

// The volume of the service account's token has a generated name.
std::string OneTokenVolume(const std::string& text) {
  static const std::regex kVolume("kube-api-access-[a-z0-9]{5}");
  return std::regex_replace(text, kVolume, "kube-api-access-x");
}

std::string HashOf(const Json& object) {
  const Json labels = object["metadata"].value("labels", Json::object());
  for (const char* key :
       {"pod-template-hash", "controller-revision-hash", "controller.kubernetes.io/hash"})
    if (labels.contains(key)) return labels[key].get<std::string>();
  return {};
}

std::string Token(const std::string& authorization) {
  const size_t open = authorization.find('<');
  return open == std::string::npos
             ? ""
             : authorization.substr(open + 1, authorization.find('>') - open - 1);
}

std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? "" : found->get<std::string>();
}

std::string TextOr(const Json& object, const char* key, const char* otherwise) {
  const std::string text = Text(object, key);
  return text.empty() ? Text(object, otherwise) : text;
}

// Items of a list are the same by name, or by the key that tells them apart.
const Json* Counterpart(const Json& item, size_t index, const Json& items) {
  if (item.is_object()) {
    const auto key_of = [](const Json& object) {
      if (object.contains("metadata")) return object["metadata"].value("name", "");
      for (const char* key : {"type", "name", "key", "mountPath"})
        if (object.contains(key)) return object[key].dump();
      return std::string();
    };
    const std::string key = key_of(item);
    if (!key.empty()) {
      for (const Json& other : items)
        if (other.is_object() && key_of(other) == key) return &other;
      return nullptr;
    }
  }
  return index < items.size() ? &items[index] : nullptr;
}

// A pod that was on its way out may be gone here already.
bool Leaving(const Json& item) {
  return item.is_object() && item.contains("metadata") &&
         item["metadata"].contains("deletionTimestamp");
}

// Who wrote: the clients of the recording must be noted as such; controllers' notes are not kept,
// nor are the trees of fields compared.
void CompareManagers(const Json& recorded, const Json& ours, const std::string& at,
                     std::vector<std::string>& out) {
  for (const Json& entry : recorded) {
    if (entry["operation"] != "Update" ||
        (entry["manager"] != "curl" && entry["manager"] != "agent"))
      continue;
    if (std::none_of(ours.begin(), ours.end(), [&](const Json& other) {
          return other["manager"] == entry["manager"] &&
                 other["apiVersion"] == entry["apiVersion"] && other["operation"] == "Update" &&
                 other["fieldsType"] == "FieldsV1" && other["fieldsV1"].is_object();
        }))
      out.push_back(at + ": doesn't name " + entry["manager"].dump());
  }
}

void Compare(const Json& recorded, const Json& ours, const std::string& at, Leniency leniency,
             std::vector<std::string>& out) {
  if (recorded.type() != ours.type() && !(recorded.is_number() && ours.is_number())) {
    out.push_back(at + ": is " + ours.dump() + ", was " + recorded.dump().substr(0, 200));
    return;
  }
  if (recorded.is_object()) {
    for (const auto& [key, value] : recorded.items()) {
      const std::string path = at + "/" + key;
      if ((leniency.status && key == "status") || LeftOut(key)) continue;
      if (key == "managedFields")
        CompareManagers(value, ours.value(key, Json::array()), path, out);
      else if (!ours.contains(key))
        out.push_back(path + ": is missing, was " + value.dump().substr(0, 200));
      else if (ByChance(key) && value.type() == ours[key].type())
        continue;
      else
        Compare(value, ours[key], path, leniency, out);
    }
    return;
  }
  if (recorded.is_array()) {
    for (size_t i = 0; i < recorded.size(); ++i) {
      const std::string path = at + "/" + std::to_string(i);
      if (const Json* other = Counterpart(recorded[i], i, ours))
        Compare(recorded[i], *other, path, leniency, out);
      else if (!leniency.items && !Leaving(recorded[i]))
        out.push_back(path + ": is missing, was " + recorded[i].dump().substr(0, 200));
    }
    return;
  }
  if (recorded != ours)
    out.push_back(at + ": is " + ours.dump().substr(0, 300) + ", was " +
                  recorded.dump().substr(0, 300));
}

}  // namespace

std::string SharedFolder() {
  const char* const named = std::getenv("HEALD_SHARED");  // NOLINT(concurrency-mt-unsafe)
  const std::string folder =
      named != nullptr ? named : std::string(HEALD_SOURCE_DIR) + "/../shared";
  return std::filesystem::exists(folder + "/transcripts/k8s") ? folder : "";
}

std::vector<Exchange> ReadTranscripts(const std::string& folder) {
  std::vector<std::vector<Exchange>> scenarios;
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".json") files.insert(entry.path().string());
  for (const std::string& file : files) {
    std::ifstream in(file);
    const Json scenario = Json::parse(in);
    std::vector<Exchange> exchanges;
    for (const Json& one : scenario["exchanges"]) {
      Exchange exchange;
      exchange.where = Text(scenario, "scenario") + " " + std::to_string(exchanges.size());
      exchange.note = Text(one, "note");
      exchange.method = Text(one, "method");
      exchange.path = Text(one, "path");
      exchange.query = Text(one, "query");
      exchange.body = Text(one, "request_body");
      exchange.content_type = Text(one["request_headers"], "Content-Type");
      exchange.accept = Text(one["request_headers"], "Accept");
      exchange.token = Token(Text(one["request_headers"], "Authorization"));
      exchange.status = one["status"];
      exchange.reply = Text(one, "response_body");
      for (const Json& header : one["response_headers"])
        if (header[0] == "Date") {
          std::tm parts{};
          strptime(header[1].get<std::string>().c_str(), "%a, %d %b %Y %H:%M:%S", &parts);
          exchange.at_s = timegm(&parts);
        }
      exchanges.push_back(std::move(exchange));
    }
    for (size_t i = 0; i + 1 < exchanges.size(); ++i)
      exchanges[i].poll = exchanges[i].note == "poll" && exchanges[i + 1].note == "poll";
    scenarios.push_back(std::move(exchanges));
  }
  std::stable_sort(scenarios.begin(), scenarios.end(),
                   [](const auto& a, const auto& b) { return a.front().at_s < b.front().at_s; });
  std::vector<Exchange> all;
  for (auto& exchanges : scenarios) all.insert(all.end(), exchanges.begin(), exchanges.end());
  return all;
}

void Names::Add(const std::string& recorded, const std::string& ours) {
  if (recorded.size() < 3 || ours.size() < 3) return;
  taken_.insert(ours);
  if (recorded != ours) names_.emplace(recorded, ours);
}

// Whether two items of a list may be the same object: of the same owner or labels, and of
// templates that aren't known to be different ones.
bool Names::MayBe(const Json& recorded, const Json& ours) const {
  if (recorded["metadata"].contains("deletionTimestamp") !=
          ours["metadata"].contains("deletionTimestamp") ||
      recorded.value("revision", 0) != ours.value("revision", 0))
    return false;
  const std::string hash = HashOf(recorded);
  if (hash.empty()) return false;
  const auto stem = [](const Json& object) {
    const std::string name = TextOr(object["metadata"], "generateName", "name");
    const std::string own = HashOf(object);
    return own.empty() || name.find(own) == std::string::npos ? name
                                                              : name.substr(0, name.find(own));
  };
  if (stem(recorded) != stem(ours)) return false;
  const auto known = names_.find(hash);
  return known != names_.end() ? known->second == HashOf(ours) : taken_.count(HashOf(ours)) == 0;
}

void Names::Learn(const Json& recorded, const Json& ours) {
  if (!recorded.is_object() || !ours.is_object()) return;
  LearnFromConditions(recorded, ours);
  if (recorded.contains("items") && ours.contains("items")) {
    std::set<std::string> taken;
    std::vector<const Json*> unknown;
    for (const Json& item : recorded["items"]) {
      const std::string name = Translate(item["metadata"].value("name", ""));
      const Json* same = nullptr;
      for (const Json& other : ours["items"])
        if (other["metadata"].value("name", "") == name) same = &other;
      if (same == nullptr) {
        unknown.push_back(&item);
        continue;
      }
      taken.insert(name);
      Learn(item, *same);
    }
    for (const Json* item : unknown)
      for (const Json& other : ours["items"]) {
        const std::string name = other["metadata"].value("name", "");
        if (taken.count(name) != 0 || !MayBe(*item, other)) continue;
        taken.insert(name);
        Learn(*item, other);
        break;
      }
  }
  for (const char* path :
       {"/metadata/uid", "/metadata/name", "/metadata/continue",
        "/metadata/labels/pod-template-hash", "/metadata/labels/controller-revision-hash",
        "/metadata/labels/controller.kubernetes.io~1hash", "/metadata/ownerReferences/0/uid",
        "/metadata/ownerReferences/0/name", "/status/currentRevision", "/status/updateRevision",
        "/details/name"}) {
    const Json::json_pointer at(path);
    if (recorded.contains(at) && ours.contains(at))
      Add(recorded.at(at).get<std::string>(), ours.at(at).get<std::string>());
  }
}

// A Deployment's conditions name its replica set before any list has shown it.
void Names::LearnFromConditions(const Json& recorded, const Json& ours) {
  static const std::regex kSet("ReplicaSet \"([^\"]+)-([^\"-]+)\"");
  const auto at = "/status/conditions"_json_pointer;
  if (!recorded.contains(at) || !ours.contains(at)) return;
  for (const Json& condition : recorded.at(at))
    for (const Json& other : ours.at(at)) {
      if (condition["type"] != other["type"] ||
          condition.value("reason", "") != other.value("reason", ""))
        continue;
      const std::string then = condition.value("message", "");
      const std::string now = other.value("message", "");
      std::smatch was;
      std::smatch is;
      if (!std::regex_search(then, was, kSet) || !std::regex_search(now, is, kSet)) continue;
      if (names_.count(was[2]) == 0 && taken_.count(is[2]) == 0) Add(was[2], is[2]);
    }
}

std::string Names::Translate(std::string text) const {
  // Longer names first: "web-6c8497dfd-nbpgt" before "web-6c8497dfd" before its hash.
  std::vector<const std::pair<const std::string, std::string>*> known;
  for (const auto& name : names_)
    if (text.find(name.first) != std::string::npos) known.push_back(&name);
  std::sort(known.begin(), known.end(),
            [](const auto* a, const auto* b) { return a->first.size() > b->first.size(); });
  for (const auto* name : known)
    for (size_t at = 0; (at = text.find(name->first, at)) != std::string::npos;
         at += name->second.size())
      text.replace(at, name->first.size(), name->second);
  return text;
}

Json Names::Translate(const Json& recorded) const {
  return Json::parse(Translate(recorded.dump()));
}

std::vector<std::string> Differences(const Json& recorded, const Json& ours, Leniency leniency) {
  std::vector<std::string> out;
  Compare(Json::parse(OneTokenVolume(recorded.dump())), Json::parse(OneTokenVolume(ours.dump())),
          "", leniency, out);
  return out;
}

}  // namespace heald::kubernetes_test
