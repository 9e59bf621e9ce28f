// Who the client is: tokens that are renewed, and certificates that a kubeconfig holds as text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plugins/support/kubernetes/client.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/http_server.h"

namespace heald::kubernetes {
namespace {

using fakes::Authority;
using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using ::testing::HasSubstr;

std::string Base64(const std::string& text) {
  constexpr const char* kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const unsigned char c : text) {
    bits = bits << 8 | c;
    for (have += 8; have >= 6; have -= 6) out += kAlphabet[bits >> (have - 6) & 63];
  }
  if (have > 0) out += kAlphabet[bits << (6 - have) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

class KubernetesTlsTest : public ::testing::Test {
 protected:
  KubernetesTlsTest() {
    std::string pattern = ::testing::TempDir() + "heald-kube-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    authority_ = std::make_unique<Authority>(folder_, "ca");
    server_files_ = authority_->Issue("server", "DNS:kubernetes,IP:127.0.0.1");
    client_files_ = authority_->Issue("client", "DNS:heald");
  }
  ~KubernetesTlsTest() override { std::filesystem::remove_all(folder_); }

  static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::unique_ptr<HttpServer> Serve(bool want_certificate) const {
    return std::make_unique<HttpServer>(
        [](const FakeRequest&) { return FakeReply{.body = R"({"gitVersion":"v1.26.5"})"}; },
        fakes::FakeTls{server_files_.cert_file, server_files_.key_file,
                       want_certificate ? authority_->ca_file() : ""});
  }
  ClusterConfig Kubeconfig(const HttpServer& server, const std::string& cluster,
                           const std::string& user) const {
    ClusterConfig config;
    config.kubeconfig = folder_ / "config";
    std::ofstream(config.kubeconfig)
        << "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        << "clusters:\n- name: c\n  cluster:\n    server: " << server.url() << "\n    " << cluster
        << "\nusers:\n- name: u\n  user:\n    " << user << "\n";
    return config;
  }
  static std::string Version(const ClusterConfig& config) {
    try {
      return Client(ResolveCluster(config)).Version();
    } catch (const sdk::Failure& failure) {
      return failure.what();
    }
  }

  std::filesystem::path folder_;
  std::unique_ptr<Authority> authority_;
  fakes::CertificateFiles server_files_;
  fakes::CertificateFiles client_files_;
};

TEST_F(KubernetesTlsTest, TakesCertificatesAsText) {
  const auto server = Serve(true);
  const std::string ca = "certificate-authority-data: " + Base64(Read(authority_->ca_file()));
  EXPECT_EQ(
      Version(Kubeconfig(*server, ca,
                         "client-certificate-data: " + Base64(Read(client_files_.cert_file)) +
                             "\n    client-key-data: " + Base64(Read(client_files_.key_file)))),
      "v1.26.5");
  EXPECT_THAT(Version(Kubeconfig(*server, ca, "token: t")), HasSubstr("TLS with https://127.0.0.1"))
      << "it wants a certificate";
}

TEST_F(KubernetesTlsTest, TakesCertificatesAsFiles) {
  const auto server = Serve(true);
  EXPECT_EQ(Version(Kubeconfig(*server, "certificate-authority: ca.crt",
                               "client-certificate: client.crt\n    client-key: client.key")),
            "v1.26.5");
}

TEST_F(KubernetesTlsTest, TrustsNobodyWhoIsNotNamed) {
  const auto server = Serve(false);
  EXPECT_THAT(Version(Kubeconfig(*server, "", "token: t")), HasSubstr("TLS with"));
  EXPECT_EQ(Version(Kubeconfig(*server, "insecure-skip-tls-verify: true", "token: t")), "v1.26.5");
  EXPECT_EQ(
      Version(Kubeconfig(*server, "certificate-authority: ca.crt\n    tls-server-name: kubernetes",
                         "token: t")),
      "v1.26.5");
  EXPECT_THAT(
      Version(Kubeconfig(*server, "certificate-authority: ca.crt\n    tls-server-name: other",
                         "token: t")),
      HasSubstr("TLS with"));
}

TEST_F(KubernetesTlsTest, ReadsATokenAgainWhenItIsRenewed) {
  const auto server = Serve(false);
  std::ofstream(folder_ / "token") << "first\n";
  std::ofstream(folder_ / "namespace") << "heald";
  Cluster cluster =
      PodCluster(folder_, "127.0.0.1", std::to_string(server->port()), support::HttpConfig{});
  Client client(cluster);
  client.Version();
  // As kubelets do it: a new file in the place of the old one.
  std::ofstream(folder_ / "token.new") << "second\n";
  std::filesystem::rename(folder_ / "token.new", folder_ / "token");
  client.Version();
  const auto requests = server->requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].Header("authorization"), "Bearer first");
  EXPECT_EQ(requests[1].Header("authorization"), "Bearer second");
  EXPECT_EQ(server->connection_count(), 1u);
}

}  // namespace
}  // namespace heald::kubernetes
