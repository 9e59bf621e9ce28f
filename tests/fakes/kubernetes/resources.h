// What the test cluster knows: its kinds, their groups and versions, and the words that address
// them. Used by every part of the Kubernetes server.
// Thread rule: constant data, any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace heald::fakes::kubernetes {

using Json = nlohmann::json;

struct Resource {
  std::string group;                  // empty: the core
  std::vector<std::string> versions;  // the first is the one that is stored
  std::string plural;
  std::string kind;
  bool namespaced = true;
  bool generation = false;  // metadata.generation counts the changes of spec
  bool status = false;      // has /status, which is out of reach for plain writes
  bool scale = false;       // has /scale

  std::string Qualified() const;  // "deployments.apps", "pods"
  std::string QualifiedKind() const;
  std::string ApiVersion() const;
};

const std::vector<Resource>& Resources();
// nullptr: there is none.
const Resource* FindResource(const std::string& group, const std::string& plural);
const Resource* ResourceOfKind(const std::string& kind);

// The stored object as `version` of its kind shows it: an HPA as v1, an Event of events.k8s.io.
Json ToVersion(const Resource& stored, const Json& object, const std::string& api_version);
// The other way, for what a client sends.
Json ToStored(const Resource& stored, Json object, const std::string& api_version);

std::string NameOf(const Json& object);
std::string NamespaceOf(const Json& object);
std::string UidOf(const Json& object);
// The value at a path like "/spec/replicas", or the fallback where it is absent or null.
int64_t IntAt(const Json& object, const std::string& pointer, int64_t otherwise);
std::string TextAt(const Json& object, const std::string& pointer);
// The owner that controls the object, or null.
Json ControllerOf(const Json& object);

}  // namespace heald::fakes::kubernetes
