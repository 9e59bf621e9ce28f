#include "demo/scenario/places.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace heald::demo {
namespace {

struct PlacesTest : ::testing::Test {
  PlacesTest() { unsetenv("HEALD_LISTEN"); }
  ~PlacesTest() override { unsetenv("HEALD_DEMO_USERS_PORT"); }
};

TEST_F(PlacesTest, NoTwoShareAPort) {
  EXPECT_TRUE(InteractivePlaces("p.yaml").ok());
  setenv("HEALD_DEMO_USERS_PORT", "8001", 1);
  const auto services = InteractivePlaces("p.yaml");
  ASSERT_FALSE(services.ok());
  EXPECT_EQ(services.error().message,
            "HEALD_DEMO_ORDERS_PORT and HEALD_DEMO_USERS_PORT are both 8001: give each a port of "
            "its own");
  setenv("HEALD_DEMO_USERS_PORT", "8080", 1);
  EXPECT_THAT(InteractivePlaces("p.yaml").error().message,
              ::testing::HasSubstr("HEALD_LISTEN and HEALD_DEMO_USERS_PORT are both 8080"));
}

}  // namespace
}  // namespace heald::demo
