// Readings and tails over TLS and by a proxy: own authority, client certificate, login at the
// proxy, and no line through a server that isn't trusted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/fakes/certificates.h"
#include "tests/fakes/connect_proxy.h"
#include "tests/fakes/tls_front.h"
#include "tests/loki/harness.h"

namespace heald::loki {
namespace {

using ::testing::HasSubstr;

class LokiTlsTest : public ::testing::Test {
 protected:
  LokiTlsTest() {
    std::string pattern = ::testing::TempDir() + "heald-loki-tls-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    ours_ = std::make_unique<fakes::Authority>(folder_, "ours");
    const fakes::CertificateFiles server = ours_->Issue("server", "IP:127.0.0.1");
    const std::string url = server_.url();
    front_ = std::make_unique<fakes::TlsFront>(
        fakes::FakeTls{server.cert_file, server.key_file, ours_->ca_file()},
        std::stoi(url.substr(url.rfind(':') + 1)));
  }
  ~LokiTlsTest() override {
    front_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::unique_ptr<Harness> Start(const fakes::Authority& trusted,
                                 const fakes::CertificateFiles& own,
                                 const std::string& proxy_url = "") {
    return std::make_unique<Harness>(front_->url(),
                                     nlohmann::json{{"logs", {{"lines", "{app=\"shop\"}"}}},
                                                    {"tail", true},
                                                    {"overlap", 300 * kMs},
                                                    {"proxy_url", proxy_url},
                                                    {"tls",
                                                     {{"ca_file", trusted.ca_file()},
                                                      {"cert_file", own.cert_file},
                                                      {"key_file", own.key_file}}}});
  }

  std::filesystem::path folder_;
  fakes::LokiServer server_;
  std::unique_ptr<fakes::Authority> ours_;
  std::unique_ptr<fakes::TlsFront> front_;
};

TEST_F(LokiTlsTest, ATailWithAClientCertificateBringsLines) {
  const auto source = Start(*ours_, ours_->Issue("agent", "DNS:agent"));
  EXPECT_EQ(source->Poll(), "");
  EXPECT_TRUE(Eventually([&] { return server_.tails() == 1; }));
  for (int i = 0; i < 100; ++i) server_.Push(kShop, RealNs(), Numbered(i));
  EXPECT_TRUE(Eventually([&] { return source->Lines().size() == 100; })) << "without a poll";
  server_.CutTails();
  for (int i = 100; i < 200; ++i) server_.Push(kShop, RealNs(), Numbered(i));
  EXPECT_TRUE(Eventually([&] {
    EXPECT_EQ(source->Poll(), "");
    return source->Lines().size() >= 200 && server_.tails() == 1;
  }));
  EXPECT_EQ(source->Lines(), NumberedUpTo(200));
}

TEST_F(LokiTlsTest, ReadingAndTailGoThroughAProxyThatWantsALogin) {
  const fakes::ConnectProxy proxy("user:p@ss");
  const auto url = [&](const std::string& login) {
    return "http://" + login + "@127.0.0.1:" + std::to_string(proxy.port());
  };
  const auto source = Start(*ours_, ours_->Issue("agent", "DNS:agent"), url("user:p%40ss"));
  EXPECT_EQ(source->Poll(), "");
  EXPECT_TRUE(Eventually([&] { return server_.tails() == 1; }));
  server_.Push(kShop, RealNs(), Numbered(0));
  EXPECT_TRUE(Eventually([&] { return source->Lines().size() == 1; })) << "without a poll";
  EXPECT_GE(proxy.requests().size(), 2u) << "reading and tail, each its tunnel";

  const auto stranger = Start(*ours_, ours_->Issue("agent", "DNS:agent"), url("user:wrong"));
  EXPECT_THAT(stranger->Poll(), HasSubstr("407"));
  EXPECT_TRUE(Eventually([&] {
    for (const std::string& line : stranger->log())
      if (line.find("the tail of query 'lines' is down: ") != line.npos) return true;
    return false;
  }));
  for (const std::string& line : stranger->log())
    EXPECT_THAT(line, ::testing::Not(HasSubstr("wrong")));
}

TEST_F(LokiTlsTest, AServerOfAnotherAuthorityIsNotTrustedByReadingOrTail) {
  const fakes::Authority theirs(folder_, "theirs");
  const auto source = Start(theirs, ours_->Issue("agent", "DNS:agent"));
  EXPECT_THAT(source->Poll(), HasSubstr("TLS with " + front_->url() + " failed"));
  EXPECT_TRUE(Eventually([&] {
    for (const std::string& line : source->log())
      if (line.find("the tail of query 'lines' is down: ") != line.npos) return true;
    return false;
  }));
  EXPECT_EQ(server_.requests().size(), 0u);
}

TEST_F(LokiTlsTest, WithoutTheClientCertificateNothingComes) {
  const auto source = Start(*ours_, {});
  EXPECT_NE(source->Poll(), "");
  EXPECT_TRUE(Eventually([&] { return source->log().size() >= 2; }));
  EXPECT_EQ(server_.requests().size(), 0u);
}

}  // namespace
}  // namespace heald::loki
