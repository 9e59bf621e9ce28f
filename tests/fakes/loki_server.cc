#include "tests/fakes/loki_server.h"

#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/WebSocket.h>
#include <Poco/StreamCopier.h>
#include <Poco/URI.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <mutex>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <thread>

namespace heald::fakes {
namespace {

namespace net = Poco::Net;
using nlohmann::json;
using Stream = std::map<std::string, std::string>;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMaxLimit = 5000;
constexpr int64_t kMostAheadNs = 600 * kSecond;

struct Line {
  Stream stream;
  int64_t ts_ns;
  std::string text;
  uint64_t number;  // in the order of arrival
};

LokiReply Plain(int status, const std::string& text) {
  return {status, text, "text/plain; charset=utf-8", {}, std::string::npos, 0};
}

std::string RealStream(const Stream& stream) {
  std::string text = "{";
  for (const auto& [name, value] : stream)
    text += (text.size() > 1 ? ", " : "") + name + "=\"" + value + "\"";
  return text + "}";
}

// {app="api",level="error"} |= "timeout"
struct Selector {
  Stream equal;
  std::string contains;
  bool Matches(const Line& line) const {
    return std::all_of(equal.begin(), equal.end(),
                       [&](const auto& label) {
                         const auto at = line.stream.find(label.first);
                         return at != line.stream.end() && at->second == label.second;
                       }) &&
           line.text.find(contains) != std::string::npos;
  }
};

bool ParseSelector(const std::string& text, Selector* out) {
  static const std::regex kWhole(R"re(\s*\{([^}]*)\}\s*(?:\|=\s*"([^"]*)")?\s*)re");
  static const std::regex kLabel(R"re(\s*(\w+)\s*=\s*"([^"]*)"\s*)re");
  std::smatch whole;
  if (!std::regex_match(text, whole, kWhole)) return false;
  out->contains = whole[2];
  std::string labels = whole[1];
  for (size_t at = 0; at <= labels.size();) {
    const size_t end = std::min(labels.find(',', at), labels.size());
    const std::string one = labels.substr(at, end - at);
    std::smatch label;
    if (!std::regex_match(one, label, kLabel)) return false;
    out->equal[label[1]] = label[2];
    at = end + 1;
  }
  return !out->equal.empty();
}

// RFC 3339, seconds with a fraction, or nanoseconds.
int64_t TimeOf(const std::string& text) {
  if (text.find('T') != std::string::npos) {
    std::tm parts{};
    strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    return timegm(&parts) * kSecond;
  }
  if (text.find('.') != std::string::npos)
    return static_cast<int64_t>(std::stold(text) * static_cast<long double>(kSecond));
  return std::stoll(text);
}

std::string Iso(int64_t ns) {
  const std::time_t seconds = ns / kSecond;
  char text[40];
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

json StreamsOf(const std::vector<Line>& lines) {
  std::map<Stream, json> values;
  for (const Line& line : lines)
    values[line.stream].push_back({std::to_string(line.ts_ns), line.text});
  json streams = json::array();
  for (const auto& [stream, list] : values)
    streams.push_back({{"stream", stream}, {"values", list}});
  return streams;
}

}  // namespace

class LokiServer::Impl {
 public:
  explicit Impl(std::function<int64_t()> now_ns) : now_(std::move(now_ns)) {}

  int64_t NowNs() const {
    return now_ ? now_()
                : std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
  }

  LokiReply Answer(const LokiRequest& request) {
    if (request.path == "/ready") return Plain(200, "ready\n");
    if (request.path == "/loki/api/v1/push") return PushAnswer(request);
    if (request.path == "/loki/api/v1/tail") return Plain(400, "Bad Request\n");
    if (request.path == "/loki/api/v1/query_range") return RangeAnswer(request);
    if (request.path == "/loki/api/v1/series") return StreamsAnswer(request);
    if (request.path == "/loki/api/v1/labels") return StreamsAnswer(request);
    return Plain(404, "404 page not found\n");
  }

  void Push(const Stream& stream, int64_t ts_ns, const std::string& text) {
    const std::lock_guard lock(mutex);
    const bool known = std::any_of(lines.begin(), lines.end(), [&](const Line& line) {
      return line.ts_ns == ts_ns && line.text == text && line.stream == stream;
    });
    if (known) return;
    lines.push_back({stream, ts_ns, text, ++next_number});
    if (mute || dropping) muted.push_back(next_number);
  }

  mutable std::mutex mutex;
  std::vector<Line> lines;
  uint64_t next_number = 0;
  std::vector<uint64_t> muted;  // lines that no tail gets
  bool mute = false;
  bool dropping = false;
  bool refuse_tails = false;
  uint64_t cut = 0;  // a tail from before is at its end
  std::string cut_words;
  size_t tails = 0;
  bool stopping = false;
  std::function<std::unique_ptr<LokiReply>(const LokiRequest&)> fault;
  std::vector<LokiRequest> requests;
  std::unique_ptr<net::HTTPServer> http;
  int port = 0;

 private:
  LokiReply PushAnswer(const LokiRequest& request) {
    const auto type = request.headers.find("content-type");
    if (type == request.headers.end() || type->second.find("application/json") == std::string::npos)
      return Plain(400, "snappy: corrupt input\n");
    const json body = json::parse(request.body, nullptr, false);
    if (body.is_discarded() || !body.is_object()) return Plain(400, "loghttp.PushRequest\n");
    for (const json& stream : body.value("streams", json::array())) {
      const Stream labels = stream["stream"].get<Stream>();
      if (labels.empty())
        return Plain(400, "error at least one label pair is required per stream\n");
      for (const auto& [name, value] : labels)
        if (const size_t bad = name.find('-'); bad != std::string::npos)
          return Plain(400, "1:" + std::to_string(bad + 2) +
                                ": parse error: unexpected character inside braces: '-'\n");
      for (const json& value : stream["values"]) {
        if (!value[0].is_string()) return Plain(400, "loghttp.PushRequest.Streams\n");
        const int64_t ts_ns = std::stoll(value[0].get<std::string>());
        if (ts_ns > NowNs() + kMostAheadNs)
          return Plain(400, "entry for stream '" + RealStream(labels) +
                                "' has timestamp too new: " + Iso(ts_ns) + "\n");
        Push(labels, ts_ns, value[1]);
      }
    }
    return {204, "", "", {}, std::string::npos, 0};
  }

  static std::map<std::string, std::string> FormOf(const LokiRequest& request) {
    std::map<std::string, std::string> form;
    Poco::URI uri;
    uri.setRawQuery(request.query);
    for (const auto& [name, value] : uri.getQueryParameters()) form[name] = value;
    return form;
  }

  // All streams that match[] picks, or the names of all their labels.
  LokiReply StreamsAnswer(const LokiRequest& request) {
    std::map<std::string, std::string> form = FormOf(request);
    const bool whole = request.path.ends_with("/series");
    Selector selector;
    if (whole && !ParseSelector(form["match[]"], &selector))
      return Plain(400, "parse error at line 1");
    std::set<Stream> streams;
    std::set<std::string> labels;
    {
      const std::lock_guard lock(mutex);
      for (const Line& line : lines)
        if (!whole || selector.Matches(line)) streams.insert(line.stream);
    }
    for (const Stream& stream : streams)
      for (const auto& [name, value] : stream) labels.insert(name);
    const json body = {{"status", "success"}, {"data", whole ? json(streams) : json(labels)}};
    return {200, body.dump() + "\n", "application/json", {}, std::string::npos, 0};
  }

  LokiReply RangeAnswer(const LokiRequest& request) {
    std::map<std::string, std::string> form = FormOf(request);
    const int64_t now_ns = NowNs();
    const int64_t from_ns =
        form.contains("start") ? TimeOf(form["start"]) : now_ns - 3600 * kSecond;
    const int64_t to_ns = form.contains("end") ? TimeOf(form["end"]) : now_ns;
    int64_t limit = 100;
    if (form.contains("limit")) {
      if (form["limit"].find_first_not_of("0123456789") != std::string::npos)
        return Plain(400, "strconv.Atoi: parsing \"" + form["limit"] + "\": invalid syntax");
      limit = std::stoll(form["limit"]);
    }
    if (to_ns < from_ns)
      return Plain(400, "end timestamp must not be before or equal to start time");
    if (limit > kMaxLimit)
      return Plain(400, "max entries limit per query exceeded, limit > max_entries_limit (" +
                            std::to_string(limit) + " > " + std::to_string(kMaxLimit) + ")");
    static const std::regex kCount(
        R"re(\s*sum(?: by \((\w+)\))?\s*\(count_over_time\((.*)\[(\d+)([ms])\]\)\))re");
    std::smatch count;
    const std::string& query = form["query"];
    if (std::regex_match(query, count, kCount)) {
      Selector selector;
      if (!ParseSelector(count[2], &selector)) return Plain(400, "parse error at line 1");
      const int64_t window_ns = std::stoll(count[3]) * (count[4] == "m" ? 60 : 1) * kSecond;
      return Matrix(selector, count[1], window_ns, from_ns, to_ns, StepOf(form["step"]));
    }
    Selector selector;
    if (!ParseSelector(query, &selector)) {
      if (query.find("=~\".*\"") != std::string::npos)
        return Plain(400,
                     "parse error : queries require at least one regexp or equality matcher that "
                     "does not have an empty-compatible value. For instance, app=~\".*\" does not "
                     "meet this requirement, but app=~\".+\" will");
      return Plain(400,
                   "parse error at line 1, col 6: syntax error: unexpected $end, expecting "
                   "STRING");
    }
    std::vector<Line> found;
    {
      const std::lock_guard lock(mutex);
      for (const Line& line : lines)
        if (line.ts_ns >= from_ns && line.ts_ns < to_ns && selector.Matches(line))
          found.push_back(line);
    }
    const bool forward = form["direction"] == "forward";
    std::stable_sort(found.begin(), found.end(), [&](const Line& a, const Line& b) {
      return forward ? a.ts_ns < b.ts_ns : a.ts_ns > b.ts_ns;
    });
    if (found.size() > static_cast<size_t>(limit)) found.resize(static_cast<size_t>(limit));
    return Success("streams", StreamsOf(found));
  }

  static int64_t StepOf(const std::string& text) {
    const int64_t number = std::stoll(text);
    return text.ends_with("ms") ? number * 1'000'000 : number * kSecond;
  }

  // As Loki, with both ends moved onto the grid of the steps.
  LokiReply Matrix(const Selector& selector, const std::string& by, int64_t window_ns,
                   int64_t from_ns, int64_t to_ns, int64_t step_ns) {
    const std::lock_guard lock(mutex);
    std::map<std::string, json> series;
    for (int64_t at = from_ns - from_ns % step_ns; at < to_ns + step_ns; at += step_ns) {
      if (at > to_ns && at - step_ns >= to_ns) break;
      std::map<std::string, int> counts;
      for (const Line& line : lines)
        if (selector.Matches(line) && line.ts_ns > at - window_ns && line.ts_ns <= at)
          ++counts[by.empty() ? "" : line.stream.at(by)];
      for (const auto& [value, count] : counts)
        series[value].push_back({at / kSecond, std::to_string(count)});
    }
    json result = json::array();
    for (const auto& [value, points] : series)
      result.push_back(
          {{"metric", by.empty() ? json::object() : json{{by, value}}}, {"values", points}});
    return Success("matrix", result);
  }

  static LokiReply Success(const char* type, const json& result) {
    const json body = {{"status", "success"},
                       {"data",
                        {{"resultType", type},
                         {"result", result},
                         {"stats", {{"summary", {{"totalLinesProcessed", 0}}}}}}}};
    return {200, body.dump(), "application/json; charset=UTF-8", {}, std::string::npos, 0};
  }

  const std::function<int64_t()> now_;
};

namespace {

LokiRequest Read(net::HTTPServerRequest& in) {
  LokiRequest request;
  request.method = in.getMethod();
  const std::string& uri = in.getURI();
  const size_t mark = std::min(uri.find('?'), uri.size());
  request.path = uri.substr(0, mark);
  request.query = mark < uri.size() ? uri.substr(mark + 1) : "";
  for (const auto& [name, value] : in) {
    std::string lower = name;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    request.headers[lower] = value;
  }
  Poco::StreamCopier::copyToString(in.stream(), request.body);
  return request;
}

class Handler final : public net::HTTPRequestHandler {
 public:
  using Serve = std::function<void(net::HTTPServerRequest&, net::HTTPServerResponse&)>;
  explicit Handler(Serve serve) : serve_(std::move(serve)) {}
  void handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response) override {
    try {
      serve_(request, response);
    } catch (const std::exception&) {
      // The client left, or a fault was asked for: Poco closes the connection.
    }
  }

 private:
  Serve serve_;
};

class Factory final : public net::HTTPRequestHandlerFactory {
 public:
  explicit Factory(Handler::Serve serve) : serve_(std::move(serve)) {}
  net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override {
    return new Handler(serve_);
  }

 private:
  Handler::Serve serve_;
};

void Send(net::HTTPServerResponse& response, const LokiReply& reply) {
  response.setStatus(static_cast<net::HTTPResponse::HTTPStatus>(reply.status));
  if (!reply.content_type.empty()) response.setContentType(reply.content_type);
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  const std::string body = reply.body.substr(0, reply.cut_after_bytes);
  response.setContentLength64(static_cast<Poco::Int64>(reply.body.size()));
  if (body.size() < reply.body.size()) response.setKeepAlive(false);
  std::ostream& out = response.send();
  if (reply.slow_ms == 0) {
    out << body;
  } else {
    for (size_t at = 0; at < body.size() && out.good(); at += 16) {
      out << body.substr(at, 16) << std::flush;
      std::this_thread::sleep_for(std::chrono::milliseconds(reply.slow_ms));
    }
  }
  out.flush();
}

}  // namespace

LokiServer::LokiServer(std::function<int64_t()> now_ns)
    : impl_(std::make_unique<Impl>(std::move(now_ns))) {
  std::signal(SIGPIPE, SIG_IGN);  // Poco writes without MSG_NOSIGNAL
  Start();
}

LokiServer::~LokiServer() {
  Stop();
}

std::string LokiServer::url() const {
  return "http://127.0.0.1:" + std::to_string(impl_->port);
}

void LokiServer::Start() {
  const auto tail = [this](net::HTTPServerRequest& in, net::HTTPServerResponse& out,
                           const LokiRequest& request) {
    Impl& loki = *impl_;
    std::map<std::string, std::string> form;
    Poco::URI uri;
    uri.setRawQuery(request.query);
    for (const auto& [name, value] : uri.getQueryParameters()) form[name] = value;
    Selector selector;
    uint64_t cut = 0;
    int64_t from_ns = 0;
    {
      const std::lock_guard lock(loki.mutex);
      if (loki.refuse_tails || !ParseSelector(form["query"], &selector)) {
        Send(out, Plain(400, "Bad Request\n"));
        return;
      }
      cut = loki.cut;
      ++loki.tails;
      if (form.contains("start")) from_ns = TimeOf(form["start"]);
    }
    net::WebSocket socket(in, out);
    if (from_ns > loki.NowNs()) {
      socket.shutdown(net::WebSocket::WS_UNEXPECTED_CONDITION,
                      "this data is no longer available, it is past now - max_query_lookback (0s)");
      const std::lock_guard lock(loki.mutex);
      --loki.tails;
      return;
    }
    uint64_t sent = 0;
    const auto over = [&] {
      const std::lock_guard lock(loki.mutex);
      return loki.stopping || loki.cut != cut;
    };
    try {
      auto pinged = std::chrono::steady_clock::now() - std::chrono::seconds(1);
      while (!over()) {
        std::vector<Line> due;
        bool dropped = false;
        {
          const std::lock_guard lock(loki.mutex);
          for (const Line& line : loki.lines)
            if (line.number > sent && line.ts_ns >= from_ns && selector.Matches(line) &&
                std::find(loki.muted.begin(), loki.muted.end(), line.number) == loki.muted.end())
              due.push_back(line);
          sent = loki.next_number;
          dropped = loki.dropping && !loki.muted.empty();
          if (dropped) loki.dropping = false;
        }
        if (!due.empty() || dropped) {
          json frame = {{"streams", StreamsOf(due)}};
          if (dropped)
            frame["dropped_entries"] = {{{"labels", json::object()}, {"timestamp", "0"}}};
          const std::string text = frame.dump();
          socket.sendFrame(text.data(), static_cast<int>(text.size()));
        }
        if (std::chrono::steady_clock::now() - pinged > std::chrono::milliseconds(500)) {
          pinged = std::chrono::steady_clock::now();
          socket.sendFrame("", 0, 0x80 | int{net::WebSocket::FRAME_OP_PING});
        }
        if (socket.poll(Poco::Timespan(0, 10'000), net::Socket::SELECT_READ)) {
          char buffer[1024];
          int flags = 0;
          if (socket.receiveFrame(buffer, sizeof buffer, flags) <= 0 && flags == 0) break;
        }
      }
      std::string words;
      {
        const std::lock_guard lock(loki.mutex);
        words = loki.cut_words;
      }
      if (!words.empty()) socket.shutdown(net::WebSocket::WS_UNEXPECTED_CONDITION, words);
    } catch (const std::exception&) {
      // The client left.
    }
    const std::lock_guard lock(loki.mutex);
    --loki.tails;
  };
  const auto serve = [this, tail](net::HTTPServerRequest& in, net::HTTPServerResponse& out) {
    const LokiRequest request = Read(in);
    std::function<std::unique_ptr<LokiReply>(const LokiRequest&)> fault;
    {
      const std::lock_guard lock(impl_->mutex);
      impl_->requests.push_back(request);
      fault = impl_->fault;
    }
    if (const auto reply = fault ? fault(request) : nullptr) {
      Send(out, *reply);
      return;
    }
    if (request.path == "/loki/api/v1/tail" && request.headers.contains("sec-websocket-key"))
      tail(in, out, request);
    else
      Send(out, Answer(request));
  };
  net::ServerSocket socket;
  socket.bind(net::SocketAddress("127.0.0.1", static_cast<Poco::UInt16>(impl_->port)), true);
  socket.listen(64);
  impl_->port = socket.address().port();
  impl_->stopping = false;
  net::HTTPServerParams::Ptr params(new net::HTTPServerParams);
  params->setMaxThreads(16);
  params->setKeepAliveTimeout(Poco::Timespan(0, 50'000));
  impl_->http = std::make_unique<net::HTTPServer>(new Factory(serve), socket, params);
  impl_->http->start();
}

void LokiServer::Stop() {
  if (impl_->http == nullptr) return;
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->http->stopAll(true);
  while (impl_->http->currentConnections() > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  impl_->http.reset();
}

LokiReply LokiServer::Answer(const LokiRequest& request) {
  return impl_->Answer(request);
}
void LokiServer::Push(const Stream& stream, int64_t ts_ns, const std::string& line) {
  impl_->Push(stream, ts_ns, line);
}
void LokiServer::SetFault(std::function<std::unique_ptr<LokiReply>(const LokiRequest&)> fault) {
  const std::lock_guard lock(impl_->mutex);
  impl_->fault = std::move(fault);
}
void LokiServer::CutTails(bool refuse, const std::string& words) {
  const std::lock_guard lock(impl_->mutex);
  ++impl_->cut;
  impl_->cut_words = words;
  impl_->refuse_tails = refuse;
}
void LokiServer::DropNextTailed() {
  const std::lock_guard lock(impl_->mutex);
  impl_->dropping = true;
  impl_->muted.clear();
}
void LokiServer::MuteTails(bool mute) {
  const std::lock_guard lock(impl_->mutex);
  impl_->mute = mute;
}
size_t LokiServer::tails() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->tails;
}
std::vector<LokiRequest> LokiServer::requests() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->requests;
}

}  // namespace heald::fakes
