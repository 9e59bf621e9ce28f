#include "plugins/actions/docker/compose.h"

#include <gmock/gmock.h>

namespace heald::docker {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

json Model() {
  return {{"Id", "3f2a1b4c5d6e7f8091a2b3c4d5e6f708"},
          {"Name", "/shop-web-1"},
          {"Image", "sha256:abc"},
          {"Config",
           {{"Hostname", "3f2a1b4c5d6e"},
            {"Image", "shop/web:7"},
            {"Env", {"A=1"}},
            {"Labels",
             {{"com.docker.compose.project", "shop"},
              {"com.docker.compose.service", "web"},
              {"com.docker.compose.replace", "old"},
              {"com.docker.compose.container-number", "1"}}}}},
          {"HostConfig",
           {{"NetworkMode", "shop_front"},
            {"PortBindings", {{"80/tcp", {{{"HostIp", ""}, {"HostPort", ""}}}}}}}},
          {"NetworkSettings",
           {{"Networks",
             {{"shop_front",
               {{"Aliases", {"web", "shop-web-1", "3f2a1b4c5d6e"}},
                {"IPAMConfig", nullptr},
                {"IPAddress", "172.18.0.2"},
                {"MacAddress", "02:42:ac:12:00:02"}}},
              {"shop_back", {{"Aliases", {"backend"}}, {"Links", nullptr}}}}}}}};
}

TEST(DockerComposeTest, NumbersFillGapsAndTheHighestGo) {
  EXPECT_THAT(WantedNumbers({1}, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(WantedNumbers({4, 2}, 4), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(WantedNumbers({5, 1, 3}, 2), ElementsAre(1, 3));
  EXPECT_THAT(WantedNumbers({2}, 1), ElementsAre(2));
}

TEST(DockerComposeTest, CloneIsItsModelButForWhatIsItsOwn) {
  const Clone clone = MakeClone(Model(), 2);
  EXPECT_EQ(clone.name, "shop-web-2");
  EXPECT_EQ(clone.body.at("Labels").at("com.docker.compose.container-number"), "2");
  EXPECT_FALSE(clone.body.at("Labels").contains("com.docker.compose.replace"));
  EXPECT_FALSE(clone.body.contains("Hostname")) << "the Engine's own naming";
  EXPECT_EQ(clone.body.at("Env"), json({"A=1"}));
  EXPECT_EQ(clone.body.at("HostConfig"), Model().at("HostConfig"));
  EXPECT_EQ(clone.body.at("NetworkingConfig"),
            json({{"EndpointsConfig", {{"shop_front", {{"Aliases", {"web"}}}}}}}));
  ASSERT_EQ(clone.more_networks.size(), 1U);
  EXPECT_EQ(clone.more_networks[0].first, "shop_back");
  EXPECT_EQ(clone.more_networks[0].second, json({{"Aliases", {"backend"}}}));
}

TEST(DockerComposeTest, HostNameThatWasChosenStays) {
  json model = Model();
  model["Config"]["Hostname"] = "frontend";
  EXPECT_EQ(MakeClone(model, 2).body.at("Hostname"), "frontend");
}

TEST(DockerComposeTest, HostNetworkTakesNoSettings) {
  json model = Model();
  model["HostConfig"]["NetworkMode"] = "host";
  const Clone clone = MakeClone(model, 2);
  EXPECT_FALSE(clone.body.contains("NetworkingConfig"));
  EXPECT_FALSE(clone.body.contains("Hostname"));
  EXPECT_THAT(clone.more_networks, IsEmpty());
}

TEST(DockerComposeTest, OldNamesHaveUnderscores) {
  json model = Model();
  model["Name"] = "/shop_web_1";
  EXPECT_EQ(WhyNotCloned(model), "");
  EXPECT_EQ(MakeClone(model, 4).name, "shop_web_4");
}

TEST(DockerComposeTest, SaysWhatMakesAContainerUnique) {
  EXPECT_EQ(WhyNotCloned(Model()), "");
  json model = Model();
  model["Name"] = "/frontend";
  EXPECT_THAT(WhyNotCloned(model), HasSubstr("frontend has a container_name of its own"));
  model = Model();
  model["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"] = "8080";
  EXPECT_THAT(WhyNotCloned(model), HasSubstr("publishes 80/tcp on the fixed host port 8080"));
  model = Model();
  model["NetworkSettings"]["Networks"]["shop_back"]["IPAMConfig"] = {{"IPv4Address", "172.18.0.9"}};
  EXPECT_THAT(WhyNotCloned(model), HasSubstr("fixed address in network shop_back"));
}

TEST(DockerComposeTest, ContainersWithoutPortsAndNetworksCanBeCloned) {
  json model = Model();
  model["HostConfig"]["PortBindings"] = nullptr;
  model["NetworkSettings"]["Networks"] = nullptr;
  model["HostConfig"]["NetworkMode"] = "none";
  EXPECT_EQ(WhyNotCloned(model), "");
  EXPECT_THAT(MakeClone(model, 2).more_networks, IsEmpty());
}

}  // namespace
}  // namespace heald::docker
