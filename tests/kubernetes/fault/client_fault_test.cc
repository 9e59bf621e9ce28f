// The client against an API server that is away, slow, throttles, breaks off or forgets.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>

#include "plugins/support/kubernetes/client.h"
#include "plugins/support/kubernetes/watch.h"
#include "tests/kubernetes/test_cluster.h"

namespace heald::kubernetes_test {
namespace {

using fakes::KubernetesFault;
using fakes::KubernetesServer;
using kubernetes::ApiError;
using kubernetes::kDeployments;
using kubernetes::kPods;
using kubernetes::PatchType;
using std::chrono::milliseconds;

// These run on the test server alone: a real one can't be told to fail.
class KubernetesFaultTest : public testing::Test {
 protected:
  void SetUp() override {
    if (cluster_.real()) GTEST_SKIP() << "faults need the test server: unset HEALD_TEST_KUBECONFIG";
    server_ = cluster_.server();
    cluster_.Apply(kDeployments, "web", 3);
    ASSERT_TRUE(cluster_.WaitRolledOut(kDeployments, "web"));
  }

  Json Web() { return *server_->Get("Deployment", cluster_.space(), "web"); }
  kubernetes::Client& client() { return cluster_.client(); }
  kubernetes::Ref WebRef() const { return cluster_.Ref(kDeployments, "web"); }
  std::string WebPath() const { return WebRef().Path(); }

  TestCluster cluster_;
  KubernetesServer* server_ = nullptr;
};

// What a watch tells, kept as its reader would.
class Mirror {
 public:
  explicit Mirror(TestCluster& cluster)
      : watch_(kubernetes::Cluster(cluster.client().cluster()), cluster.Ref(kPods),
               {.window_ns = 600'000'000'000,
                .first_pause_ns = 50'000'000,
                .most_pause_ns = 200'000'000},
               {.listing =
                    [this] {
                      const std::lock_guard lock(mutex_);
                      names_.clear();
                    },
                .object = [this](kubernetes::Change change,
                                 Json& pod) { Take(change, TextAt(pod, "/metadata/name")); }}) {
    watch_.Start();
  }

  bool Is(const std::vector<Json>& pods) const {
    std::set<std::string> names;
    for (const Json& pod : pods) names.insert(TextAt(pod, "/metadata/name"));
    const std::lock_guard lock(mutex_);
    return names_ == names;
  }
  const kubernetes::Watch& watch() const { return watch_; }

 private:
  void Take(kubernetes::Change change, const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (change == kubernetes::Change::kDeleted)
      names_.erase(name);
    else
      names_.insert(name);
  }

