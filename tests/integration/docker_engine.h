// A real Docker Engine of the test's own: dockerd on a socket in a temporary folder, a tiny image,
// and nothing left when it is gone. Used by the tests of the docker action and of the whole agent.
// Thread rule: one thread.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "plugins/support/http.h"

namespace heald::testing {

class DockerEngine {
 public:
  // Holds busybox as /bin/busybox, /bin/sh and a few more.
  static constexpr const char* kImage = "heald/busybox:test";

  struct Tls {
    std::string ca_file;
    std::string cert_file;
    std::string key_file;
  };

  // Starts it and imports the image. Where that can't work, Available is false and why() is one
  // line for GTEST_SKIP. With tls it also listens on a port of 127.0.0.1, for clients whose
  // certificate is from tls.ca_file.
  explicit DockerEngine(const Tls* tls = nullptr);
  ~DockerEngine();
  DockerEngine(const DockerEngine&) = delete;
  DockerEngine& operator=(const DockerEngine&) = delete;

  bool Available() const { return why_.empty(); }
  const std::string& why() const { return why_; }
  const std::filesystem::path& folder() const { return folder_; }
  std::string socket_path() const { return folder_ / "docker.sock"; }
  std::string url() const { return "unix://" + socket_path(); }
  int tls_port() const { return tls_port_; }

  // Ends it, by SIGKILL if `killed`: containers stay with it unless they are killed too. StartAgain
  // gives empty, or what went wrong; images and containers are kept.
  void Stop(bool killed = false);
  std::string StartAgain();

  // One call of its API, for setting the scene: path without version ("/containers/json"). Answers
  // {} where the body isn't JSON; *status may be null.
  nlohmann::json Api(const std::string& method, const std::string& path,
                     const nlohmann::json& body = nullptr, int* status = nullptr);
  // Makes an image of a folder's content. Empty, or what went wrong.
  std::string ImportTree(const std::filesystem::path& tree, const std::string& image);
  // Creates and starts a container of kImage (or body["Image"]) on the host's network (or
  // body["HostConfig"]["NetworkMode"]) and gives its id; empty when the Engine refused.
  std::string RunContainer(const std::string& name, nlohmann::json body);

 private:
  std::string Start(const Tls* tls);
  std::string ImportBusybox();
  std::string LastLogLine() const;
  std::string Launch();

  std::filesystem::path folder_;
  std::string why_;
  std::vector<std::string> command_;
  pid_t pid_ = 0;
  int tls_port_ = 0;
  std::unique_ptr<support::HttpClient> client_;
};

}  // namespace heald::testing
