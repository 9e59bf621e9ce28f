#include "core/api/tls.h"

#include <chrono>
#include <mutex>
#include <thread>

#include "tests/api/tls_fixture.h"

namespace heald::api {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ApiTlsTest : public TlsFixture {
 protected:
  // Why the server doesn't start with these files.
  std::string Refusal(const TlsFiles& files) {
    ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.tls = files;
    options.tls_notice = Notes();
    const auto server = Server::Bind(options);
    return server.ok() ? "" : server.error().message;
  }
  Notice Notes() {
    return [this](bool bad, const std::string& text) {
      const std::lock_guard lock(mutex_);
      notes_ += (bad ? "bad: " : "good: ") + text + "\n";
    };
  }
  std::string notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  long SerialShown() {
    RawClient client(server_->port(), tls_);
    const X509Handle shown(SSL_get1_peer_certificate(client.ssl()), X509_free);
    return shown == nullptr ? 0 : ASN1_INTEGER_get(X509_get0_serialNumber(shown.get()));
  }
  template <typename Condition>
  bool Eventually(Condition condition) {
    const auto give_up = steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && steady_clock::now() < give_up)
      std::this_thread::sleep_for(milliseconds(5));
    return condition();
  }

  std::mutex mutex_;
  std::string notes_;  // guarded by mutex_
};

TEST_F(ApiTlsTest, AnswersManyRequestsOfAConnection) {
  StartTls();
  EXPECT_EQ(server_->url(), "https://127.0.0.1:" + std::to_string(server_->port()));
  RawClient client(server_->port(), tls_);
  ASSERT_TRUE(client.connected());
  for (int i = 0; i < 20; ++i) {
    client.Send(RequestText("PUT", "/api/v1/switch", "", R"({"enabled":true})"));
    ASSERT_EQ(client.Read().status, 200);
  }
  // In one record: what TLS holds already must not be waited for on the socket.
  client.Send(RequestText("HEAD", "/healthz") + RequestText("GET", "/healthz"));
  EXPECT_EQ(client.Read(false).status, 200);
  EXPECT_THAT(client.Read().body, HasSubstr("\"status\":\"ok\""));
  client.Send(RequestText("PUT", "/api/v1/switch", "", std::string(1024 * 1024, ' ')));
  EXPECT_EQ(client.Read().status, 400);
  client.Send(RequestText("GET", "/healthz", "Connection: close\r\n"));
  EXPECT_EQ(client.Read().headers.at("Connection"), "Close");
  EXPECT_TRUE(client.AtEnd());
  EXPECT_EQ(SSL_get_shutdown(client.ssl()), SSL_RECEIVED_SHUTDOWN);  // a proper goodbye
}

TEST_F(ApiTlsTest, SendsLongAnswersWhole) {
  backend_.status.version = std::string(8 * 1024 * 1024, 'x');
  StartTls();
  RawClient client(server_->port(), tls_, 16 * 1024);
  client.Send(RequestText("GET", "/api/v1/status"));
  EXPECT_GT(client.Read().body.size(), backend_.status.version.size());
}

