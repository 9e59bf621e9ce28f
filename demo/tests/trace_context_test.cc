#include "demo/services/trace_context.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "demo/services/log.h"
#include "demo/services/tracer.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr const char* kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(DemoTraceContextTest, ReadsWhatTheStandardShows) {
  const auto context = ParseTraceparent(kParent, "congo=t61rcWkgMzE");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context->span_id, "00f067aa0ba902b7");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->state, "congo=t61rcWkgMzE");
  EXPECT_EQ(Traceparent(*context), kParent);
}

TEST(DemoTraceContextTest, KnowsWhatIsNotRecorded) {
  const auto context =
      ParseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02", "");
  ASSERT_TRUE(context);
  EXPECT_FALSE(context->sampled);
}

TEST(DemoTraceContextTest, TakesALaterVersionByWhatItKnowsOfIt) {
  EXPECT_TRUE(ParseTraceparent("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", ""));
}

TEST(DemoTraceContextTest, RefusesWhatIsNoContext) {
  for (const char* bad : {
           "",
           "00",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
           "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
           "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
           "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
           "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
           "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
       })
    EXPECT_FALSE(ParseTraceparent(bad, "")) << bad;
}

struct Pipe {
  Pipe() {
    EXPECT_EQ(pipe(ends), 0);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  // All that is in it.
  std::string Read() {
    std::string all;
    char buffer[4096];
    for (ssize_t got = 0; (got = read(ends[0], buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<size_t>(got));
    return all;
  }
  int ends[2];
};

TEST(DemoLogTest, ALineWithinASpanHasItsIds) {
  auto tracer = Tracer::Create("users", "1", OtlpEnvironment(), nullptr);
  ASSERT_TRUE(tracer.ok());
  Pipe pipe;
  ServiceLog log("users", pipe.ends[1]);
  log.Write(Level::kInfo, "up");
  const json outside = json::parse(pipe.Read());
  EXPECT_FALSE(outside.contains("trace_id"));
  EXPECT_EQ(outside["service"], "users");
  EXPECT_EQ(outside["level"], "info");
  const SpanScope span(tracer->get(), "GET /users", ParseTraceparent(kParent, ""));
  log.Write(Level::kError, "broken \"here\"", {{"status", 500}});
  const json inside = json::parse(pipe.Read());
  EXPECT_EQ(inside["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(inside["span_id"], span.context()->span_id);
  EXPECT_NE(inside["span_id"], "00f067aa0ba902b7") << "its own, not the caller's";
  EXPECT_EQ(inside["status"], 500);
  EXPECT_EQ(inside["msg"], "broken \"here\"");
}

TEST(DemoLogTest, NobodyWhoReadsSlowlyHoldsItUp) {
  Pipe pipe;
  ServiceLog log("users", pipe.ends[1]);
  const std::string filler(1000, 'x');
  for (int i = 0; i < 200; ++i) log.Write(Level::kInfo, filler);  // more than a pipe holds
  EXPECT_LT(pipe.Read().size(), 100'000U);
  log.Write(Level::kInfo, "again");
  EXPECT_GT(json::parse(pipe.Read())["dropped_lines"], 100);
}

}  // namespace
}  // namespace heald::demo
