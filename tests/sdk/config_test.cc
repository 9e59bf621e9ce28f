#include "heald/config.h"

#include <gmock/gmock.h>

#include <deque>
#include <nlohmann/json.hpp>

#include "core/config/schema.h"

namespace heald::sdk {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

enum class Mode { kFast, kSlow };
constexpr std::string_view kModes[] = {"fast", "slow"};

struct Inner {
  std::string url;
  int64_t port = 80;
  static constexpr auto Fields() {
    return std::tuple(Field("url", &Inner::url, "Where", {.required = true, .pattern = "^http"}),
                      Field("port", &Inner::port, "Port", {.min = 1, .max = 65535}));
  }
};

struct Everything {
  bool flag = true;
  int64_t count = 7;
  double factor = 1.5;
  std::string text = "a \"quoted\"\n\ttext";
  Duration wait = Seconds(90);
  Bytes limit{64 << 20};
  Ratio share{0.25};
  Mode mode = Mode::kSlow;
  std::optional<double> bound{};
  std::vector<std::string> words = {"x", "y"};
  std::map<std::string, std::string> headers{};
  std::vector<Inner> servers{};
  std::map<std::string, Inner> named{};
  Inner inner{};
  std::string token{};
  std::string old{};
  static constexpr auto Fields() {
    return std::tuple(
        Field("flag", &Everything::flag, "A flag"),
        Field("count", &Everything::count, "A count", {.keeps_state = true}),
        Field("factor", &Everything::factor, "A factor", {.min = 0, .exclusive_min = true}),
        Field("text", &Everything::text, "A text", {.runtime = true, .marked = true}),
        Field("wait", &Everything::wait, "A wait", {.min = 0}),
        Field("limit", &Everything::limit, "A limit"),
        Field("share", &Everything::share, "A share", {.max = 1}),
        Field("mode", &Everything::mode, "A mode", {.one_of = kModes}),
        Field("bound", &Everything::bound, "A bound"),
        Field("words", &Everything::words, "Words", {.runtime = true, .min_items = 1}),
        Field("headers", &Everything::headers, "Headers", {.secret = true}),
        Field("servers", &Everything::servers, "Servers"),
        Field("named", &Everything::named, "By name"), Field("inner", &Everything::inner, "A part"),
        Field("token", &Everything::token, "A token", {.required = true, .secret = true}),
        Field("old", &Everything::old, "Was a name", {.deprecated = "text"}));
  }
};

// The tree that a host would hand over for this JSON.
class Tree {
 public:
  explicit Tree(const json& from) : root_(Of(from)) {}
  const heald_value& root() const { return root_; }

 private:
  heald_value Of(const json& from) {
    heald_value value{};
    if (from.is_boolean()) {
      value.kind = HEALD_VALUE_BOOL;
      value.as.integer = from.get<bool>();
    } else if (from.is_number_integer()) {
      value.kind = HEALD_VALUE_INT;
      value.as.integer = from;
    } else if (from.is_number()) {
      value.kind = HEALD_VALUE_DOUBLE;
      value.as.number = from;
    } else if (from.is_string()) {
      value.kind = HEALD_VALUE_STRING;
      value.as.text = Keep(from).data();
      value.count = from.get_ref<const std::string&>().size();
    } else if (from.is_array()) {
      std::vector<heald_value> items;
      for (const json& item : from) items.push_back(Of(item));
      value.kind = HEALD_VALUE_LIST;
      value.count = items.size();
      value.as.list = lists_.emplace_back(std::move(items)).data();
    } else if (from.is_object()) {
      std::vector<heald_member> members;
      for (const auto& [key, item] : from.items()) {
        const std::string& kept = Keep(key);
        members.push_back({{kept.data(), kept.size()}, Of(item)});
      }
      value.kind = HEALD_VALUE_MAP;
      value.count = members.size();
      value.as.map = maps_.emplace_back(std::move(members)).data();
    }
    return value;
  }
  const std::string& Keep(std::string text) { return texts_.emplace_back(std::move(text)); }

  std::deque<std::string> texts_;
  std::deque<std::vector<heald_value>> lists_;
  std::deque<std::vector<heald_member>> maps_;
  heald_value root_;
};

template <typename C>
C Read(const json& from) {
  return ReadConfig<C>(Tree(from).root());
}

template <typename C>
std::string Refusal(const json& from) {
  try {
    Read<C>(from);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), HEALD_INVALID);
    return failure.what();
  }
  return "accepted";
}

