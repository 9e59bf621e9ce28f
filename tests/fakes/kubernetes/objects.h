// How objects of the test cluster are made and unmade: the defaults an API server fills in, pods
// from templates, deletion with its grace, events. Used by the API and by the controllers.
// Thread rule: the cluster's lock is held.
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/kubernetes/cluster.h"

namespace heald::fakes::kubernetes {

// Fills in what the kind's defaults say; harmless when done again.
void Complete(const Resource& resource, Json& object);
// What a new object begins with: its first status, a namespace's label…
void Begin(const Resource& resource, Json& object);

// metadata of something new: uid, creationTimestamp, a generated name.
void Mint(Cluster& cluster, const Resource& resource, Json& object);

Json OwnerReference(const Resource& resource, const Json& owner);
// A pod of the template; `name` empty: generated from the owner's.
Json PodOf(Cluster& cluster, const Json& pod_template, const Resource& resource, const Json& owner,
           const std::string& name = {});
// A template as ControllerRevisions keep it.
Json RevisionData(const Json& pod_template);

// As DELETE does: a pod on a node goes after its grace, everything else at once. The object as it
// is then; `gone` says whether it has left the store.
Json Delete(Cluster& cluster, const Resource& resource, const Json& object, int64_t grace_s,
            bool* gone);

void RecordEvent(Cluster& cluster, const Resource& resource, const Json& involved,
                 const std::string& type, const std::string& reason, const std::string& message,
                 const std::string& component);

// A status condition of that type, as a pointer into the array, or null.
const Json* FindCondition(const Json& object, const std::string& type);
bool PodReady(const Json& pod);
bool PodActive(const Json& pod);  // neither ended nor on its way out
// "25%" or 1, of `total`.
int64_t Scaled(const Json& value, int64_t total, bool round_up, int64_t otherwise);

}  // namespace heald::fakes::kubernetes