TEST_F(ApiTlsTest, SpeaksTls12AndUpWithForwardSecrecy) {
  StartTls();
  const auto connects = [&](int version, const char* ciphers) {
    const ContextHandle context = ClientContext(root_);
    SSL_CTX_set_security_level(context.get(), 0);
    SSL_CTX_set_min_proto_version(context.get(), version);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_cipher_list(context.get(), ciphers);
    return RawClient(server_->port(), context.get()).connected();
  };
  EXPECT_TRUE(connects(TLS1_3_VERSION, "ALL"));
  EXPECT_TRUE(connects(TLS1_2_VERSION, "ALL"));
  EXPECT_TRUE(connects(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256"));
  EXPECT_FALSE(connects(TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"));
  EXPECT_FALSE(connects(TLS1_1_VERSION, "ALL"));
  EXPECT_TRUE(Eventually([&] { return server_->stats().tls_failures_total == 2; }));
}

TEST_F(ApiTlsTest, PlainHttpIsToldToUseHttps) {
  StartTls();
  RawClient client(server_->port());
  client.Send(RequestText("GET", "/healthz"));
  const Answer answer = client.Read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.headers.at("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_THAT(answer.body, HasSubstr("https://"));
  EXPECT_TRUE(client.AtEnd());
}

TEST_F(ApiTlsTest, GarbageForAHandshakeHarmsNobody) {
  StartTls();
  for (int i = 0; i < 20; ++i) {
    RawClient client(server_->port());
    client.Send("\x16\x03\x01" + std::string(static_cast<size_t>(i) * 50, static_cast<char>(i)));
    shutdown(client.fd(), SHUT_WR);
    EXPECT_TRUE(client.DrainToEnd());
    EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  }
}

TEST_F(ApiTlsTest, UnfinishedHandshakesKeepNobodyOutAndAreCutOff) {
  ServerOptions options;
  options.limits.threads = 2;
  options.limits.head_ns = 500 * kMillisecond;
  StartTls(options);
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 100; ++i) {
    silent.push_back(std::make_unique<RawClient>(server_->port()));
    if (i % 2 == 0) silent.back()->Send("\x16\x03\x01\x02");
  }
  const auto start = steady_clock::now();
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  EXPECT_LT(steady_clock::now() - start, milliseconds(400));
  for (const auto& client : silent) EXPECT_TRUE(client->AtEnd());
}

TEST_F(ApiTlsTest, AsksClientsForACertificateWhenTold) {
  const Certified stranger_root = MakeCertificate("strangers", nullptr);
  const Certified stranger = MakeCertificate("mallory", &stranger_root);
  const Certified client_root = MakeCertificate("people", nullptr);
  const Certified anna = MakeCertificate("anna", &client_root);
  files_.client_ca_file = folder_.WriteCertificate("people.pem", client_root);
  StartTls();
  const auto status = [&](const Certified* own) {
    client_ = ClientContext(root_, own);
    tls_ = client_.get();
    return Ask("GET", "/healthz").status;
  };
  EXPECT_EQ(status(&anna), 200);
  EXPECT_EQ(status(nullptr), 0);
  EXPECT_EQ(status(&stranger), 0);
  EXPECT_TRUE(Eventually([&] { return server_->stats().tls_failures_total == 2; }));
  EXPECT_EQ(status(&anna), 200);
}

TEST_F(ApiTlsTest, RenewedCertificateIsShownWithoutARestart) {
  ServerOptions options;
  options.limits.tls_check_ns = 20 * kMillisecond;
  options.tls_notice = Notes();
  StartTls(options);
  const long old_serial = ASN1_INTEGER_get(X509_get0_serialNumber(leaf_.certificate.get()));
  ASSERT_EQ(SerialShown(), old_serial);
  RawClient before(server_->port(), tls_);
  const Certified renewed = MakeCertificate("heald", &root_);
  folder_.WriteCertificate("cert.pem", renewed);
  folder_.WriteKey("key.pem", renewed);
  EXPECT_TRUE(Eventually([&] { return SerialShown() == old_serial + 1; })) << notes();
  EXPECT_THAT(notes(),
              HasSubstr("good: the certificate in " + files_.cert_file + " is valid until"));
  before.Send(RequestText("GET", "/healthz"));
  EXPECT_EQ(before.Read().status, 200);
}

TEST_F(ApiTlsTest, BrokenRenewalKeepsTheOldCertificateAndSaysSo) {
  ServerOptions options;
  options.limits.tls_check_ns = 20 * kMillisecond;
  options.tls_notice = Notes();
  StartTls(options);
  const long serial = SerialShown();
  folder_.WriteKey("key.pem", MakeCertificate("other", &root_));
  EXPECT_TRUE(
      Eventually([&] { return !notes().empty() && notes().find("bad: ") != std::string::npos; }));
  EXPECT_THAT(notes(), AllOf(HasSubstr("the old one stays at work"),
                             HasSubstr("is not the key of the certificate")));
  EXPECT_EQ(SerialShown(), serial);
  EXPECT_EQ(Ask("GET", "/healthz").status, 200);
  folder_.WriteKey("key.pem", leaf_);
  const std::string before = notes();
  EXPECT_TRUE(Eventually([&] { return notes().size() > before.size(); }));
  EXPECT_THAT(notes().substr(before.size()), HasSubstr("good: "));
}

TEST_F(ApiTlsTest, RefusesFilesItCannotUseAndSaysWhatToDo) {
  EXPECT_EQ(Refusal(files_), "");
  const std::string text = folder_.Write("text", "hello\n");
  const std::string gone = folder_.At("gone.pem");
  const std::string key = files_.key_file, cert = files_.cert_file;
  EXPECT_THAT(Refusal({cert, "", ""}),
              HasSubstr("agent.tls.key_file is missing: TLS needs cert_file and key_file"));
  EXPECT_THAT(Refusal({"", key, ""}), HasSubstr("agent.tls.cert_file is missing"));
  EXPECT_THAT(Refusal({"", "", cert}), HasSubstr("agent.tls.cert_file is missing"));
  EXPECT_THAT(Refusal({gone, key, ""}),
              AllOf(HasSubstr("agent.tls.cert_file " + gone), HasSubstr("No such file"),
                    HasSubstr("correct the path")));
  EXPECT_THAT(Refusal({text, key, ""}), AllOf(HasSubstr("agent.tls.cert_file " + text),
                                              HasSubstr("-----BEGIN CERTIFICATE-----")));
  EXPECT_THAT(Refusal({cert, text, ""}), AllOf(HasSubstr("agent.tls.key_file " + text),
                                               HasSubstr("-----BEGIN PRIVATE KEY-----")));
  EXPECT_THAT(Refusal({cert, cert, ""}), HasSubstr("holds no private key"));
  EXPECT_THAT(Refusal({cert, key, text}), HasSubstr("agent.tls.client_ca_file " + text));
  const std::string other = folder_.WriteKey("other.pem", MakeCertificate("other", &root_));
  EXPECT_THAT(Refusal({cert, other, ""}),
              AllOf(HasSubstr("agent.tls.key_file " + other), HasSubstr("in " + cert)));
  const std::string locked = folder_.WriteKey("locked.pem", leaf_, "secret");
  EXPECT_THAT(Refusal({cert, locked, ""}), HasSubstr("needs a pass phrase"));
  const std::string cut = folder_.Write("cut.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n");
  EXPECT_THAT(Refusal({cut, key, ""}), HasSubstr("agent.tls.cert_file " + cut));
}

TEST_F(ApiTlsTest, CertificateThatExpiredIsAWarning) {
  const Certified old = MakeCertificate("heald", &root_, -kDaySeconds);
  const TlsFiles files{folder_.WriteCertificate("old.pem", old), folder_.WriteKey("old.key", old),
                       ""};
  EXPECT_EQ(Refusal(files), "");
  EXPECT_THAT(notes(), AllOf(HasSubstr("bad: the certificate in " + files.cert_file),
                             HasSubstr("expired on 20")));
}

TEST_F(ApiTlsTest, CertificateThatNeverExpiresIsFine) {
  constexpr long kCenturies = 200L * 365 * kDaySeconds * 2;
  const Certified eternal = MakeCertificate("heald", &root_, kCenturies);
  EXPECT_EQ(
      Refusal({folder_.WriteCertificate("e.pem", eternal), folder_.WriteKey("e.key", eternal), ""}),
      "");
  EXPECT_THAT(notes(), HasSubstr("good: "));
}

TEST_F(ApiTlsTest, OpenListenerNeedsTlsUnlessWaivedByName) {
  ServerOptions options;
  options.listen = "0.0.0.0:0";
  options.token = "0123456789abcdef";
  const auto refused = Server::Bind(options);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("can be reached from other machines"), HasSubstr("set agent.tls")));
  options.allow_no_tls = true;
  EXPECT_TRUE(Server::Bind(options).ok());
  options.allow_no_tls = false;
  options.tls = files_;
  EXPECT_TRUE(Server::Bind(options).ok());
  options.token.clear();
  EXPECT_FALSE(Server::Bind(options).ok());
  options.allow_no_token = true;
  EXPECT_TRUE(Server::Bind(options).ok());
}

TEST_F(ApiTlsTest, StopsWithinASecondWithOpenConnections) {
  StartTls();
  RawClient idle(server_->port(), tls_), silent(server_->port());
  idle.Send(RequestText("GET", "/healthz"));
  ASSERT_EQ(idle.Read().status, 200);
  ASSERT_TRUE(Eventually([&] { return server_->stats().connections == 2; }));
  const auto start = steady_clock::now();
  server_->Stop();
  EXPECT_LT(steady_clock::now() - start, milliseconds(1000));
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_TRUE(silent.AtEnd());
}

}  // namespace
}  // namespace heald::api
