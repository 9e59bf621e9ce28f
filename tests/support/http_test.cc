#include "plugins/support/http.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "heald/calls.h"
#include "heald/error.h"
#include "tests/fakes/http_server.h"

namespace heald::support {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

HttpConfig ConfigFor(const std::string& url, int64_t timeout_ms = 5000) {
  HttpConfig config;
  config.url = url;
  config.timeout = sdk::Milliseconds(timeout_ms);
  return config;
}

HttpServer::Script Always(FakeReply reply) {
  return [reply = std::move(reply)](const FakeRequest&) { return reply; };
}

int64_t ElapsedMs(steady_clock::time_point since) {
  return (steady_clock::now() - since) / milliseconds(1);
}

std::string Gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), 0);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TEST(HttpTest, ReusesOneConnectionForManyRequests) {
  HttpServer server(Always({.body = "hello"}));
  HttpClient client(ConfigFor(server.url() + "/base/"));
  for (int i = 0; i < 5; ++i) {
    const HttpResult result = client.Perform({.url = "/x?y=1"});
    ASSERT_TRUE(result.ok()) << result.error.Sentence();
    EXPECT_EQ(result.response.body, "hello");
  }
  EXPECT_EQ(server.connection_count(), 1u);
  EXPECT_EQ(server.requests()[0].path, "/base/x");
  EXPECT_EQ(server.requests()[0].query, "y=1");
}

TEST(HttpTest, SendsMethodHeadersAndBody) {
  HttpServer server(Always({.status = 201, .headers = {{"X-Answer", " 42 "}}}));
  HttpConfig config = ConfigFor(server.url());
  config.headers = {{"X-Tenant", "blue"}};
  HttpClient client(config);
  const HttpResult result = client.Perform(
      {.method = "POST", .url = "/", .headers = {{"Content-Type", "text/x"}}, .body = "body"});
  ASSERT_TRUE(result.ok()) << result.error.Sentence();
  EXPECT_EQ(result.response.status, 201);
  EXPECT_EQ(result.response.Header("x-answer"), "42");
  const FakeRequest seen = server.requests()[0];
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.body, "body");
  EXPECT_EQ(seen.Header("content-type"), "text/x");
  EXPECT_EQ(seen.Header("x-tenant"), "blue");
  for (const char* method : {"PUT", "PATCH", "DELETE", "HEAD"}) {
    ASSERT_TRUE(client.Perform({.method = method, .url = "/"}).ok()) << method;
    EXPECT_EQ(server.requests().back().method, method);
  }
}

TEST(HttpTest, RefusesHeadersWithLineBreaks) {
  HttpServer server(Always({}));
  HttpClient client(ConfigFor(server.url()));
  const HttpResult result = client.Perform({.url = "/", .headers = {{"X-A", "1\r\nX-Admin: yes"}}});
  EXPECT_EQ(result.error.fault, HttpFault::kRequest);
  EXPECT_TRUE(server.requests().empty());
  EXPECT_TRUE(client.Perform({.url = "/"}).ok()) << "the client is usable afterwards";
}

TEST(HttpTest, SendsBasicAuthAndNeverShowsIt) {
  HttpServer server(Always({.status = 401}));
  HttpConfig config = ConfigFor(server.url());
  config.basic_auth = {"anna", "s3cret"};
  HttpClient client(config);
  const HttpResult result = client.Perform({.url = "/x?token=s3cret"});
  EXPECT_EQ(server.requests()[0].Header("authorization"), "Basic YW5uYTpzM2NyZXQ=");
  EXPECT_EQ(result.error.Sentence(),
            "GET " + server.url() +
                "/x was answered with status 401: check the credentials in basic_auth, "
                "bearer_token or bearer_token_file");
}

