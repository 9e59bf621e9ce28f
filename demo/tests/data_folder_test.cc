#include "demo/services/data_folder.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "demo/services/certificate.h"
#include "demo/services/http_app.h"
#include "demo/services/payments.h"
#include "demo/services/text_file.h"

namespace heald::demo {
namespace {

namespace fs = std::filesystem;

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;

class DemoDataFolderTest : public ::testing::Test {
 protected:
  DemoDataFolderTest() { mkdtemp(root_.data()); }
  ~DemoDataFolderTest() override { fs::remove_all(root_); }

  std::string folder() const { return root_ + "/payments"; }
  std::string settings_file() const { return folder() + "/" + Settings::kFile; }
  std::unique_ptr<DataFolder> Open() {
    auto data = DataFolder::Open(folder(), "payments");
    EXPECT_TRUE(data.ok()) << (data.ok() ? "" : data.error().message);
    return data.ok() ? std::move(*data) : nullptr;
  }

  std::string root_ = ::testing::TempDir() + "demo-data-XXXXXX";
};

TEST_F(DemoDataFolderTest, IsMadeWithAllThatAServiceNeeds) {
  const auto data = Open();
  EXPECT_EQ(data->settings().decline_above_cents(), kDeclineAboveCents);
  EXPECT_FALSE(data->settings().Drifted());
  EXPECT_NEAR(data->CertificateDaysLeft(), kCertificateDays, 0.01);
  EXPECT_EQ(data->disk().UsedRatio(), 0);
}

TEST_F(DemoDataFolderTest, ABadReleaseNamesItsMistakeAndIsRolledBack) {
  Faults faults;
  faults.crash_loop = true;
  ASSERT_TRUE(Open()->Act(faults).ok());
  for (int start = 0; start < 2; ++start) {
    const auto refused = DataFolder::Open(folder(), "payments");
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message,
                AllOf(HasSubstr(settings_file()), HasSubstr("'decline_above_cents' must be")));
  }
  const auto back = RollBackSettings(folder());
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_THAT(*back, HasSubstr("back to version 1"));
  EXPECT_NE(Open(), nullptr);
}

TEST_F(DemoDataFolderTest, WhatWorksIsNotRolledBack) {
  Open();
  const auto back = RollBackSettings(folder());
  ASSERT_FALSE(back.ok());
  EXPECT_THAT(back.error().message, HasSubstr("nothing to roll back"));
}

TEST_F(DemoDataFolderTest, ANewReleaseIsTheLastGoodOneOnceItHasStarted) {
  Open();
  ASSERT_TRUE(
      ReplaceText(settings_file(), R"({"version": 5, "decline_above_cents": 700000})").ok());
  EXPECT_EQ(Open()->settings().decline_above_cents(), 700000);
  ASSERT_TRUE(BreakSettings(folder()).ok());
  const auto back = RollBackSettings(folder());
  ASSERT_TRUE(back.ok());
  EXPECT_THAT(*back, HasSubstr("version 5"));
}

TEST_F(DemoDataFolderTest, ChangesByHandAreDriftUntilTheFileIsApplied) {
  const auto data = Open();
  data->settings().ChangeByHand();
  EXPECT_TRUE(data->settings().Drifted());
  EXPECT_NE(data->settings().decline_above_cents(), kDeclineAboveCents);
  ASSERT_TRUE(data->settings().Apply().ok());
  EXPECT_FALSE(data->settings().Drifted());
  EXPECT_EQ(data->settings().decline_above_cents(), kDeclineAboveCents);
}

TEST_F(DemoDataFolderTest, AFileWithAMistakeIsNotAppliedAndCountsAsDrift) {
  const auto data = Open();
  for (const char* text : {"", "[]", "{", R"({"version": 1})", R"({"version": 1,
        "decline_above_cents": 5, "colour": "red"})"}) {
    ASSERT_TRUE(ReplaceText(settings_file(), text).ok());
    EXPECT_FALSE(data->settings().Apply().ok()) << text;
    EXPECT_TRUE(data->settings().Drifted()) << text;
    EXPECT_EQ(data->settings().decline_above_cents(), kDeclineAboveCents) << text;
  }
}

