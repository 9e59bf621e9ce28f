// The Deployment controller: replica sets by template, rolling or recreating, revisions, progress.
#include <algorithm>

#include "tests/fakes/kubernetes/controllers.h"

namespace heald::fakes::kubernetes {
namespace {

constexpr const char* kRevision = "deployment.kubernetes.io/revision";
constexpr const char* kHash = "pod-template-hash";
constexpr const char* kComponent = "deployment-controller";

const Resource& DeploymentResource() {
  static const Resource& kDeployment = *ResourceOfKind("Deployment");
  return kDeployment;
}

int64_t RevisionOf(const Json& object) {
  const auto at = "/metadata/annotations"_json_pointer;
  if (!object.contains(at) || !object.at(at).contains(kRevision)) return 0;
  return std::stoll(object.at(at)[kRevision].get<std::string>());
}

bool SameTemplate(const Json& set, const Json& deployment) {
  Json own = set["spec"]["template"];
  own["metadata"]["labels"].erase(kHash);
  return own == deployment["spec"]["template"];
}

// One deployment and its sets, for one step.
class Rollout {
 public:
  Rollout(Cluster& cluster, const Json& deployment, std::vector<Object> sets)
      : cluster_(cluster), deployment_(deployment), sets_(std::move(sets)) {
    replicas_ = IntAt(deployment, "/spec/replicas", 1);
    const auto& strategy = deployment["spec"]["strategy"];
    recreate_ = strategy.value("type", "") == "Recreate";
    if (!recreate_) {
      const Json& rolling = strategy["rollingUpdate"];
      surge_ = Scaled(rolling["maxSurge"], replicas_, true, 1);
      unavailable_ = Scaled(rolling["maxUnavailable"], replicas_, false, 0);
      if (surge_ == 0 && unavailable_ == 0) unavailable_ = 1;
    }
    for (const Object& set : sets_) {
      latest_ = std::max(latest_, RevisionOf(*set));
      if (SameTemplate(*set, deployment)) current_ = set;
    }
  }

