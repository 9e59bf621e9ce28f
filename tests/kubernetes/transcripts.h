// Exchanges recorded with a real API server, found through $HEALD_SHARED or beside the sources, and
// what of an answer is the server's word and what is chance. Used by the replay test.
// Thread rule: values; one thread at a time.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace heald::kubernetes_test {

using Json = nlohmann::json;

struct Exchange {
  std::string where;  // "05-evict 3"
  std::string note;
  std::string method;
  std::string path;
  std::string query;
  std::string content_type;
  std::string accept;
  std::string token;  // "admin", "agent", "nobody", "bad"; empty: none
  std::string body;
  int status = 0;
  std::string reply;
  int64_t at_s = 0;   // when, by the answer's Date
  bool poll = false;  // more of the same follow, until a controller is done
};

// The folder of specs and transcripts; empty: there is none here.
std::string SharedFolder();
// All scenarios, in the order in which they were recorded.
std::vector<Exchange> ReadTranscripts(const std::string& folder);

// What a recording calls by a chance name: pods, uids, hashes, tokens, and how it is called here.
class Names {
 public:
  // Learns from two answers that should be the same.
  void Learn(const Json& recorded, const Json& ours);
  std::string Translate(std::string text) const;
  Json Translate(const Json& recorded) const;

 private:
  void Add(const std::string& recorded, const std::string& ours);
  void LearnFromConditions(const Json& recorded, const Json& ours);
  bool MayBe(const Json& recorded, const Json& ours) const;
  std::map<std::string, std::string> names_;
  std::set<std::string> taken_;  // of ours
};

// What the recorded answer has and ours has not, or has of another type or value; one line each.
// Times, ids, versions, addresses are only compared by their type.
struct Leniency {
  bool status = false;  // a rollout is under way: its status is not compared
  bool items = false;   // a list of what is there by chance: only what both have is compared
};
std::vector<std::string> Differences(const Json& recorded, const Json& ours, Leniency leniency);

}  // namespace heald::kubernetes_test
