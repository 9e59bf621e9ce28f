// The API of the test cluster: one request to one answer, by the rules of an API server.
// Thread rule: any thread; takes the cluster's lock itself.
#pragma once

#include <memory>
#include <string>

#include "tests/fakes/http_server.h"
#include "tests/fakes/kubernetes/access.h"
#include "tests/fakes/kubernetes/cluster.h"
#include "tests/fakes/kubernetes/request.h"

namespace heald::fakes::kubernetes {

class Api {
 public:
  Api(Cluster& cluster, Access& access, std::string git_version);

  FakeReply Answer(const FakeRequest& http);
  // The list that is read on with a continue token is gone from now on (410).
  void ExpireContinues() { continue_floor_ = cluster_.store.version() + 1; }
  // The next reads of the object are each followed by another writer's change of it.
  void RaceReads(const std::string& kind, const std::string& space, const std::string& name,
                 int times);

 private:
  FakeReply Dispatch(const Request& request, const std::string& user);
  FakeReply Read(const Request& request);
  FakeReply List(const Request& request);
  FakeReply StartWatch(const Request& request);
  void CompleteAsServed(const Resource& resource, Json& object) const;
  FakeReply Create(const Request& request);
  FakeReply Replace(const Request& request);
  FakeReply Patch(const Request& request);
  FakeReply Remove(const Request& request);
  FakeReply RemoveAll(const Request& request);
  FakeReply Evict(const Request& request);
  FakeReply Scale(const Request& request);
  FakeReply Review(const Request& request, const std::string& user);

  Object Wanted(const Request& request) const;
  // Checks, completes and writes what a client made of an object.
  Object Write(const Request& request, const Object& old, Json changed, bool status_only);
  std::string NoteUnknownFields(const Request& request, const Json& sent) const;
  Json Shown(const Request& request, const Json& object) const;
  FakeReply Reply(int status, const Json& body) const;
  void Race(const Resource& resource, const Json& object);

  Cluster& cluster_;
  Access& access_;
  const std::string git_version_;
  int64_t continue_floor_ = 0;
  struct Racing {
    std::string kind, space, name;
    int times = 0;
  };
  Racing racing_;
};

// /version, /api, /apis…: nothing where the path is none of them.
std::optional<FakeReply> Discover(const std::string& path, const std::string& git_version);

}  // namespace heald::fakes::kubernetes
