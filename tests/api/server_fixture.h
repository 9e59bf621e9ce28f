// A running server over a fake backend, and short ways to ask it. Thread rule: one test thread.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "core/api/server.h"
#include "tests/api/fake_backend.h"
#include "tests/api/raw_client.h"

namespace heald::api {

class ServerFixture : public ::testing::Test {
 protected:
  void Start(ServerOptions options = {}) {
    if (options.listen == ServerOptions{}.listen) options.listen = "127.0.0.1:0";
    Result<std::unique_ptr<Server>> server = Server::Bind(std::move(options));
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
    const Status serving = server_->Serve(backend_);
    ASSERT_TRUE(serving.ok()) << serving.error().message;
  }
  static std::string RequestText(const std::string& method, const std::string& path,
                                 const std::string& headers = "", const std::string& body = "") {
    std::string text = method + " " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + body;
  }
  Answer Ask(const std::string& method, const std::string& path, const std::string& headers = "",
             const std::string& body = "") {
    return AskRaw(RequestText(method, path, headers, body));
  }
  Answer AskRaw(const std::string& text) {
    RawClient client(server_->port(), tls_);
    client.Send(text);
    return client.Read();
  }

  // So many connections that all wait for their client, some of them idle.
  void WaitForConnections(size_t wanted, size_t idle) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    const auto there = [&] {
      const Server::Stats stats = server_->stats();
      return stats.connections == wanted && stats.idle == idle &&
             stats.working + stats.waiting == 0;
    };
    while (!there() && std::chrono::steady_clock::now() < give_up)
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ASSERT_TRUE(there()) << server_->stats().connections << " connections";
  }

  FakeBackend backend_;
  std::unique_ptr<Server> server_;  // stops before the backend goes
  SSL_CTX* tls_ = nullptr;          // how clients speak; null: plain
};

}  // namespace heald::api
