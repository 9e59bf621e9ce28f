#include "demo/services/router.h"

#include <gmock/gmock.h>

namespace heald::demo {
namespace {

Router MakeRouter() {
  Router router;
  for (const auto& [method, pattern] : std::vector<std::pair<const char*, const char*>>{
           {"GET", "/users"}, {"POST", "/users"}, {"GET", "/users/{id}"}}) {
    Route route;
    route.method = method;
    route.pattern = pattern;
    router.Add({route});
  }
  return router;
}

Request At(const char* method, const char* path) {
  Request request;
  request.method = method;
  request.path = path;
  return request;
}

TEST(DemoRouterTest, FindsByMethodAndPath) {
  const Router router = MakeRouter();
  Request request = At("POST", "/users");
  const Match match = router.Find(&request);
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->method, "POST");
}

TEST(DemoRouterTest, TakesParametersFromThePath) {
  const Router router = MakeRouter();
  Request request = At("GET", "/users/u-7");
  ASSERT_NE(router.Find(&request).route, nullptr);
  EXPECT_EQ(request.params.at("id"), "u-7");
}

TEST(DemoRouterTest, ServesHeadAsGet) {
  const Router router = MakeRouter();
  Request request = At("HEAD", "/users");
  ASSERT_NE(router.Find(&request).route, nullptr);
}

TEST(DemoRouterTest, TellsAWrongMethodFromAWrongPath) {
  const Router router = MakeRouter();
  Request wrong_method = At("PUT", "/users");
  EXPECT_EQ(router.Find(&wrong_method).route, nullptr);
  EXPECT_EQ(router.Find(&wrong_method).allowed, "GET, POST");
  for (const char* path : {"", "/", "/user", "/users/", "/users/1/2", "users"}) {
    Request request = At("GET", path);
    EXPECT_EQ(router.Find(&request).route, nullptr) << path;
    EXPECT_EQ(router.Find(&request).allowed, "") << path;
  }
}

}  // namespace
}  // namespace heald::demo
