#include "plugins/support/kubernetes/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "heald/error.h"
#include "plugins/support/kubernetes/kubeconfig.h"

namespace heald::kubernetes {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kPemBase64 = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==";  // -----BEGIN CERTI…
constexpr const char* kPem = "-----BEGIN CERTIFICATE-----\n";

class KubernetesConfigTest : public ::testing::Test {
 protected:
  KubernetesConfigTest() {
    std::string pattern = ::testing::TempDir() + "heald-kube-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    for (const char* name : {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBECONFIG"})
      unsetenv(name);  // NOLINT(concurrency-mt-unsafe)
  }
  ~KubernetesConfigTest() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }
  static ClusterConfig Named(const std::string& kubeconfig, const std::string& context = "") {
    ClusterConfig config;
    config.kubeconfig = kubeconfig;
    config.context = context;
    return config;
  }
  // "POINTER MESSAGE" of the one problem; the folder's name is cut off.
  std::string Problem(const ClusterConfig& config) const {
    const auto problems = CheckClusterConfig(config);
    if (problems.size() != 1) return std::to_string(problems.size()) + " problems";
    std::string text = problems[0].pointer + " " + problems[0].message;
    for (size_t at; (at = text.find(folder_.string() + "/")) != std::string::npos;)
      text.erase(at, folder_.string().size() + 1);
    return text;
  }
  std::string ProblemOf(const std::string& text, const std::string& context = "") const {
    return Problem(Named(Write("config", text), context));
  }

  std::filesystem::path folder_;
};

// One context; USER and CLUSTER are lines of these.
std::string Kubeconfig(const std::string& cluster, const std::string& user) {
  return "apiVersion: v1\nkind: Config\ncurrent-context: prod\nclusters:\n- name: c\n  cluster:\n  "
         "  "
         "server: https://k:6443\n" +
         cluster + "users:\n- name: u\n  user:\n" + user +
         "contexts:\n- name: prod\n  context: {cluster: c, user: u, namespace: shop}\n";
}

TEST_F(KubernetesConfigTest, ReadsTheCurrentContext) {
  Write("token", "abc\n");
  const Cluster cluster = ResolveCluster(Named(
      Write("config",
            Kubeconfig("    certificate-authority-data: " + std::string(kPemBase64) +
                           "\n    tls-server-name: kubernetes\n    proxy-url: http://proxy:3128\n",
                       "    tokenFile: token\n    as: auditor\n"))));
  EXPECT_EQ(cluster.http.url, "https://k:6443");
  EXPECT_EQ(cluster.http.tls.ca_file, kPem);
  EXPECT_EQ(cluster.http.tls.server_name, "kubernetes");
  EXPECT_EQ(cluster.http.proxy_url, "http://proxy:3128");
  EXPECT_EQ(cluster.http.bearer_token_file, folder_ / "token") << "relative to the kubeconfig";
  EXPECT_EQ(cluster.http.headers.at("Impersonate-User"), "auditor");
  EXPECT_EQ(cluster.name_space, "shop");
  EXPECT_EQ(cluster.origin, "context `prod` of " + (folder_ / "config").string());
}