  mutable std::mutex mutex_;
  std::set<std::string> names_;
  kubernetes::Watch watch_;
};

TEST_F(KubernetesFaultTest, AThrottledCallIsSentAgainAfterTheTimeTheServerNames) {
  KubernetesFault fault;
  fault.match = "GET " + WebPath();
  fault.status = 429;
  fault.retry_after_s = 1;
  server_->Fail(fault);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(NumberAt(client().Get(WebRef()), "/spec/replicas"), 3);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, milliseconds(950));
}

TEST_F(KubernetesFaultTest, AServerThatIsOverloadedForAMomentIsAskedAgain) {
  for (const int status : {429, 503}) {
    KubernetesFault fault;
    fault.match = "PATCH " + WebPath();
    fault.status = status;
    fault.times = 2;
    server_->Fail(fault);
    const Json patched = client().Patch(WebRef(), PatchType::kStrategic,
                                        {{"spec", {{"minReadySeconds", status - 429}}}});
    EXPECT_EQ(NumberAt(patched, "/spec/minReadySeconds"), status - 429);
  }
}

TEST_F(KubernetesFaultTest, APatchWhoseAnswerIsLostIsDoneOnce) {
  KubernetesFault fault;
  fault.match = "PATCH " + WebPath();
  fault.lose_answer = true;
  server_->Fail(fault);
  const int64_t before = NumberAt(Web(), "/metadata/generation");
  client().Patch(
      WebRef(), PatchType::kStrategic,
      {{"spec",
        {{"template",
          {{"metadata", {{"annotations", {{"kubectl.kubernetes.io/restartedAt", "x"}}}}}}}}}});
  EXPECT_EQ(NumberAt(Web(), "/metadata/generation"), before + 1);
}

TEST_F(KubernetesFaultTest, AnEvictionWhoseAnswerIsLostTakesNoSecondPod) {
  KubernetesFault fault;
  fault.match = "/eviction";
  fault.lose_answer = true;
  server_->Fail(fault);
  const std::vector<Json> pods = cluster_.Pods("web");
  try {
    client().Evict(cluster_.Ref(kPods, TextAt(pods[0], "/metadata/name")),
                   {.uid = TextAt(pods[0], "/metadata/uid")});
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.NotFound() || error.Conflict()) << error.what();
  }
  std::set<std::string> left;
  for (const Json& pod : cluster_.Pods("web"))
    if (!pod["metadata"].contains("deletionTimestamp")) left.insert(TextAt(pod, "/metadata/uid"));
  EXPECT_EQ(left.count(TextAt(pods[0], "/metadata/uid")), 0U);
  EXPECT_EQ(left.count(TextAt(pods[1], "/metadata/uid")), 1U);
  EXPECT_EQ(left.count(TextAt(pods[2], "/metadata/uid")), 1U);
}

TEST_F(KubernetesFaultTest, AListThatBreaksOffIsNotTakenForAShortOne) {
  KubernetesFault fault;
  fault.match = "/pods?";
  fault.cut_after_bytes = 3000;
  fault.times = 1;
  server_->Fail(fault);
  try {
    EXPECT_EQ(client().List(cluster_.Ref(kPods)).size(), 3U);
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.Unreachable()) << error.what();
  }
  EXPECT_EQ(client().List(cluster_.Ref(kPods)).size(), 3U);
}

TEST_F(KubernetesFaultTest, SlowBytesAreWaitedForWithinTheTimeLimit) {
  KubernetesFault fault;
  fault.match = "GET " + WebPath();
  fault.chunk_bytes = 256;
  fault.pause = milliseconds(10);
  server_->Fail(fault);
  EXPECT_EQ(NumberAt(client().Get(WebRef()), "/spec/replicas"), 3);
  fault.pause = milliseconds(500);
  server_->Fail(fault);
  client().SetTimeout(700'000'000);
  try {
    client().Get(WebRef());
    ADD_FAILURE() << "took longer than it may";
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.Unreachable()) << error.what();
  }
}

TEST_F(KubernetesFaultTest, AContinueTokenThatExpiredIsToldAsGone) {
  size_t seen = 0;
  try {
    client().ForEach(cluster_.Ref(kPods), {.page_size = 1}, [&](Json&&) {
      if (++seen == 1) server_->ExpireContinues();
    });
    ADD_FAILURE() << "listed " << seen << " pods past an expired token";
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.Gone()) << error.what();
  }
}

TEST_F(KubernetesFaultTest, AnEditThatRacesWithAnotherWriterIsMadeAnew) {
  server_->RaceReads("Deployment", cluster_.space(), "web", 2);
  int made = 0;
  client().Edit(WebRef(), PatchType::kMerge, [&](const Json& web) {
    ++made;
    return Json{{"spec", {{"replicas", NumberAt(web, "/spec/replicas") + 1}}}};
  });
  EXPECT_EQ(made, 3);
  EXPECT_EQ(NumberAt(Web(), "/spec/replicas"), 4);
}