TEST(HttpTest, ReadsBearerTokenFileAgainWhenItChanges) {
  const std::string path = ::testing::TempDir() + "heald_http_token";
  std::ofstream(path) << "first\n";
  HttpServer server(Always({}));
  HttpConfig config = ConfigFor(server.url());
  config.bearer_token_file = path;
  HttpClient client(config);
  ASSERT_TRUE(client.Perform({.url = "/"}).ok());
  std::ofstream(path + ".new") << "second, longer\n";
  std::filesystem::rename(path + ".new", path);
  ASSERT_TRUE(client.Perform({.url = "/"}).ok());
  EXPECT_EQ(server.requests()[0].Header("authorization"), "Bearer first");
  EXPECT_EQ(server.requests()[1].Header("authorization"), "Bearer second, longer");
  std::filesystem::remove(path);
  const HttpResult gone = client.Perform({.url = "/"});
  EXPECT_EQ(gone.error.fault, HttpFault::kRequest);
  EXPECT_EQ(gone.error.message,
            "cannot read bearer_token_file '" + path + "': No such file or directory");
}

TEST(HttpTest, NamesWhoRefusedTheConnection) {
  HttpServer server(Always({}));
  const std::string url = server.url();
  server.Stop();
  HttpClient client(ConfigFor(url));
  const HttpResult result = client.Perform({.url = "/api?secret=1"});
  EXPECT_EQ(result.error.fault, HttpFault::kConnect);
  EXPECT_EQ(result.error.message, "connection refused by " + url);
  EXPECT_FALSE(result.error.sent);
  server.Start();
  EXPECT_TRUE(client.Perform({.url = "/"}).ok()) << "the same client finds the server again";
}

TEST(HttpTest, NamesUnknownHosts) {
  HttpClient client(ConfigFor("http://no-such-host.invalid:9090"));
  const HttpResult result = client.Perform({.url = "/"});
  EXPECT_EQ(result.error.fault, HttpFault::kDns) << result.error.Sentence();
  EXPECT_EQ(result.error.message, "the host name of http://no-such-host.invalid:9090 is not known");
}

