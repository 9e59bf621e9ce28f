// Requests by way of proxies: plain ones, tunnels, those of the environment and its exceptions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "plugins/support/http.h"
#include "tests/fakes/certificates.h"
#include "tests/fakes/connect_proxy.h"
#include "tests/fakes/http_server.h"

namespace heald::support {
namespace {

using fakes::ConnectProxy;
using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::FakeTls;
using fakes::HttpServer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
};

class HttpProxyTest : public ::testing::Test {
 protected:
  HttpProxyTest() {
    std::string pattern = ::testing::TempDir() + "heald-proxy-XXXXXX";
    folder_ = mkdtemp(pattern.data());
    ca_ = std::make_unique<fakes::Authority>(folder_, "ca");
    const fakes::CertificateFiles files = ca_->Issue("server", "IP:127.0.0.1");
    secure_ =
        std::make_unique<HttpServer>([](const FakeRequest&) { return FakeReply{.body = "ok"}; },
                                     FakeTls{files.cert_file, files.key_file, ""});
  }
  ~HttpProxyTest() override {
    secure_.reset();
    std::filesystem::remove_all(folder_);
  }
  HttpConfig Through(const std::string& proxy_url) {
    HttpConfig config;
    config.url = secure_->url();
    config.timeout = sdk::Seconds(5);
    config.tls.ca_file = ca_->ca_file();
    config.proxy_url = proxy_url;
    return config;
  }
  static HttpResult Get(const HttpConfig& config) {
    HttpClient client(config);
    return client.Perform({.url = "/x"});
  }
  static std::string UrlOf(const ConnectProxy& proxy, const std::string& login = "") {
    return "http://" + login + "127.0.0.1:" + std::to_string(proxy.port());
  }

  std::filesystem::path folder_;
  std::unique_ptr<fakes::Authority> ca_;
  std::unique_ptr<HttpServer> secure_;
};

TEST_F(HttpProxyTest, TlsGoesThroughATunnelAndIsCheckedAtItsEnd) {
  ConnectProxy proxy;
  const HttpResult result = Get(Through(UrlOf(proxy)));
  ASSERT_TRUE(result.ok()) << result.error.Sentence();
  EXPECT_EQ(result.response.body, "ok");
  ASSERT_THAT(proxy.requests(), SizeIs(1));
  EXPECT_THAT(proxy.requests()[0], HasSubstr("CONNECT 127.0.0.1:"));

  HttpConfig stranger = Through(UrlOf(proxy));
  stranger.tls.ca_file.clear();
  EXPECT_EQ(Get(stranger).error.fault, HttpFault::kTls);
}

TEST_F(HttpProxyTest, ATunnelsRequestsShareOneConnection) {
  ConnectProxy proxy;
  HttpClient client(Through(UrlOf(proxy)));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.Perform({.url = "/x"}).ok());
  EXPECT_THAT(proxy.requests(), SizeIs(1));
  EXPECT_THAT(secure_->requests(), SizeIs(3));
}

TEST_F(HttpProxyTest, LogsInToAProxyAndShowsNoPassword) {
  ConnectProxy proxy("anna:hidden-word");
  EXPECT_TRUE(Get(Through(UrlOf(proxy, "anna:hidden-word@"))).ok());
  const HttpError error = Get(Through(UrlOf(proxy, "anna:wrong-word@"))).error;
  EXPECT_TRUE(error);
  EXPECT_THAT(error.Sentence(), ::testing::Not(HasSubstr("wrong-word")));
  EXPECT_THAT(error.Sentence(), HasSubstr("407"));
}

TEST_F(HttpProxyTest, NamesTheProxyThatIsAway) {
  std::string url;
  {
    ConnectProxy proxy;
    url = UrlOf(proxy);
  }
  const HttpError error = Get(Through(url)).error;
  EXPECT_EQ(error.fault, HttpFault::kConnect);
  EXPECT_FALSE(error.sent);
  EXPECT_THAT(error.Sentence(), HasSubstr(url));
}

TEST_F(HttpProxyTest, NoProxyInTheEnvironmentExemptsFromAnyProxy) {
  ConnectProxy proxy;
  const Environment exempt("no_proxy", "example.org,127.0.0.1");
  EXPECT_TRUE(Get(Through(UrlOf(proxy))).ok());
  EXPECT_THAT(proxy.requests(), IsEmpty());
}

TEST_F(HttpProxyTest, TheEnvironmentsProxiesAreForTheNetworkButForItsExceptions) {
  HttpServer proxy([](const FakeRequest&) { return FakeReply{.body = "by proxy"}; });
  const Environment all("http_proxy", proxy.url());
  HttpConfig far;
  far.url = "http://service.invalid";
  EXPECT_EQ(Get(far).response.body, "by proxy");
  const Environment exempt("no_proxy", ".invalid");
  EXPECT_EQ(Get(far).error.fault, HttpFault::kDns);
}

}  // namespace
}  // namespace heald::support
