#include "core/api/encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

namespace heald::api {
namespace {

const std::string kText(5000, 'x');

std::string_view HeaderOf(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

Response Encoded(const std::string& accept, Response response) {
  Request request;
  request.method = "GET";
  if (!accept.empty()) request.headers = {{"accept-encoding", accept}};
  Encode(request, response);
  return response;
}

Response Text() {
  Response response;
  response.body = kText;
  return response;
}

bool IsPacked(const Response& response) {
  return HeaderOf(response, "Content-Encoding") == "gzip";
}

std::string Unpack(const std::string& packed) {
  z_stream stream{};
  inflateInit2(&stream, 15 + 16);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(ApiEncodingTest, PacksTextForWhoTakesIt) {
  const Response response = Encoded("deflate, gzip, br", Text());
  EXPECT_TRUE(IsPacked(response));
  EXPECT_EQ(HeaderOf(response, "Vary"), "Accept-Encoding");
  EXPECT_LT(response.body.size(), 200u);
  EXPECT_EQ(Unpack(response.body), kText);
}

TEST(ApiEncodingTest, ReadsTheClientsWishes) {
  for (const char* accept : {"gzip", "GZIP", "gzip;q=0.1", "*", "br;q=1.0, gzip; q=0.5", " gzip "})
    EXPECT_TRUE(IsPacked(Encoded(accept, Text()))) << accept;
  for (const char* accept :
       {"", "br", "identity", "gzip;q=0", "gzip;q=0.0, *", "*;q=0", "gzipped", ","}) {
    const Response response = Encoded(accept, Text());
    EXPECT_FALSE(IsPacked(response)) << accept;
    EXPECT_EQ(response.body, kText);
    EXPECT_EQ(HeaderOf(response, "Vary"), "Accept-Encoding");  // for caches on the way
  }
}

TEST(ApiEncodingTest, LeavesAloneWhatIsShortOrNoTextOrPackedAlready) {
  Response brief = Text();
  brief.body.resize(500);
  EXPECT_FALSE(IsPacked(Encoded("gzip", brief)));
  Response picture = Text();
  picture.content_type = "image/png";
  EXPECT_FALSE(IsPacked(Encoded("gzip", picture)));
  Response packed = Text();
  packed.headers = {{"content-encoding", "gzip"}};
  EXPECT_EQ(Encoded("gzip", packed).body, kText);
  for (const char* type : {"text/html; charset=utf-8", "application/problem+json",
                           "text/javascript", "image/svg+xml", "application/yaml"}) {
    Response text = Text();
    text.content_type = type;
    EXPECT_TRUE(IsPacked(Encoded("gzip", text))) << type;
  }
}

TEST(ApiEncodingTest, TellsThatNothingHasChanged) {
  Response tagged = Text();
  tagged.headers = {{"ETag", "\"a1\""}};
  Request request;
  request.method = "GET";
  for (const char* known : {"\"a1\"", "W/\"a1\"", "\"b\", \"a1\"", "*"}) {
    request.headers = {{"if-none-match", known}};
    Response response = tagged;
    Encode(request, response);
    EXPECT_EQ(response.status, 304) << known;
    EXPECT_EQ(response.body, "");
    EXPECT_EQ(HeaderOf(response, "ETag"), "\"a1\"");
  }
  for (const char* known : {"\"a2\"", "a1", ""}) {
    request.headers = {{"if-none-match", known}};
    Response response = tagged;
    Encode(request, response);
    EXPECT_EQ(response.status, 200) << known;
  }
  request.headers = {{"if-none-match", "\"a1\""}};
  request.method = "PUT";
  Response changed = tagged;
  Encode(request, changed);
  EXPECT_EQ(changed.status, 200);
}

TEST(ApiEncodingTest, TagOfPackedTextIsWeakAndStillMatches) {
  Response tagged = Text();
  tagged.headers = {{"ETag", "\"a1\""}};
  EXPECT_EQ(HeaderOf(Encoded("gzip", tagged), "ETag"), "W/\"a1\"");
}

}  // namespace
}  // namespace heald::api