class SdkSchemaTest : public ::testing::Test {
 protected:
  const json schema_ = json::parse(ConfigSchema<Everything>());
  const json& of(const char* name) { return schema_["properties"][name]; }
};

TEST_F(SdkSchemaTest, IsAClosedObjectThatNamesWhatIsRequired) {
  EXPECT_EQ(schema_["type"], "object");
  EXPECT_EQ(schema_["additionalProperties"], false);
  EXPECT_EQ(schema_["required"], json({"token"}));
  EXPECT_EQ(schema_["properties"].size(), 16u);
}

TEST_F(SdkSchemaTest, GivesEachTypeItsWordsAndDefault) {
  EXPECT_EQ(of("flag"), json::parse(R"({"description":"A flag","x-order":0,"type":"boolean",
                                        "default":true})"));
  EXPECT_EQ(of("count")["type"], "integer");
  EXPECT_EQ(of("count")["default"], 7);
  EXPECT_EQ(of("factor")["type"], "number");
  EXPECT_EQ(of("factor")["default"], 1.5);
  EXPECT_EQ(of("text")["default"], "a \"quoted\"\n\ttext");
  EXPECT_EQ(of("mode")["enum"], json({"fast", "slow"}));
  EXPECT_EQ(of("mode")["default"], "slow");
  EXPECT_EQ(of("bound")["type"], "number");
  EXPECT_FALSE(of("bound").contains("default"));
}

TEST_F(SdkSchemaTest, UnitsStandInXUnitAndDefaultsAreWrittenAsPeopleDo) {
  EXPECT_EQ(of("wait")["x-unit"], "duration");
  EXPECT_EQ(of("wait")["type"], "integer");
  EXPECT_EQ(of("wait")["default"], "90s");
  EXPECT_EQ(of("limit")["x-unit"], "size");
  EXPECT_EQ(of("limit")["default"], "64MiB");
  EXPECT_EQ(of("share")["x-unit"], "ratio");
  EXPECT_EQ(of("share")["default"], 0.25);
}

TEST_F(SdkSchemaTest, BoundsAndPatternsAreTold) {
  EXPECT_EQ(of("factor")["exclusiveMinimum"], 0);
  EXPECT_FALSE(of("factor").contains("minimum"));
  EXPECT_EQ(of("wait")["minimum"], 0);
  EXPECT_EQ(of("share")["maximum"], 1);
  EXPECT_EQ(of("words")["minItems"], 1);
  EXPECT_EQ(of("inner")["properties"]["url"]["pattern"], "^http");
}

TEST_F(SdkSchemaTest, NestsListsMapsAndStructs) {
  EXPECT_EQ(of("words")["items"]["type"], "string");
  EXPECT_EQ(of("words")["default"], json({"x", "y"}));
  EXPECT_EQ(of("headers")["additionalProperties"]["type"], "string");
  EXPECT_EQ(of("servers")["items"]["properties"]["port"]["maximum"], 65535);
  EXPECT_EQ(of("servers")["items"]["required"], json({"url"}));
  EXPECT_EQ(of("named")["additionalProperties"]["additionalProperties"], false);
  EXPECT_EQ(of("inner")["type"], "object");
}

TEST_F(SdkSchemaTest, MarksSecretsRuntimeTextsAndWhatIsDeprecated) {
  EXPECT_EQ(of("token")["x-secret"], true);
  EXPECT_FALSE(of("token").contains("default"));
  EXPECT_EQ(of("headers")["additionalProperties"]["x-secret"], true);
  EXPECT_EQ(of("text")["x-runtime"], true);
  EXPECT_EQ(of("text")["x-marked"], true);
  EXPECT_EQ(of("words")["items"]["x-runtime"], true);
  EXPECT_FALSE(of("words").contains("x-runtime"));
  EXPECT_EQ(of("old")["x-deprecated"], "text");
  EXPECT_EQ(of("count")["x-reload"], "keep");
  EXPECT_FALSE(of("factor").contains("x-reload"));
}

TEST_F(SdkSchemaTest, StaysWithinWhatTheHostReads) {
  const auto schema = ParseSchema(ConfigSchema<Everything>());
  EXPECT_TRUE(schema.ok()) << schema.error().message;
}

