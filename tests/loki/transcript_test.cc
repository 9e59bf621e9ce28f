// The fake Loki against exchanges recorded with a real one, and our parsers against its bytes. They
// lie outside the project: HEALD_SHARED, or `shared` beside it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "plugins/sources/loki/lines.h"
#include "tests/fakes/loki_server.h"

namespace heald::loki {
namespace {

using nlohmann::json;

json Recorded(const std::string& file) {
  const char* const shared = std::getenv("HEALD_SHARED");
  const std::filesystem::path folder =
      shared != nullptr ? std::filesystem::path(shared) : HEALD_SOURCE_DIR "/../shared";
  std::ifstream in(folder / "transcripts/loki" / file);
  return in ? json::parse(in) : json();
}

// Streams with sorted values, so that the order of an answer's parts doesn't count.
json Sorted(const json& result) {
  std::vector<json> parts(result.begin(), result.end());
  std::sort(parts.begin(), parts.end());
  return parts;
}

TEST(LokiTranscriptTest, TheFakeAnswersAsTheRealOneDid) {
  const json recorded = Recorded("http.json");
  if (recorded.is_null()) GTEST_SKIP() << "the recorded exchanges are not here: set HEALD_SHARED";
  // The clock of the recording: 2026-11-21T19:42:04.6Z.
  fakes::LokiServer server([] { return int64_t{1'795'290'124'600'000'000}; });
  size_t held = 0;
  for (const json& exchange : recorded["exchanges"]) {
    const std::string note = exchange["note"];
    const std::string path = exchange["path"];
    // What the fake doesn't have and the plugin doesn't use.
    if (path.find("/status/") != path.npos || path.find("/label/") != path.npos ||
        path.ends_with("/query"))
      continue;
    fakes::LokiRequest request{exchange["method"], path, exchange["query"], {}, ""};
    for (const auto& [name, value] : exchange["request_headers"].items()) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      request.headers[lower] = value;
    }
    if (exchange["request_body"].is_object()) continue;  // gzip: nobody sends it to the fake
    if (exchange["request_body"].is_string()) request.body = exchange["request_body"];
    const fakes::LokiReply reply = server.Answer(request);
    ASSERT_EQ(reply.status, exchange["status"].get<int>()) << note << ": " << reply.body;
    ++held;
    const std::string body = exchange["response_body"];
    if (reply.status == 200 && path.ends_with("query_range")) {
      const json ours = json::parse(reply.body);
      const json theirs = json::parse(body);
      EXPECT_EQ(ours["data"]["resultType"], theirs["data"]["resultType"]) << note;
      // Lines of 300 kB: not to be printed.
      EXPECT_TRUE(Sorted(ours["data"]["result"]) == Sorted(theirs["data"]["result"])) << note;
    } else if (reply.status == 200 && (path.ends_with("/series") || path.ends_with("/labels"))) {
      // The stream that was pushed by gzip is missing.
      const json ours = json::parse(reply.body)["data"];
      EXPECT_FALSE(ours.empty()) << note;
      EXPECT_THAT(json::parse(body)["data"], ::testing::IsSupersetOf(ours)) << note;
    } else if (reply.status == 400 && path.ends_with("query_range")) {
      EXPECT_EQ(reply.body, body) << note;
    } else if (reply.status == 400) {
      EXPECT_EQ(reply.body.substr(0, 15), body.substr(0, 15)) << note;
    }
  }
  EXPECT_GE(held, 20u);
}

TEST(LokiTranscriptTest, OurParserReadsEveryRecordedAnswer) {
  const json recorded = Recorded("http.json");
  if (recorded.is_null()) GTEST_SKIP() << "the recorded exchanges are not here: set HEALD_SHARED";
  size_t lines = 0;
  LineParser parser;
  for (const json& exchange : recorded["exchanges"]) {
    if (exchange["status"] != 200 || exchange["path"] != "/loki/api/v1/query_range") continue;
    std::string body = exchange["response_body"];
    const json theirs = json::parse(body);
    if (theirs["data"]["resultType"] != "streams") continue;
    const LogAnswer answer = parser.ParseAnswer(body);
    EXPECT_EQ(answer.error, "") << exchange["note"];
    size_t entries = 0;
    for (const json& stream : theirs["data"]["result"]) entries += stream["values"].size();
    EXPECT_EQ(answer.entries.size(), entries);
    lines += entries;
  }
  EXPECT_GT(lines, 5u);
}

TEST(LokiTranscriptTest, ATailMayBeginWithAPing) {
  const json recorded = Recorded("tail-ws.json");
  if (recorded.is_null()) GTEST_SKIP() << "the recorded exchanges are not here: set HEALD_SHARED";
  const std::string hex = recorded["frames_hex"];
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  std::vector<std::string> lines;
  bool pinged = false;
  LineParser parser;
  for (size_t at = 0; at + 2 <= bytes.size();) {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const int kind = byte(at) & 0x0f;
    size_t size = byte(at + 1) & 0x7f;
    at += 2;
    if (size == 126) {
      size = size_t{byte(at)} << 8 | byte(at + 1);
      at += 2;
    }
    std::string frame = bytes.substr(at, size);
    at += size;
    pinged |= kind == 9;
    if (kind != 1) continue;
    const LogAnswer answer = parser.ParseFrame(frame);
    EXPECT_EQ(answer.error, "");
    for (const Entry& entry : answer.entries) lines.push_back(entry.line);
  }
  EXPECT_TRUE(pinged);
  EXPECT_THAT(lines, ::testing::ElementsAre("boom 1", "boom 2 status=500", "tailed line"));
}

}  // namespace
}  // namespace heald::loki
