// A real PostgreSQL of the test's own: made by initdb in a folder of its own, on a socket there and
// a free loopback port, as an unprivileged user where the test runs as root. Gone with the test.
// Thread rule: one thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/fakes/child_process.h"

namespace heald::fakes {

class PostgresServer {
 public:
  static bool Installed();

  // Throws what keeps it from starting. `settings` are lines of postgresql.conf; `base` is the
  // folder for its own, else memory where there is some.
  explicit PostgresServer(const std::string& settings = "fsync = off\nfull_page_writes = off\n",
                          const std::string& base = "");
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // The same data, at the same address.
  void Start();
  // As an administrator stops it (fast: clients are sent away), or as a crash does.
  void Stop();
  void Crash();

  // For agent.store; each name is a store of its own.
  std::string Url(const std::string& schema, const std::string& user = "postgres") const;
  int port() const { return port_; }
  const std::string& folder() const { return folder_; }
  // Any SQL in a session of its own; the first column of each row. Throws what the server says.
  std::vector<std::string> Run(const std::string& sql) const;

 private:
  bool Answers() const;
  void EndWith(int signal);

  std::string folder_;
  int port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace heald::fakes