TEST_F(SdkSchemaTest, KeepsTheOrderOfTheTable) {
  EXPECT_EQ(of("flag")["x-order"], 0);
  EXPECT_EQ(of("old")["x-order"], 15);
  EXPECT_EQ(of("inner")["properties"]["port"]["x-order"], 1);
}

TEST(SdkConfigTest, AnEmptyTreeGivesTheDefaults) {
  const Everything config = ReadConfig<Everything>(heald_value{});
  EXPECT_TRUE(config.flag);
  EXPECT_EQ(config.wait, Seconds(90));
  EXPECT_EQ(config.mode, Mode::kSlow);
  EXPECT_THAT(config.words, ElementsAre("x", "y"));
}

TEST(SdkConfigTest, ReadsEveryType) {
  const auto config = Read<Everything>(json::parse(R"({
      "flag": false, "count": -3, "factor": 2, "text": "t", "wait": 5000000000, "limit": 1024,
      "share": 0.5, "mode": "fast", "bound": 4, "words": ["a"], "headers": {"h": "v"},
      "servers": [{"url": "http://a"}, {"url": "http://b", "port": 81}],
      "named": {"n": {"url": "http://c", "port": 82}}, "inner": {"port": 83}})"));
  EXPECT_FALSE(config.flag);
  EXPECT_EQ(config.count, -3);
  EXPECT_EQ(config.factor, 2);
  EXPECT_EQ(config.text, "t");
  EXPECT_EQ(config.wait, Seconds(5));
  EXPECT_EQ(config.limit.count, 1024);
  EXPECT_EQ(config.share.value, 0.5);
  EXPECT_EQ(config.mode, Mode::kFast);
  EXPECT_EQ(config.bound, 4);
  EXPECT_THAT(config.words, ElementsAre("a"));
  EXPECT_THAT(config.headers, ElementsAre(Pair("h", "v")));
  ASSERT_EQ(config.servers.size(), 2u);
  EXPECT_EQ(config.servers[0].port, 80);
  EXPECT_EQ(config.servers[1].url, "http://b");
  EXPECT_EQ(config.named.at("n").port, 82);
  EXPECT_EQ(config.inner.port, 83);
}

TEST(SdkConfigTest, NullKeepsTheDefault) {
  EXPECT_EQ(Read<Everything>({{"count", nullptr}}).count, 7);
}

TEST(SdkConfigTest, NamesTheFieldThatDoesNotFit) {
  EXPECT_THAT(Refusal<Everything>({{"flag", 1}}), HasSubstr("'flag' is not true or false"));
  EXPECT_THAT(Refusal<Everything>({{"count", 1.5}}), HasSubstr("'count' is not an integer"));
  EXPECT_THAT(Refusal<Everything>({{"factor", "x"}}), HasSubstr("'factor' is not a number"));
  EXPECT_THAT(Refusal<Everything>({{"text", 1}}), HasSubstr("'text' is not a text"));
  EXPECT_THAT(Refusal<Everything>({{"mode", "medium"}}), HasSubstr("'mode' is not one of"));
  EXPECT_THAT(Refusal<Everything>({{"words", "x"}}), HasSubstr("'words' is not a list"));
  EXPECT_THAT(Refusal<Everything>({{"headers", {1}}}), HasSubstr("'headers' is not a map"));
  EXPECT_THAT(Refusal<Everything>({{"inner", 1}}), HasSubstr("'inner' is not a map"));
  EXPECT_THAT(Refusal<Everything>(json::array()), HasSubstr("'config' is not a map"));
}

TEST(SdkConfigTest, WritesDurationsAndSizesWithTheirLargestUnit) {
  EXPECT_EQ(detail::DurationText(0), "0s");
  EXPECT_EQ(detail::DurationText(90'000'000'000), "90s");
  EXPECT_EQ(detail::DurationText(3'600'000'000'000), "1h");
  EXPECT_EQ(detail::DurationText(1'500'000'000), "1500ms");
  EXPECT_EQ(detail::DurationText(7), "7ns");
  EXPECT_EQ(detail::BytesText(0), "0B");
  EXPECT_EQ(detail::BytesText(1 << 20), "1MiB");
  EXPECT_EQ(detail::BytesText(1025), "1025B");
}

}  // namespace
}  // namespace heald::sdk