TEST_F(KubernetesConfigTest, TakesTheContextThatIsNamed) {
  const std::string path =
      Write("config", R"(
current-context: a
contexts:
- {name: a, context: {cluster: one, user: me}}
- {name: b, context: {cluster: two, user: cert}}
clusters:
- {name: one, cluster: {server: "https://one"}}
- {name: two, cluster: {server: "https://two", insecure-skip-tls-verify: true}}
users:
- {name: me, user: {token: secret}}
- {name: cert, user: {client-certificate-data: )" +
                          std::string(kPemBase64) + ", client-key-data: " + kPemBase64 + "}}\n");
  Cluster cluster = ResolveCluster(Named(path));
  EXPECT_EQ(cluster.http.url, "https://one");
  EXPECT_EQ(cluster.http.bearer_token, "secret");
  EXPECT_EQ(cluster.name_space, "default");
  cluster = ResolveCluster(Named(path, "b"));
  EXPECT_EQ(cluster.http.url, "https://two");
  EXPECT_EQ(cluster.http.bearer_token, "");
  EXPECT_EQ(cluster.http.tls.cert_file, kPem);
  EXPECT_EQ(cluster.http.tls.key_file, kPem);
  EXPECT_TRUE(cluster.http.tls.insecure_skip_verify);
  EXPECT_EQ(Problem(Named(path, "c")),
            "/context config: contexts: there is no context `c`: there is `a`, `b`");
}

TEST_F(KubernetesConfigTest, ListsOfFilesMergeAndTheFirstWins) {
  const std::string first = Write("first",
                                  "current-context: x\nusers: [{name: u, user: {token: "
                                  "first}}]\n");
  const std::string second =
      Write("second",
            "current-context: y\nusers: [{name: u, user: {token: second}}]\ncontexts: [{name: x, "
            "context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: {server: "
            "\"https://k\"}}]\n");
  const std::string list = first + ":" + (folder_ / "absent").string() + ":" + second;
  EXPECT_EQ(ResolveCluster(Named(list)).http.bearer_token, "first");
  setenv("KUBECONFIG", list.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(ResolveCluster({}).http.bearer_token, "first");
  unsetenv("KUBECONFIG");  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(Problem(Named((folder_ / "absent").string() + ":" + (folder_ / "too").string())),
            "/kubeconfig none of the kubeconfig files exists");
}

TEST_F(KubernetesConfigTest, SaysFileLineAndKey) {
  EXPECT_THAT(Problem(Named((folder_ / "absent").string())),
              StartsWith("/kubeconfig absent: cannot read it"));
  EXPECT_THAT(ProblemOf("clusters: [\n  {name: c"), HasSubstr("config:2: not YAML: "));
  EXPECT_EQ(ProblemOf("just text\n"),
            "/kubeconfig config:1: this is not a kubeconfig: clusters, users and contexts are "
            "expected");
  EXPECT_EQ(ProblemOf("clusters: []\n"),
            "/context config: current-context: none is set: set context");
  EXPECT_EQ(ProblemOf("current-context: p\ncontexts:\n- name: p\n  context:\n    cluster: c\n"
                      "clusters: [{name: d}, {name: e}]\n"),
            "/kubeconfig config:5: contexts.p.cluster: there is no cluster `c`: there is `d`, `e`");
  EXPECT_EQ(
      ProblemOf(Kubeconfig("    insecure-skip-tls-verify: maybe\n", "    token: t\n")),
      "/kubeconfig config:8: clusters.c.insecure-skip-tls-verify: 'maybe' is neither true nor "
      "false");
  EXPECT_EQ(ProblemOf(Kubeconfig("    certificate-authority-data: '*'\n", "    token: t\n")),
            "/kubeconfig config:8: clusters.c.certificate-authority-data: this is not base64");
  EXPECT_THAT(ProblemOf(Kubeconfig("    certificate-authority-data: Zm9v\n", "    token: t\n")),
              HasSubstr("config:8: clusters.c.certificate-authority-data: base64 of a PEM text"));
  EXPECT_EQ(ProblemOf(Kubeconfig("    certificate-authority: ca.crt\n", "    token: t\n")),
            "/kubeconfig config:8: clusters.c.certificate-authority: cannot read 'ca.crt': No such "
            "file or directory");
  EXPECT_EQ(
      ProblemOf(Kubeconfig("", "    client-key-data: " + std::string(kPemBase64) + "\n")),
      "/kubeconfig config:11: users.u.client-certificate: missing: a client certificate needs "
      "its key, and the key its certificate");
  EXPECT_EQ(ProblemOf(Kubeconfig("", "    token: {a: b}\n")),
            "/kubeconfig config:11: users.u.token: a single value is expected");
}

TEST_F(KubernetesConfigTest, RunsNoCredentialPrograms) {
  EXPECT_THAT(ProblemOf(Kubeconfig("", "    exec:\n      command: aws\n")),
              StartsWith("/kubeconfig config:11: users.u.exec: heald runs no credential programs: "
                         "give it a service account"));
  EXPECT_THAT(ProblemOf(Kubeconfig("", "    auth-provider: {name: oidc}\n")),
              HasSubstr("users.u.auth-provider: heald doesn't log in to identity providers"));
}

TEST_F(KubernetesConfigTest, NamesTheClusterOnce) {
  ClusterConfig config = Named(Write("config", Kubeconfig("", "    token: t\n")));
  config.bearer_token = "mine";
  EXPECT_THAT(Problem(config), StartsWith("/bearer_token goes with api_server"));
  config.bearer_token.clear();
  config.api_server = "https://k";
  EXPECT_THAT(Problem(config), StartsWith("/kubeconfig name the cluster once"));
  config.kubeconfig.clear();
  EXPECT_TRUE(CheckClusterConfig(config).empty());
  config.api_server = "ftp://k";
  EXPECT_THAT(Problem(config), StartsWith("/api_server 'ftp' is not a scheme"));
}

TEST_F(KubernetesConfigTest, ByHandTakesWhatIsSaid) {
  ClusterConfig config;
  config.api_server = "http://127.0.0.1:8001";
  config.bearer_token = "t";
  config.default_namespace = "shop";
  const Cluster cluster = ResolveCluster(config);
  EXPECT_EQ(cluster.http.url, "http://127.0.0.1:8001");
  EXPECT_EQ(cluster.http.bearer_token, "t");
  EXPECT_EQ(cluster.name_space, "shop");
}

TEST_F(KubernetesConfigTest, NoTokenGoesOverANetworkInTheClear) {
  ClusterConfig config;
  config.bearer_token = "t";
  for (const char* near :
       {"http://localhost:8001", "http://127.0.0.1", "http://[::1]:8001/x", "https://k.example"}) {
    config.api_server = near;
    EXPECT_TRUE(CheckClusterConfig(config).empty()) << near;
  }
  for (const char* far :
       {"http://k:8080", "http://localhost.example", "http://10.0.0.1/", "http://[fd00::1]:80"}) {
    config.api_server = far;
    EXPECT_THAT(Problem(config), StartsWith("/api_server the credentials would go to")) << far;
  }
  config.bearer_token.clear();
  EXPECT_TRUE(CheckClusterConfig(config).empty()) << "kubectl proxy asks for none";
  std::string text = Kubeconfig("", "    token: t\n");
  text.replace(text.find("https"), 5, "http");
  EXPECT_THAT(ProblemOf(text), HasSubstr("in the clear: write https://"));
  setenv("KUBECONFIG", Write("config", text).c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_THROW(ResolveCluster({}), sdk::Failure);
}

TEST_F(KubernetesConfigTest, APodIsItsServiceAccount) {
  Write("token", "abc");
  Write("namespace", "heald");
  EXPECT_THROW(PodCluster(folder_, "10.0.0.1", "443", {}), sdk::Failure) << "no ca.crt";
  Write("ca.crt", kPem);
  support::HttpConfig base;
  base.timeout = sdk::Seconds(3);
  const Cluster cluster = PodCluster(folder_, "10.0.0.1", "6443", base);
  EXPECT_EQ(cluster.http.url, "https://10.0.0.1:6443");
  EXPECT_EQ(cluster.http.bearer_token_file, folder_ / "token");
  EXPECT_EQ(cluster.http.tls.ca_file, folder_ / "ca.crt");
  EXPECT_EQ(cluster.name_space, "heald");
  EXPECT_EQ(cluster.http.timeout.ns, base.timeout.ns);
  EXPECT_EQ(PodCluster(folder_, "fd00::1", "", {}).http.url, "https://[fd00::1]:443");
}

TEST_F(KubernetesConfigTest, NoClusterIsSaidWhenItStarts) {
  EXPECT_TRUE(CheckClusterConfig({}).empty()) << "a pipeline for a cluster is checked elsewhere";
  try {
    ResolveCluster({});
    FAIL() << "there is no cluster";
  } catch (const sdk::Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_INVALID);
    EXPECT_THAT(failure.what(), HasSubstr("set kubeconfig, for instance ~/.kube/config"));
  }
}

}  // namespace
}  // namespace heald::kubernetes