  void Step(Due& due) {
    const bool paused = deployment_["spec"].value("paused", false);
    if (!paused && current_ == nullptr && !(recreate_ && EmptyOldSets())) {
      MakeSet();
    } else if (current_ != nullptr && RevisionOf(*current_) < latest_) {
      Json raised = *current_;  // back to an older template: its set becomes the newest
      raised["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] =
          std::to_string(RevisionOf(*current_));
      raised["metadata"]["annotations"][kRevision] = std::to_string(++latest_);
      Replace(current_, std::move(raised));
    }
    if (!paused)
      recreate_ ? Recreate() : Roll();
    else if (current_ != nullptr)
      Resize(current_, replicas_);
    Report(due, paused);
    if (Complete()) TrimHistory();
  }

 private:
  static int64_t Spec(const Object& set) { return IntAt(*set, "/spec/replicas", 0); }
  static int64_t Status(const Object& set, const char* field) {
    return IntAt(*set, std::string("/status/") + field, 0);
  }
  int64_t Sum(const char* field) const {
    int64_t sum = 0;
    for (const Object& set : sets_) sum += Status(set, field);
    return sum;
  }
  int64_t SpecSum() const {
    int64_t sum = 0;
    for (const Object& set : sets_) sum += Spec(set);
    return sum;
  }

  void Replace(const Object& old, Json changed) {
    const bool current = old == current_;
    const Object written = cluster_.Put("ReplicaSet", std::move(changed));
    std::replace(sets_.begin(), sets_.end(), old, written);
    if (current) current_ = written;
  }

  bool Resize(const Object& set, int64_t to) {
    const int64_t from = Spec(set);
    if (from == to) return false;
    Json sized = *set;
    sized["spec"]["replicas"] = to;
    sized["metadata"]["generation"] = IntAt(sized, "/metadata/generation", 1) + 1;
    Annotate(sized);
    const std::string name = NameOf(*set);
    Replace(set, std::move(sized));
    RecordEvent(cluster_, DeploymentResource(), deployment_, "Normal", "ScalingReplicaSet",
                std::string("Scaled ") + (to > from ? "up" : "down") + " replica set " + name +
                    " to " + std::to_string(to) + (from > 0 ? " from " + std::to_string(from) : ""),
                kComponent);
    return true;
  }

  void Annotate(Json& set) const {
    Json& annotations = set["metadata"]["annotations"];
    annotations["deployment.kubernetes.io/desired-replicas"] = std::to_string(replicas_);
    annotations["deployment.kubernetes.io/max-replicas"] = std::to_string(replicas_ + surge_);
  }

  void MakeSet() {
    static const Resource& kSet = *ResourceOfKind("ReplicaSet");
    const std::string hash = Cluster::HashOf(deployment_["spec"]["template"]);
    Json set = {
        {"metadata",
         {{"name", NameOf(deployment_) + "-" + hash},
          {"namespace", NamespaceOf(deployment_)},
          {"ownerReferences", Json::array({OwnerReference(DeploymentResource(), deployment_)})}}},
        {"spec",
         {{"replicas", std::clamp<int64_t>(replicas_ + surge_ - SpecSum(), 0, replicas_)},
          {"selector", deployment_["spec"]["selector"]},
          {"template", deployment_["spec"]["template"]}}}};
    set["metadata"]["labels"] =
        deployment_["spec"]["template"]["metadata"].value("labels", Json::object());
    for (const char* labels :
         {"/metadata/labels", "/spec/selector/matchLabels", "/spec/template/metadata/labels"})
      set[Json::json_pointer(labels)][kHash] = hash;
    if (deployment_["spec"].contains("minReadySeconds"))
      set["spec"]["minReadySeconds"] = deployment_["spec"]["minReadySeconds"];
    Annotate(set);
    set["metadata"]["annotations"][kRevision] = std::to_string(++latest_);
    Mint(cluster_, kSet, set);
    kubernetes::Complete(kSet, set);
    Begin(kSet, set);
    current_ = cluster_.Put("ReplicaSet", std::move(set));
    sets_.push_back(current_);
    created_ = true;
    RecordEvent(
        cluster_, DeploymentResource(), deployment_, "Normal", "ScalingReplicaSet",
        "Scaled up replica set " + NameOf(*current_) + " to " + std::to_string(Spec(current_)),
        kComponent);
  }

  void Roll() {
    if (current_ == nullptr) return;
    const int64_t own = Spec(current_);
    int64_t wanted = own;
    if (own > replicas_) wanted = replicas_;
    if (own < replicas_)
      wanted = own + std::clamp<int64_t>(replicas_ + surge_ - SpecSum(), 0, replicas_ - own);
    if (Resize(current_, wanted)) return;
    const int64_t least = replicas_ - unavailable_;
    int64_t spare = SpecSum() - least - (Spec(current_) - Status(current_, "availableReplicas"));
    // Pods of old sets that don't serve go first; they cost no availability.
    for (const bool idle : {true, false}) {
      if (!idle) spare = std::min(spare, Sum("availableReplicas") - least);
      for (const Object& set : std::vector<Object>(sets_)) {
        if (set == current_ || Spec(set) == 0 || spare <= 0) continue;
        const int64_t out =
            std::min(spare, idle ? Spec(set) - Status(set, "availableReplicas") : Spec(set));
        if (out <= 0) continue;
        spare -= out;
        Resize(set, Spec(set) - out);
      }
    }
  }

  // True while pods of former templates are left.
  bool EmptyOldSets() {
    bool left = false;
    for (const Object& set : std::vector<Object>(sets_)) {
      if (set == current_) continue;
      left = left || Status(set, "replicas") > 0;
      left = Resize(set, 0) || left;
    }
    return left;
  }

  void Recreate() {
    if (!EmptyOldSets() && current_ != nullptr) Resize(current_, replicas_);
  }

  bool Complete() const {
    return current_ != nullptr && Status(current_, "replicas") == replicas_ &&
           Status(current_, "availableReplicas") == replicas_ && Sum("replicas") == replicas_;
  }

  void Report(Due& due, bool paused) {
    Json updated = deployment_;
    if (current_ != nullptr)
      updated["metadata"]["annotations"][kRevision] = std::to_string(RevisionOf(*current_));
    const int64_t available = Sum("availableReplicas");
    const Json before = deployment_.value("status", Json::object());
    Json status = {{"observedGeneration", IntAt(deployment_, "/metadata/generation", 1)}};
    const auto put = [&](const char* field, int64_t value) {
      if (value > 0) status[field] = value;
    };
    put("replicas", Sum("replicas"));
    put("updatedReplicas", current_ == nullptr ? 0 : Status(current_, "replicas"));
    put("readyReplicas", Sum("readyReplicas"));
    put("availableReplicas", available);
    put("unavailableReplicas", SpecSum() - available);
    if (before.contains("conditions")) status["conditions"] = before["conditions"];
    updated["status"] = std::move(status);
    const bool enough = available >= replicas_ - unavailable_;
    SetChanged(updated, "Available", enough ? "True" : "False",
               enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
               enough ? "Deployment has minimum availability."
                      : "Deployment does not have minimum availability.");
    Progress(updated, before, due, paused);
    cluster_.Put("Deployment", std::move(updated));
  }

  // Times move only when the status or the reason does, but for progress made.
  void SetChanged(Json& object, const char* type, const char* status, const std::string& reason,
                  const std::string& message, bool again = false) {
    const Json* old = FindCondition(object, type);
    if (old != nullptr && !again && (*old)["status"] == status && (*old)["reason"] == reason &&
        (*old)["message"] == message)
      return;
    SetCondition(object,
                 {{"type", type},
                  {"status", status},
                  {"lastUpdateTime", cluster_.Now()},
                  {"reason", reason},
                  {"message", message}},
                 cluster_.Now());
  }

  void Progress(Json& updated, const Json& before, Due& due, bool paused) {
    const Json* old = FindCondition(deployment_, "Progressing");
    if (paused) {
      SetChanged(updated, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
      return;
    }
    if (current_ == nullptr) return;
    const std::string set = "ReplicaSet \"" + NameOf(*current_) + "\"";
    if (Complete()) {
      SetChanged(updated, "Progressing", "True", "NewReplicaSetAvailable",
                 set + " has successfully progressed.");
      return;
    }
    const std::string reason = old == nullptr ? "" : (*old).value("reason", "");
    const auto grew = [&](const char* field) {
      return IntAt(updated["status"], std::string("/") + field, 0) >
             IntAt(before, std::string("/") + field, 0);
    };
    const auto old_pods = [](const Json& status) {
      return IntAt(status, "/replicas", 0) - IntAt(status, "/updatedReplicas", 0);
    };
    if (created_) {
      SetChanged(updated, "Progressing", "True", "NewReplicaSetCreated",
                 "Created new replica set \"" + NameOf(*current_) + "\"", true);
    } else if (grew("updatedReplicas") || grew("readyReplicas") || grew("availableReplicas") ||
               old_pods(updated["status"]) < old_pods(before) || reason.empty() ||
               reason == "DeploymentPaused") {
      SetChanged(updated, "Progressing", "True", "ReplicaSetUpdated", set + " is progressing.",
                 true);
    } else if (reason == "NewReplicaSetAvailable") {
      return;  // done before; a pod that fails later is not a rollout that does
    } else if (deployment_["spec"].contains("progressDeadlineSeconds")) {
      const int64_t at_ms = Cluster::ParseMs(old->value("lastUpdateTime", "")) +
                            IntAt(deployment_, "/spec/progressDeadlineSeconds", 600) * 1000;
      if (reason != "ProgressDeadlineExceeded" && cluster_.NowMs() < at_ms)
        NoteDue(due, at_ms);
      else
        SetChanged(updated, "Progressing", "False", "ProgressDeadlineExceeded",
                   set + " has timed out progressing.");
    }
  }

  void TrimHistory() {
    std::vector<Object> old;
    for (const Object& set : sets_)
      if (set != current_ && Spec(set) == 0 && Status(set, "replicas") == 0) old.push_back(set);
    std::sort(old.begin(), old.end(),
              [](const Object& a, const Object& b) { return RevisionOf(*a) < RevisionOf(*b); });
    const int64_t limit = IntAt(deployment_, "/spec/revisionHistoryLimit", 10);
    for (size_t i = 0; static_cast<int64_t>(old.size() - i) > limit; ++i)
      cluster_.store.Remove(*ResourceOfKind("ReplicaSet"), *old[i]);
  }

  Cluster& cluster_;
  const Json& deployment_;
  std::vector<Object> sets_;
  Object current_;
  int64_t replicas_ = 0;
  int64_t surge_ = 0;
  int64_t unavailable_ = 0;
  int64_t latest_ = 0;
  bool recreate_ = false;
  bool created_ = false;
};

}  // namespace

void SweepDeployments(Cluster& cluster, Due& due) {
  const Owned sets = OwnedBy(cluster, "ReplicaSet");
  for (const Object& deployment : cluster.List("Deployment")) {
    const auto own = sets.find(UidOf(*deployment));
    Rollout(cluster, *deployment, own == sets.end() ? std::vector<Object>() : own->second)
        .Step(due);
  }
}

}  // namespace heald::fakes::kubernetes
