#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "plugins/support/http.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/http_server.h"

namespace heald::support {
namespace {

using fakes::Authority;
using fakes::CertificateFiles;
using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::FakeTls;
using fakes::HttpServer;

class HttpTlsTest : public ::testing::Test {
 protected:
  HttpTlsTest() {
    std::string pattern = ::testing::TempDir() + "heald-tls-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    ours_ = std::make_unique<Authority>(folder_, "ours");
    theirs_ = std::make_unique<Authority>(folder_, "theirs");
  }
  ~HttpTlsTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<HttpServer> Serve(const CertificateFiles& files, const std::string& ca = {}) {
    return std::make_unique<HttpServer>([](const FakeRequest&) { return FakeReply{}; },
                                        FakeTls{files.cert_file, files.key_file, ca});
  }
  HttpConfig ConfigFor(const HttpServer& server) {
    HttpConfig config;
    config.url = server.url();
    config.timeout = sdk::Seconds(5);
    config.tls.ca_file = ours_->ca_file();
    return config;
  }
  static HttpError Try(const HttpConfig& config) {
    HttpClient client(config);
    return client.Perform({.url = "/"}).error;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Authority> ours_;
  std::unique_ptr<Authority> theirs_;
};

TEST_F(HttpTlsTest, TrustsTheGivenAuthorityOnly) {
  const auto server = Serve(ours_->Issue("server", "IP:127.0.0.1"));
  HttpConfig config = ConfigFor(*server);
  EXPECT_FALSE(Try(config)) << Try(config).Sentence();

  config.tls.ca_file = theirs_->ca_file();
  HttpError error = Try(config);
  EXPECT_EQ(error.fault, HttpFault::kTls);
  EXPECT_TRUE(error.message.starts_with("TLS with " + server->url() + " failed: "))
      << error.message;
  EXPECT_EQ(error.advice, "name the authority that signed its certificate in tls.ca_file");

  config.tls.ca_file.clear();
  EXPECT_EQ(Try(config).fault, HttpFault::kTls) << "the system's authorities don't know ours";

  config.tls.insecure_skip_verify = true;
  EXPECT_FALSE(Try(config));
}

TEST_F(HttpTlsTest, ChecksTheNameInTheCertificate) {
  const auto server = Serve(ours_->Issue("server", "DNS:prom.example"));
  HttpConfig config = ConfigFor(*server);
  const HttpError error = Try(config);
  EXPECT_EQ(error.fault, HttpFault::kTls);
  EXPECT_EQ(error.advice,
            "the certificate is for another name: correct the URL or set tls.server_name")
      << error.message;

  config.tls.server_name = "prom.example";
  EXPECT_FALSE(Try(config)) << Try(config).Sentence();
  EXPECT_EQ(server->requests().back().Header("host"),
            "127.0.0.1:" + std::to_string(server->port()));
  config.tls.server_name = "other.example";
  EXPECT_EQ(Try(config).fault, HttpFault::kTls);
}

TEST_F(HttpTlsTest, ShowsAClientCertificateWhereOneIsAskedFor) {
  const auto server = Serve(ours_->Issue("server", "IP:127.0.0.1,DNS:localhost"), ours_->ca_file());
  HttpConfig config = ConfigFor(*server);
  HttpError error = Try(config);
  EXPECT_EQ(error.fault, HttpFault::kTls) << error.Sentence();
  EXPECT_EQ(error.advice,
            "the server refused this client's certificate: check tls.cert_file and key_file");

  const CertificateFiles client = ours_->Issue("client", "DNS:agent");
  config.tls.cert_file = client.cert_file;
  config.tls.key_file = client.key_file;
  EXPECT_FALSE(Try(config)) << Try(config).Sentence();

  const CertificateFiles stranger = theirs_->Issue("stranger", "DNS:agent");
  config.tls.cert_file = stranger.cert_file;
  config.tls.key_file = stranger.key_file;
  EXPECT_EQ(Try(config).fault, HttpFault::kTls);

  config.tls.key_file = client.key_file;
  error = Try(config);
  EXPECT_EQ(error.fault, HttpFault::kTls);
  EXPECT_EQ(error.advice, "check tls.cert_file and tls.key_file");
}

TEST_F(HttpTlsTest, SaysWhenTheOtherSideSpeaksNoTls) {
  HttpServer plain([](const FakeRequest&) { return FakeReply{}; });
  HttpConfig config = ConfigFor(plain);
  config.url = "https://127.0.0.1:" + std::to_string(plain.port());
  config.timeout = sdk::Milliseconds(500);
  const HttpError error = Try(config);
  EXPECT_TRUE(error.fault == HttpFault::kTls || error.fault == HttpFault::kTimeout)
      << error.Sentence();
}

}  // namespace
}  // namespace heald::support
