// heald-demo-broker with a client that knows nothing but its address.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "demo/broker/front.h"
#include "demo/tests/demo_process.h"
#include "tests/fakes/child_process.h"
#include "tests/kafka/cluster.h"

namespace heald::demo {
namespace {

using namespace std::string_literals;
using ::testing::HasSubstr;

constexpr int64_t kPatience_ns = 20'000'000'000;

TEST(BrokerFrontTest, TellsItsOwnAddressInPlaceOfTheMocks) {
  const BrokerAddress mock{"127.0.0.1", 0x8001};
  const BrokerAddress told{"kafka", 9092};
  EXPECT_EQ(WithAddress("id\0\x09"
                        "127.0.0.1\0\0\x80\x01 rest"s,
                        mock, told),
            "id\0\x05kafka\0\0\x23\x84 rest"s);
  EXPECT_EQ(WithAddress("id\x0a"
                        "127.0.0.1\0\0\x80\x01 rest"s,
                        mock, told),
            "id\x06kafka\0\0\x23\x84 rest"s)
      << "as newer versions of the protocol write it";
  const std::string other =
      "id\0\x09"
      "127.0.0.1\0\0\x80\x02"s;
  EXPECT_EQ(WithAddress(other, mock, told), other);
}

TEST(BrokerTest, KeepsWhatIsWrittenAndPrintsIt) {
  const std::string address = "localhost:" + std::to_string(fakes::FreePort());
  DemoProcess broker("heald-demo-broker", {"serve", "--address", address});
  ASSERT_TRUE(broker.WaitForOutput("broker at " + address, kPatience_ns)) << broker.output();

  setenv("HEALD_TEST_KAFKA_BROKERS", address.c_str(), 1);
  kafka_test::Cluster client;
  const std::string topic = "events";
  client.Produce(topic, "one");
  client.Produce(topic, "two");
  EXPECT_EQ(client.Read(topic, 2).size(), 2u);

  DemoProcess read("heald-demo-broker", {"read", "--address", address, topic});
  EXPECT_EQ(read.Wait(kPatience_ns), 0) << read.output();
  EXPECT_EQ(read.output(), "one\ntwo\n");

  broker.Signal(SIGTERM);
  EXPECT_EQ(broker.Wait(kPatience_ns), 0) << "ends, though a client is connected";
}

TEST(BrokerTest, SaysWhatIsWrong) {
  DemoProcess usage("heald-demo-broker", {"serve", "--address", "kafka"});
  EXPECT_EQ(usage.Wait(kPatience_ns), 2);
  EXPECT_THAT(usage.output(), HasSubstr("'kafka' is no HOST:PORT"));
  const std::string address = "localhost:" + std::to_string(fakes::FreePort());
  DemoProcess first("heald-demo-broker", {"serve", "--address", address});
  ASSERT_TRUE(first.WaitForOutput("broker at " + address, kPatience_ns)) << first.output();
  DemoProcess second("heald-demo-broker", {"serve", "--address", address});
  EXPECT_EQ(second.Wait(kPatience_ns), 1);
  EXPECT_THAT(second.output(), HasSubstr("heald-demo-broker: " + address + ": "));
  EXPECT_THAT(second.output(), HasSubstr("Address already in use"));
}

}  // namespace
}  // namespace heald::demo
