#include "core/api/request_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace heald::api {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

int StatusOf(const std::string& text) {
  const auto parsed = ParseRequestHead(text);
  const auto* error = std::get_if<HeadError>(&parsed);
  return error != nullptr ? error->status : 0;
}

RequestHead Parse(const std::string& text) {
  auto parsed = ParseRequestHead(text);
  if (const auto* error = std::get_if<HeadError>(&parsed)) {
    ADD_FAILURE() << error->detail;
    return {};
  }
  return std::get<RequestHead>(parsed);
}

TEST(ApiRequestHeadTest, DecodesPathAndQuery) {
  const RequestHead head = Parse(
      "GET /a%20b//c?limit=5&state=open&x=%26+y&flag&&z=1=2#part HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(head.request.method, "GET");
  EXPECT_EQ(head.request.path, "/a b//c");
  EXPECT_THAT(head.request.query,
              ElementsAre(Pair("limit", "5"), Pair("state", "open"), Pair("x", "& y"),
                          Pair("flag", ""), Pair("z", "1=2")));
}

TEST(ApiRequestHeadTest, TakesFramingFromTheHeaders) {
  const RequestHead head = Parse(
      "PUT / HTTP/1.1\r\nhOsT:  h \r\nContent-Length: 12\r\nExpect: 100-Continue\r\n"
      "Connection: Close\r\n\r\n");
  EXPECT_EQ(head.request.Header("host"), "h");
  EXPECT_EQ(head.body_bytes, 12u);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_FALSE(head.keep_alive);
  EXPECT_TRUE(Parse("GET / HTTP/1.1\r\nHost: h\r\n\r\n").keep_alive);
  EXPECT_FALSE(Parse("GET / HTTP/1.0\r\n\r\n").keep_alive);
}

TEST(ApiRequestHeadTest, RefusesWhatParsersReadDifferently) {
  const std::pair<int, std::string> cases[] = {
      {400, "\r\n\r\n"},
      {400, "GET\r\n\r\n"},
      {400, "GET /\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\nHost: h\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n"},
      {400, std::string("GET / HTTP/1.1\r\nHost: h\0x\r\n\r\n", 29)},
      {400, "GET / HTTP/1.1\r\nHost : h\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost h\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
      {400, "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
      {400, "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n"},
      {400, "G(T / HTTP/1.1\r\nHost: h\r\n\r\n"},
      {400, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"},
      {400, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1 2\r\n\r\n"},
      {400, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n"},
      {400, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
      {411, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {417, "PUT / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n"},
      {505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
  };
  for (const auto& [status, text] : cases) EXPECT_EQ(StatusOf(text), status) << text;
}

}  // namespace
}  // namespace heald::api
