// A Loki for tests: takes lines by the push API, gives them by query_range and by tail, answers
// mistakes as Loki 2.8 does (tests/loki holds it against recorded exchanges), and can misbehave on
// demand. Knows selectors with =, the filter |=,, and count_over_time of them.
// Thread rule: all methods are callable from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace heald::fakes {

struct LokiReply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::map<std::string, std::string> headers = {};
  size_t cut_after_bytes = std::string::npos;  // of the body, then the connection is closed
  int slow_ms = 0;                             // between two pieces of the body
};

struct LokiRequest {
  std::string method;
  std::string path;
  std::string query;                           // as sent
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class LokiServer {
 public:
  // now_ns: Loki's clock; empty: the system's.
  explicit LokiServer(std::function<int64_t()> now_ns = {});
  ~LokiServer();
  LokiServer(const LokiServer&) = delete;
  LokiServer& operator=(const LokiServer&) = delete;

  std::string url() const;
  // Closes the port and every connection; Start listens on the same port again, lines kept.
  void Stop();
  void Start();

  // What a request gets, by the rules of Loki.
  LokiReply Answer(const LokiRequest& request);
  void Push(const std::map<std::string, std::string>& stream, int64_t ts_ns,
            const std::string& line);
  // Instead of Answer, where it returns something; empty: never.
  void SetFault(std::function<std::unique_ptr<LokiReply>(const LokiRequest&)> fault);
  // Tails are cut, with these words where there are any, and new ones refused while `refuse` is
  // set.
  void CutTails(bool refuse = false, const std::string& words = "");
  // The next frame of each tail says that lines were dropped, and the lines pushed from now on to
  // the next frame are dropped indeed.
  void DropNextTailed();
  // Lines pushed from now on don't come by tail, as if their frames were lost.
  void MuteTails(bool mute);
  size_t tails() const;
  std::vector<LokiRequest> requests() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heald::fakes
