#include "plugins/support/kubernetes/api_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/base/units.h"

namespace heald::kubernetes {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string StatusText(int code, const std::string& reason, const std::string& message,
                       const json& details = json::object()) {
  return json{{"kind", "Status"},   {"code", code},       {"reason", reason},
              {"message", message}, {"details", details}, {"status", "Failure"}}
      .dump();
}

ApiError Refused(const Asked& asked, int code, const std::string& body, int64_t retry_after_ns = 0,
                 const Cluster& cluster = {}) {
  return RefusedError(asked, ParseStatus(code, body, retry_after_ns), cluster);
}

const Asked kPatchWeb{"patch", {kDeployments, "prod", "web"}};

TEST(KubernetesErrorTest, ForbiddenNamesTheRuleToAdd) {
  const ApiError error = Refused(
      kPatchWeb, 403,
      StatusText(403, "Forbidden",
                 "deployments.apps \"web\" is forbidden: User \"agent\" cannot patch resource "
                 "\"deployments\" in API group \"apps\" in the namespace \"prod\""));
  EXPECT_EQ(error.code(), HEALD_DENIED);
  EXPECT_FALSE(error.retryable());
  EXPECT_TRUE(error.Denied());
  EXPECT_THAT(error.what(),
              AllOf(StartsWith("kubernetes: can't patch Deployment prod/web: "),
                    HasSubstr("User \"agent\" cannot patch resource"),
                    EndsWith("; add to a Role in namespace prod that is bound to it: - {apiGroups: "
                             "[\"apps\"], resources: [\"deployments\"], verbs: [\"patch\"]}")));
}

TEST(KubernetesErrorTest, CredentialsThatAreRefusedMayBeAboutToBeRenewed) {
  const ApiError error = Refused(kPatchWeb, 401, StatusText(401, "Unauthorized", "Unauthorized"));
  EXPECT_EQ(error.code(), HEALD_DENIED);
  EXPECT_TRUE(error.retryable());
}

TEST(KubernetesErrorTest, ForbiddenOfAClustersObjectWantsAClusterRole) {
  const std::string says =
      "nodes \"n1\" is forbidden: User \"agent\" cannot patch resource \"nodes\" in API group \"\" "
      "at the cluster scope";
  EXPECT_THAT(
      Refused({"patch", {kNodes, "", "n1"}}, 403, StatusText(403, "Forbidden", says)).what(),
      HasSubstr("add to a ClusterRole that is bound to it: - {apiGroups: [\"\"], resources: "
                "[\"nodes\"], verbs: [\"patch\"]}"));
}

TEST(KubernetesErrorTest, EvictionsNeedTheirOwnRight) {
  EXPECT_EQ(RbacRule("create", {kPods, "prod", "web-1", "eviction"}),
            "- {apiGroups: [\"\"], resources: [\"pods/eviction\"], verbs: [\"create\"]}");
}

TEST(KubernetesErrorTest, MoreRightsAreNotTheAnswerToAQuota) {
  const ApiError error =
      Refused(kPatchWeb, 403, StatusText(403, "Forbidden", "exceeded quota: compute"));
  EXPECT_STREQ(error.what(),
               "kubernetes: can't patch Deployment prod/web: exceeded quota: compute");
}

TEST(KubernetesErrorTest, UnauthorizedSaysWhereTheCredentialsComeFrom) {
  const std::string body = StatusText(401, "Unauthorized", "Unauthorized");
  Cluster cluster;
  EXPECT_THAT(Refused(kPatchWeb, 401, body, 0, cluster).what(), HasSubstr("give it some"));
  cluster.http.tls.cert_file = "/etc/heald/client.crt";
  EXPECT_THAT(Refused(kPatchWeb, 401, body, 0, cluster).what(), HasSubstr("client certificate"));
  cluster.http.bearer_token_file = "/run/token";
  const ApiError error = Refused(kPatchWeb, 401, body, 0, cluster);
  EXPECT_THAT(error.what(), HasSubstr("check that /run/token holds a token of this cluster"));
  EXPECT_EQ(error.code(), HEALD_DENIED);
}

TEST(KubernetesErrorTest, TellsABudgetFromAThrottle) {
  const ApiError budget = Refused(
      {"create", {kPods, "prod", "api-1", "eviction"}}, 429,
      StatusText(429, "TooManyRequests",
                 "Cannot evict pod as it would violate the pod's disruption budget.",
                 {{"causes",
                   {{{"reason", "DisruptionBudget"},
                     {"message", "The disruption budget api needs 2 healthy pods and has 2"}}}}}));
  EXPECT_TRUE(budget.DisruptionBudget() && !budget.Throttled() && !budget.Unreachable());
  EXPECT_TRUE(budget.retryable());
  EXPECT_EQ(budget.retry_after_ns(), 5 * kSecond);
  EXPECT_STREQ(budget.what(),
               "kubernetes: can't evict Pod prod/api-1: a disruption budget forbids it now: The "
               "disruption budget api needs 2 healthy pods and has 2");

  const ApiError throttle =
      Refused(kPatchWeb, 429, "Too many requests, please try again later.", 7 * kSecond);
  EXPECT_TRUE(throttle.Throttled() && throttle.Unreachable() && !throttle.DisruptionBudget());
  EXPECT_EQ(throttle.retry_after_ns(), 7 * kSecond);
  EXPECT_THAT(throttle.what(), HasSubstr("asks for fewer requests (HTTP 429)"));
}

TEST(KubernetesErrorTest, TwoBudgetsForOnePodDoNotPass) {
  const ApiError error =
      Refused({"create", {kPods, "prod", "api-1", "eviction"}}, 500,
              StatusText(500, "",
                         "This pod has more than one PodDisruptionBudget, which the eviction "
                         "subresource does not support."));
  EXPECT_FALSE(error.retryable());
  EXPECT_EQ(error.code(), HEALD_INVALID);
}

TEST(KubernetesErrorTest, TakesTheWishFromTheBodyToo) {
  const std::string body =
      StatusText(500, "ServerTimeout", "The etcd cluster is slow", {{"retryAfterSeconds", 3}});
  const ApiError error = Refused(kPatchWeb, 500, body);
  EXPECT_TRUE(error.retryable());
  EXPECT_EQ(error.retry_after_ns(), 3 * kSecond);
}

TEST(KubernetesErrorTest, InvalidNamesEachFieldAndNoMoreThanFive) {
  json causes = json::array();
  for (int i = 0; i < 7; ++i)
    causes.push_back({{"field", "spec.f" + std::to_string(i)}, {"message", "must be more"}});
  const ApiError error =
      Refused(kPatchWeb, 422, StatusText(422, "Invalid", "long", {{"causes", causes}}));
  EXPECT_EQ(error.code(), HEALD_INVALID);
  EXPECT_THAT(error.what(), HasSubstr("spec.f0: must be more; spec.f1: must be more"));
  EXPECT_THAT(error.what(), EndsWith("and 2 more (HTTP 422)"));
  EXPECT_THAT(error.what(), Not(HasSubstr("spec.f5")));
}

TEST(KubernetesErrorTest, TellsAMissingObjectFromAMissingApi) {
  const ApiError object = Refused(kPatchWeb, 404,
                                  StatusText(404, "NotFound", "deployments.apps \"web\" not found",
                                             {{"name", "web"}, {"kind", "deployments"}}));
  EXPECT_TRUE(object.NotFound() && !object.NotServed());
  const ApiError api = Refused(kPatchWeb, 404, "404 page not found\n");
  EXPECT_TRUE(api.NotServed() && !api.NotFound());
  EXPECT_EQ(api.code(), HEALD_NOT_FOUND);
  EXPECT_THAT(api.what(), HasSubstr("this server has no deployments in apps/v1"));
}

TEST(KubernetesErrorTest, ConflictsAreToldFromWhatExists) {
  EXPECT_TRUE(Refused(kPatchWeb, 409, StatusText(409, "Conflict", "modified")).Conflict());
  const ApiError exists = Refused(kPatchWeb, 409, StatusText(409, "AlreadyExists", "exists"));
  EXPECT_TRUE(exists.AlreadyExists() && !exists.Conflict());
}

TEST(KubernetesErrorTest, APageOfAProxyIsShownInPart) {
  const ApiError error =
      Refused(kPatchWeb, 302, "<html>\n<body>Please log in</body></html>" + std::string(900, 'x'));
  EXPECT_THAT(error.what(), AllOf(HasSubstr("Please log in"), HasSubstr("HTTP 302"),
                                  HasSubstr("is this the API server's address?")));
  EXPECT_LT(std::string(error.what()).size(), 400u);
}

TEST(KubernetesErrorTest, NoAnswerKeepsWhatHttpSays) {
  const ApiError error =
      UnreachableError(kPatchWeb, {support::HttpFault::kConnect,
                                   "connection refused by https://k:6443", "is it up?", false, 0});
  EXPECT_EQ(error.code(), HEALD_UNAVAILABLE);
  EXPECT_TRUE(error.retryable() && error.Unreachable());
  EXPECT_STREQ(error.what(),
               "kubernetes: can't patch Deployment prod/web: connection refused by https://k:6443: "
               "is it up?");
}

TEST(KubernetesErrorTest, PathsAreEscaped) {
  EXPECT_EQ((Ref{kPods, "prod", "a/b?c"}).Path(), "/api/v1/namespaces/prod/pods/a%2Fb%3Fc");
  EXPECT_EQ((Ref{kNodes, "ignored", "n1"}).Path(), "/api/v1/nodes/n1");
  EXPECT_EQ((Ref{kDeployments, "prod", "web", "scale"}).Path(),
            "/apis/apps/v1/namespaces/prod/deployments/web/scale");
  EXPECT_EQ((Ref{kHorizontalPodAutoscalers}).Path(),
            "/apis/autoscaling/v2/horizontalpodautoscalers");
  EXPECT_EQ(FindKind("DaemonSet")->plural, "daemonsets");
  EXPECT_EQ(FindKind("Nothing"), nullptr);
}

}  // namespace
}  // namespace heald::kubernetes