TEST(HttpTest, KeepsTheDeadlineOfASilentServer) {
  HttpServer server(Always({.delay = milliseconds(10'000)}));
  HttpClient client(ConfigFor(server.url()));
  const auto begun = steady_clock::now();
  const HttpResult result = client.Perform({.url = "/", .timeout_ns = 300'000'000});
  EXPECT_EQ(result.error.fault, HttpFault::kTimeout);
  EXPECT_EQ(result.error.message, "no answer from " + server.url() + "/ within 0.3 s");
  EXPECT_TRUE(result.error.sent);
  EXPECT_LT(std::abs(ElapsedMs(begun) - 300), 200);
}

TEST(HttpTest, KeepsTheDeadlineOfSlowBytes) {
  HttpServer server(
      Always({.body = std::string(1000, 'x'), .chunk_bytes = 1, .pause = milliseconds(20)}));
  HttpClient client(ConfigFor(server.url(), 300));
  const auto begun = steady_clock::now();
  const HttpResult result = client.Perform({.url = "/"});
  EXPECT_EQ(result.error.fault, HttpFault::kTimeout);
  EXPECT_EQ(result.error.message, "no complete answer from " + server.url() + "/ within 0.3 s");
  EXPECT_LT(std::abs(ElapsedMs(begun) - 300), 200);
}

TEST(HttpTest, TellsHalfAnswersResetsAndGarbageApart) {
  HttpServer server(Always({.body = "0123456789", .cut_after_bytes = 4}));
  HttpClient client(ConfigFor(server.url()));
  HttpResult result = client.Perform({.url = "/"});
  EXPECT_EQ(result.error.fault, HttpFault::kBroken);
  EXPECT_TRUE(result.error.message.starts_with("the answer of " + server.url() +
                                               "/ broke off in the middle"))
      << result.error.message;

  server.SetScript(Always({.reset = true}));
  result = client.Perform({.url = "/"});
  EXPECT_EQ(result.error.fault, HttpFault::kBroken) << result.error.Sentence();
  EXPECT_TRUE(result.error.sent);

  server.SetScript(Always({.close_silently = true}));
  result = client.Perform({.url = "/"});
  EXPECT_EQ(result.error.fault, HttpFault::kBroken);
  EXPECT_TRUE(
      result.error.message.starts_with(server.url() + " closed the connection without an answer"))
      << result.error.message;

  server.SetScript(Always({.raw = "SSH-2.0-OpenSSH_9.2\r\n"}));
  result = client.Perform({.url = "/"});
  EXPECT_EQ(result.error.fault, HttpFault::kBroken);
  EXPECT_TRUE(
      result.error.message.starts_with("what " + server.url() + "/ answered is not valid HTTP"))
      << result.error.message;

  server.SetScript(Always({.body = "fine"}));
  EXPECT_TRUE(client.Perform({.url = "/"}).ok());
}

TEST(HttpTest, DoesNotFollowRedirectsAndSaysWhereTheyLead) {
  HttpServer server(Always({.status = 302, .headers = {{"Location", "http://other/login?s=1"}}}));
  HttpClient client(ConfigFor(server.url()));
  const HttpResult result = client.Perform({.url = "/"});
  EXPECT_EQ(result.error.fault, HttpFault::kStatus);
  EXPECT_EQ(result.error.advice, "it redirects to http://other/login: put that into the URL");
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpTest, ShowsTheBodyOfAnErrorAsOneLine) {
  HttpServer server(Always({.status = 500, .body = "line one\n\n\x1b[31mline two\n"}));
  HttpClient client(ConfigFor(server.url()));
  EXPECT_EQ(client.Perform({.url = "/"}).error.message,
            "GET " + server.url() + "/ was answered with status 500 (line one [31mline two)");
}

TEST(HttpTest, StopsAtTheBodyLimit) {
  HttpServer server(Always({.body = std::string(3 << 20, 'x')}));
  HttpClient client(ConfigFor(server.url()));
  const HttpResult result = client.Perform({.url = "/", .body_limit_bytes = 1 << 20});
  EXPECT_EQ(result.error.fault, HttpFault::kTooLarge);
  EXPECT_EQ(result.error.message, "the answer of " + server.url() + "/ is larger than 1 MiB");
  EXPECT_TRUE(client.Perform({.url = "/", .body_limit_bytes = 4 << 20}).ok());
}

TEST(HttpTest, UnpacksGzipWithinTheBodyLimit) {
  const std::string text(2 << 20, 'x');
  HttpServer server(Always({.headers = {{"Content-Encoding", "gzip"}}, .body = Gzip(text)}));
  HttpClient client(ConfigFor(server.url()));
  const HttpResult result = client.Perform({.url = "/"});
  ASSERT_TRUE(result.ok()) << result.error.Sentence();
  EXPECT_EQ(result.response.body, text);
  EXPECT_EQ(server.requests()[0].Header("accept-encoding"), "gzip");
  EXPECT_EQ(client.Perform({.url = "/", .body_limit_bytes = 1 << 20}).error.fault,
            HttpFault::kTooLarge);
}

TEST(HttpTest, RunsRequestsAtOnceUpToTheLimit) {
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  std::atomic<int> met = 0;
  HttpServer server([&](const FakeRequest&) {
    const int at_once = ++now;
    for (int seen = most; at_once > seen && !most.compare_exchange_weak(seen, at_once);) {
    }
    // Every request waits until three are here, so that the limit is reached for sure.
    for (int i = 0; i < 500 && most < 3; ++i) std::this_thread::sleep_for(milliseconds(1));
    ++met;
    --now;
    return FakeReply{.body = "x"};
  });
  HttpClient client(ConfigFor(server.url()));
  std::vector<HttpRequest> requests(9, HttpRequest{.url = "/"});
  std::vector<bool> done(requests.size());
  client.PerformAll(requests, 3, [&](size_t index, HttpResult result) {
    EXPECT_TRUE(result.ok()) << result.error.Sentence();
    EXPECT_FALSE(done[index]);
    done[index] = true;
  });
  EXPECT_EQ(std::count(done.begin(), done.end(), true), 9);
  EXPECT_EQ(most, 3);
}

TEST(HttpTest, HandsOverQuickAnswersBeforeSlowOnes) {
  HttpServer server([](const FakeRequest& request) {
    return FakeReply{.delay = milliseconds(request.path == "/slow" ? 5000 : 0)};
  });
  HttpClient client(ConfigFor(server.url(), 400));
  const std::vector<HttpRequest> requests = {{.url = "/slow"}, {.url = "/quick"}};
  std::vector<size_t> order;
  client.PerformAll(requests, 2, [&](size_t index, HttpResult result) {
    order.push_back(index);
    EXPECT_EQ(result.ok(), index == 1);
  });
  EXPECT_EQ(order, (std::vector<size_t>{1, 0}));
}

TEST(HttpTest, CancelEndsARequestAtOnce) {
  HttpServer server(Always({.delay = milliseconds(10'000)}));
  HttpClient client(ConfigFor(server.url(), 10'000));
  std::thread canceller([&] {
    EXPECT_TRUE(server.WaitForRequests(1, milliseconds(5000)));
    client.Cancel();
  });
  const auto begun = steady_clock::now();
  EXPECT_EQ(client.Perform({.url = "/"}).error.fault, HttpFault::kCancelled);
  EXPECT_LT(ElapsedMs(begun), 2000);
  canceller.join();
}

TEST(HttpTest, AsksTheHostWhetherToStop) {
  HttpServer server(Always({.delay = milliseconds(10'000)}));
  HttpClient client(ConfigFor(server.url(), 10'000), [&] { return !server.requests().empty(); });
  const auto begun = steady_clock::now();
  EXPECT_EQ(client.Perform({.url = "/"}).error.fault, HttpFault::kCancelled);
  EXPECT_LT(ElapsedMs(begun), 2000);
  EXPECT_FALSE(client.Sleep(60'000'000'000));
}

TEST(HttpTest, StreamsUntilTheReaderHasEnough) {
  HttpServer server(Always({.body = "one\ntwo\nthree\n", .chunk_bytes = 4, .keep_open = true}));
  HttpClient client(ConfigFor(server.url()));
  std::string seen;
  const HttpResult result = client.Perform(
      {.url = "/events", .timeout_ns = kNoTimeout, .on_data = [&](std::string_view data) {
         seen += data;
         return seen.find("three") == std::string::npos;
       }});
  EXPECT_TRUE(result.ok()) << result.error.Sentence();
  EXPECT_TRUE(seen.starts_with("one\ntwo\nthree"));
  EXPECT_TRUE(result.response.body.empty());
}

TEST(HttpTest, KeepsTheBodyOfARefusedStream) {
  HttpServer server(Always({.status = 404, .body = "no such container"}));
  HttpClient client(ConfigFor(server.url()));
  const HttpResult result = client.Perform({.url = "/", .on_data = [](std::string_view) {
                                              ADD_FAILURE() << "an error is not a stream";
                                              return false;
                                            }});
  EXPECT_EQ(result.response.body, "no such container");
}

TEST(HttpTest, SpeaksOverUnixSockets) {
  const std::string path = ::testing::TempDir() + "heald_http.sock";
  HttpConfig config = ConfigFor("unix://" + path);
  config.proxy_url = "http://127.0.0.1:1";
  HttpClient client(config);
  std::filesystem::remove(path);
  EXPECT_EQ(client.Perform({.url = "/v1.41/info"}).error.message, "no socket at unix://" + path);
  HttpServer server(Always({.body = "docker"}), path);
  const HttpResult result = client.Perform({.url = "/v1.41/info"});
  ASSERT_TRUE(result.ok()) << result.error.Sentence();
  EXPECT_EQ(server.requests()[0].path, "/v1.41/info");
  server.Stop();
}

TEST(HttpTest, GoesThroughTheConfiguredProxy) {
  HttpServer proxy(Always({.body = "by proxy"}));
  HttpConfig config = ConfigFor("http://service.invalid:9090");
  config.proxy_url = proxy.url();
  HttpClient client(config);
  const HttpResult result = client.Perform({.url = "/x"});
  ASSERT_TRUE(result.ok()) << result.error.Sentence();
  EXPECT_EQ(proxy.requests()[0].path, "http://service.invalid:9090/x");
}

TEST(HttpTest, KeepsAnEnvironmentProxyAwayFromLoopback) {
  HttpServer server(Always({.body = "direct"}));
  HttpServer proxy(Always({.body = "by proxy"}));
  setenv("http_proxy", proxy.url().c_str(), 1);
  HttpClient near(ConfigFor(server.url()));
  HttpClient far(ConfigFor("http://service.invalid"));
  EXPECT_EQ(near.Perform({.url = "/"}).response.body, "direct");
  EXPECT_EQ(far.Perform({.url = "/"}).response.body, "by proxy");
  unsetenv("http_proxy");
}

TEST(HttpTest, NeverSendsAnUnsafeRequestTwiceByItself) {
  std::atomic<int> count = 0;
  HttpServer server([&](const FakeRequest& request) {
    if (request.method == "POST") ++count;
    return request.method == "POST" ? FakeReply{.close_silently = true} : FakeReply{};
  });
  HttpClient client(ConfigFor(server.url()));
  ASSERT_TRUE(client.Perform({.url = "/"}).ok());  // leaves a kept connection
  const HttpRequest post{.method = "POST", .url = "/restart"};
  const HttpResult result = client.PerformRetrying(post, {.attempts = 4, .base_ns = 1});
  EXPECT_EQ(result.error.fault, HttpFault::kBroken);
  EXPECT_EQ(count, 1);
}

TEST(HttpTest, RetriesSafeRequestsUntilTheyWork) {
  std::atomic<int> count = 0;
  HttpServer server([&](const FakeRequest&) {
    switch (++count) {
      case 1:
        return FakeReply{.status = 503};
      case 2:
        return FakeReply{.reset = true};
      default:
        return FakeReply{.body = "there"};
    }
  });
  HttpClient client(ConfigFor(server.url()));
  const HttpResult result = client.PerformRetrying({.url = "/"}, {.base_ns = 1'000'000});
  EXPECT_TRUE(result.ok()) << result.error.Sentence();
  EXPECT_EQ(count, 3);
}

TEST(HttpTest, WaitsAsLongAsRetryAfterAsksFor) {
  std::atomic<int> count = 0;
  HttpServer server([&](const FakeRequest&) {
    return ++count == 1 ? FakeReply{.status = 429, .headers = {{"Retry-After", "1"}}} : FakeReply{};
  });
  HttpClient client(ConfigFor(server.url()));
  const auto begun = steady_clock::now();
  EXPECT_TRUE(client.PerformRetrying({.method = "POST", .url = "/"}, {.base_ns = 1}).ok());
  EXPECT_GE(ElapsedMs(begun), 1000);
  EXPECT_EQ(count, 2);
}

TEST(HttpTest, GivesUpWhenThePauseWouldPassTheDeadline) {
  HttpServer server(Always({.status = 503, .headers = {{"Retry-After", "30"}}}));
  HttpClient client(ConfigFor(server.url(), 500));
  const auto begun = steady_clock::now();
  const HttpResult result = client.PerformRetrying({.url = "/"}, {});
  EXPECT_EQ(result.error.retry_after_ns, 30'000'000'000);
  EXPECT_LT(ElapsedMs(begun), 400);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpTest, SeesAServerThatComesBack) {
  HttpServer server(Always({.body = "x"}));
  HttpClient client(ConfigFor(server.url()));
  ASSERT_TRUE(client.Perform({.url = "/"}).ok());
  server.Stop();
  EXPECT_EQ(client.Perform({.url = "/"}).error.fault, HttpFault::kConnect);
  std::thread restarter([&] {
    std::this_thread::sleep_for(milliseconds(100));  // the outage, not a synchronisation
    server.Start();
  });
  const HttpResult result =
      client.PerformRetrying({.url = "/"}, {.attempts = 1000, .base_ns = 20'000'000});
  EXPECT_TRUE(result.ok()) << result.error.Sentence();
  restarter.join();
}

TEST(HttpTest, ShowsUrlsWithoutSecrets) {
  EXPECT_EQ(ShownUrl("http://anna:pw@host:1/p?token=1#f"), "http://host:1/p");
  EXPECT_EQ(ShownUrl("http://host"), "http://host");
  EXPECT_EQ(ShownUrl("http://host/a@b"), "http://host/a@b");
  EXPECT_EQ(ShownUrl("http://host:1/p"), "http://host:1/p");
  EXPECT_EQ(ShownUrl("nonsense"), "nonsense");
}

TEST(HttpTest, ShowsCallsWithoutSecrets) {
  HttpConfig config;
  config.url = "https://anna:pw@host/base/";
  EXPECT_EQ(ShownCall(config, {.method = "POST", .url = "/restart?token=1"}),
            "POST https://host/base/restart?…");
  EXPECT_EQ(ShownCall(config, {.url = "http://bob:pw@other/x"}), "GET http://other/x");
  config.url = "unix:///var/run/docker.sock";
  EXPECT_EQ(ShownCall(config, {.method = "POST", .url = "/c/restart?t=10", .show_query = true}),
            "POST /c/restart?t=10");
}

TEST(HttpTest, ReportsItsCallsToTheActionThatMakesThem) {
  HttpConfig config;
  config.url = "http://127.0.0.1:1";
  HttpClient client(config);
  client.Perform({.url = "/nobody"});
  sdk::detail::CallLog log;
  log.Begin();
  client.Perform({.method = "POST", .url = "/restart?token=1"});
  client.Perform({.method = "POST", .url = "/restart?token=1"});
  const std::span<const heald_call> calls = log.End();
  ASSERT_EQ(calls.size(), 1u) << "the same again is one line";
  EXPECT_EQ(sdk::detail::View(calls[0].call), "POST http://127.0.0.1:1/restart?…");
  EXPECT_EQ(sdk::detail::View(calls[0].answer),
            "no answer: connection refused by http://127.0.0.1:1, 2 times");
  EXPECT_GT(calls[0].at_ns, 0);
  EXPECT_GT(calls[0].took_ns, 0);
}

TEST(HttpTest, EncodesForQueries) {
  EXPECT_EQ(UrlEncode("a b+c=ü/~"), "a%20b%2Bc%3D%C3%BC%2F~");
}

TEST(HttpConfigTest, FindsWhatASchemaCannotSay) {
  HttpConfig config = ConfigFor("htp://host");
  config.basic_auth = {"anna", "pw"};
  config.bearer_token = "t";
  config.tls.cert_file = "/nonexistent.crt";
  config.headers = {{"Bad Name", "x"}};
  std::vector<std::string> seen;
  for (const HttpConfigProblem& problem : CheckHttpConfig(config))
    seen.push_back(problem.pointer + ": " + problem.message);
  EXPECT_EQ(seen,
            (std::vector<std::string>{
                "/url: 'htp' is not a scheme this plugin speaks: write http://, https:// or "
                "unix://",
                "/bearer_token: only one of basic_auth, bearer_token and bearer_token_file can be "
                "sent: keep one",
                "/tls/cert_file: a client certificate needs both cert_file and key_file",
                "/tls/cert_file: cannot read '/nonexistent.crt': No such file or directory",
                "/headers: 'Bad Name' is not a header that can be sent"}));
  EXPECT_TRUE(CheckHttpConfig(ConfigFor("https://host:1/p")).empty());
  EXPECT_TRUE(CheckHttpConfig(ConfigFor("unix:///run/docker.sock")).empty());
}

TEST(HttpConfigTest, RefusesUrlsThatCannotWork) {
  EXPECT_NE(CheckUrl(""), "");
  EXPECT_NE(CheckUrl("localhost:9090"), "");
  EXPECT_NE(CheckUrl("http://"), "");
  EXPECT_NE(CheckUrl("http://host:99999"), "");
  EXPECT_NE(CheckUrl("http://anna:pw@host"), "");
  EXPECT_NE(CheckUrl("unix://run/docker.sock"), "");
}

}  // namespace
}  // namespace heald::support
