// A request to the test cluster, taken apart: path, query, options. Used by the API.
// Thread rule: values.
#pragma once

#include <map>
#include <string>

#include "tests/fakes/http_server.h"
#include "tests/fakes/kubernetes/access.h"
#include "tests/fakes/kubernetes/status.h"

namespace heald::fakes::kubernetes {

struct Request {
  explicit Request(const FakeRequest& http);

  std::string Query(const std::string& name) const;
  bool Flag(const std::string& name) const;  // "1", "true"
  bool dry_run() const { return Query("dryRun") == "All" || dry_run_body; }
  // The body as JSON; 400 where it is none.
  Json Body() const;

  const FakeRequest& http;
  std::map<std::string, std::string> query;
  bool known = false;  // the path is one of resources
  std::string group;
  std::string version;
  std::string space;
  std::string plural;
  std::string name;
  std::string sub;                     // "eviction", "scale", "status", "log"
  const Resource* resource = nullptr;  // null: a kind that the cluster doesn't have
  bool dry_run_body = false;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  std::string Verb() const;
  Attempt AsAttempt() const;
  // Who writes: the field manager, or the program of the User-Agent.
  std::string Manager() const;
};

}  // namespace heald::fakes::kubernetes