TEST_F(DemoDataFolderTest, KnowsHowLongItsCertificateLasts) {
  const auto data = Open();
  const std::string file = folder() + "/" + kCertificateFile;
  for (const double days : {0.0, 2.0, 400.0}) {
    ASSERT_TRUE(IssueCertificate(file, "payments", days).ok());
    EXPECT_NEAR(data->CertificateDaysLeft(), days, 0.01);
  }
  EXPECT_EQ(fs::status(file).permissions() & fs::perms::others_read, fs::perms::none)
      << "its key is in it";
  ASSERT_TRUE(ReplaceText(file, "no certificate").ok());
  EXPECT_LT(data->CertificateDaysLeft(), 0);
  fs::remove(file);
  EXPECT_LT(data->CertificateDaysLeft(), 0);
}

TEST_F(DemoDataFolderTest, AFullDiskTakesNoReceiptUntilItIsCleaned) {
  const auto data = Open();
  constexpr size_t kChunk = 1 << 18;
  int chunks = 0;
  while (data->disk().Spill(kChunk) && chunks < 1000) ++chunks;
  EXPECT_EQ(chunks, (kDiskMiB << 20) / kChunk);
  EXPECT_EQ(data->disk().UsedRatio(), 1);
  const Status refused = data->disk().AddReceipt("one");
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr("no space left"));
  const auto cleaned = CleanDisk(folder() + "/" + kDiskFolder);
  ASSERT_TRUE(cleaned.ok()) << cleaned.error().message;
  EXPECT_THAT(*cleaned, HasSubstr("32 MiB free again"));
  EXPECT_TRUE(data->disk().AddReceipt("one").ok());
  EXPECT_FALSE(CleanDisk(folder() + "/" + kDiskFolder).ok()) << "receipts are kept";
}

TEST_F(DemoDataFolderTest, ReceiptsAloneNeverFillIt) {
  const auto data = Open();
  const std::string receipt(100'000, 'r');
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(data->disk().AddReceipt(receipt).ok());
  EXPECT_LT(data->disk().UsedRatio(), 0.1);
}

// payments as a whole, without its socket.
class DemoPaymentsDataTest : public DemoDataFolderTest {
 protected:
  Response Call(const std::string& method, const std::string& path, const json& body = nullptr) {
    Request request;
    request.method = method;
    request.path = path;
    if (!body.is_null()) {
      request.content_type = "application/json";
      request.body = body.dump();
    }
    return app_.Handle(std::move(request));
  }
  Response Charge() {
    return Call("POST", "/payments",
                {{"order_id", "o-1"}, {"user_id", "u-1"}, {"amount_cents", 1999}});
  }

  const std::unique_ptr<DataFolder> data_ = Open();
  StopSignal stop_;
  Payments payments_{data_.get()};
  HttpApp app_{[this] {
                 AppOptions options;
                 options.profile = FindProfile("payments");
                 options.data = data_.get();
                 return options;
               }(),
               payments_.Routes(), &stop_};
};

TEST_F(DemoPaymentsDataTest, DriftIsSilentButForItsGauge) {
  EXPECT_THAT(Charge().body, HasSubstr("captured"));
  EXPECT_EQ(Call("GET", "/settings/in-sync").status, 200);
  const Response drifted = Call("PUT", "/chaos", {{"drift", true}});
  EXPECT_EQ(drifted.status, 200);
  EXPECT_EQ(json::parse(drifted.body)["active"], false) << "it has happened, that is all";
  EXPECT_THAT(Charge().body, HasSubstr("declined"));
  EXPECT_EQ(Call("GET", "/settings/in-sync").status, 409);
  EXPECT_THAT(Call("GET", "/metrics").body, HasSubstr("settings_drifted{service=\"payments\"} 1"));
  EXPECT_EQ(Call("POST", "/settings/apply").status, 200);
  EXPECT_THAT(Charge().body, HasSubstr("captured"));
  ASSERT_TRUE(ReplaceText(settings_file(), "{").ok());
  EXPECT_EQ(Call("POST", "/settings/apply").status, 409);
}

TEST_F(DemoPaymentsDataTest, AFullDiskFailsPayments) {
  while (data_->disk().Spill(1 << 20)) {
  }
  const Response failed = Charge();
  EXPECT_EQ(failed.status, 500);
  EXPECT_THAT(failed.body, HasSubstr("no space left"));
}

}  // namespace
}  // namespace heald::demo