TEST_F(KubernetesFaultTest, ARefusedCallNamesTheRuleThatIsMissing) {
  server_->Refuse("create", "pods/eviction");
  const std::string pod = TextAt(cluster_.Pods("web").at(0), "/metadata/name");
  try {
    client().Evict(cluster_.Ref(kPods, pod));
    ADD_FAILURE() << "was allowed";
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.Denied());
    EXPECT_NE(std::string(error.what()).find(R"(resources: ["pods/eviction"], verbs: ["create"])"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(KubernetesFaultTest, ATokenThatIsTakenAwayIsToldAndWorksAgainWhenItIsBack) {
  server_->RemoveToken("agent");
  try {
    client().Get(WebRef());
    ADD_FAILURE() << "was let in";
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status().code, 401);
  }
  server_->AddToken("agent", "agent");
  EXPECT_EQ(NumberAt(client().Get(WebRef()), "/spec/replicas"), 3);
}

TEST_F(KubernetesFaultTest, AnOutageIsToldAndOverWhenTheServerIsBack) {
  Mirror mirror(cluster_);
  ASSERT_TRUE(cluster_.Wait([&] { return mirror.Is(cluster_.Pods("web")); }));
  server_->Stop();
  client().SetTimeout(500'000'000);
  try {
    client().Get(WebRef());
    ADD_FAILURE() << "there was nobody to answer";
  } catch (const ApiError& error) {
    EXPECT_TRUE(error.Unreachable()) << error.what();
  }
  EXPECT_TRUE(cluster_.Wait([&] { return mirror.watch().trouble().since_ns != 0; }));
  // The cluster lives on without its API: what happened meanwhile must be seen afterwards.
  const std::string gone =
      TextAt(server_->List("Pod", cluster_.space(), "app=web").at(0), "/metadata/name");
  server_->Delete("Pod", cluster_.space(), gone);
  ASSERT_TRUE(server_->WaitUntil([&] { return !server_->Get("Pod", cluster_.space(), gone); }));
  server_->Start();
  client().SetTimeout(0);
  ASSERT_TRUE(cluster_.WaitRolledOut(kDeployments, "web"));
  EXPECT_TRUE(cluster_.Wait([&] { return mirror.Is(cluster_.Pods("web")); }));
  EXPECT_TRUE(cluster_.Wait([&] { return mirror.watch().trouble().since_ns == 0; }));
}

TEST_F(KubernetesFaultTest, AWatchThatIsCutGoesOnWhereItWas) {
  Mirror mirror(cluster_);
  ASSERT_TRUE(cluster_.Wait([&] { return mirror.Is(cluster_.Pods("web")); }));
  for (int cut = 0; cut < 3; ++cut) {
    server_->CutWatches();
    const Json pod = server_->List("Pod", cluster_.space(), "app=web").at(0);
    server_->Delete("Pod", cluster_.space(), TextAt(pod, "/metadata/name"));
    ASSERT_TRUE(cluster_.WaitRolledOut(kDeployments, "web"));
    EXPECT_TRUE(cluster_.Wait([&] { return mirror.Is(cluster_.Pods("web")); }));
  }
  EXPECT_EQ(mirror.watch().lists_total(), 1U) << "a cut is no reason to list anew";
}

TEST_F(KubernetesFaultTest, AWatchWhoseVersionExpiredListsAnew) {
  Mirror mirror(cluster_);
  ASSERT_TRUE(cluster_.Wait([&] { return mirror.Is(cluster_.Pods("web")); }));
  for (uint64_t lists = 2; lists <= 3; ++lists) {
    const Json pod = server_->List("Pod", cluster_.space(), "app=web").at(0);
    server_->Delete("Pod", cluster_.space(), TextAt(pod, "/metadata/name"));
    server_->ExpireWatches();
    EXPECT_TRUE(cluster_.Wait([&] { return mirror.watch().lists_total() >= lists; }));
    ASSERT_TRUE(cluster_.WaitRolledOut(kDeployments, "web"));
    EXPECT_TRUE(cluster_.Wait([&] { return mirror.Is(cluster_.Pods("web")); }));
  }
}

}  // namespace
}  // namespace heald::kubernetes_test
