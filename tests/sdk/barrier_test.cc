#include <gmock/gmock.h>

#include <functional>
#include <stdexcept>

#include "heald/testing.h"
#include "tests/sdk/no_config.h"

namespace heald::sdk {
namespace {

using testing::FakeHost;
using testing::FakeSink;
using ::testing::HasSubstr;
using ::testing::StrEq;

// What the hooks below do when they are called.
std::function<void()> act;

void Act() {
  if (act) act();
}

class BadSource : public Source<BadSource> {
 public:
  static constexpr Info kInfo{.name = "bad", .doc = "Throws"};
  using Config = NoConfig;
  BadSource(Host, const Config&) { Act(); }
  static void Validate(const Config&, Problems&) { Act(); }
  static std::vector<std::string> Outputs(const Config&) {
    Act();
    return {"a", "b"};
  }
  void Start(Sink) { Act(); }
  void Stop() { Act(); }
  void Poll(Sink&, int64_t) { Act(); }
  Duration Interval() { return Seconds(1); }
  void Backfill(Sink&, int64_t, int64_t) { Act(); }
};

class BadDetector : public Detector<BadDetector> {
 public:
  static constexpr Info kInfo{.name = "bad", .doc = "Throws"};
  using Config = NoConfig;
  BadDetector(Host, const Config&) {}
  void Process(const Samples&, Sink&) { Act(); }
  void ProcessLogs(std::span<const heald_log_line>, Sink&) { Act(); }
  void Tick(int64_t, Sink&) { Act(); }
  void Expired(std::span<const heald_series>, Sink&) { Act(); }
  std::string Snapshot() {
    Act();
    return "state";
  }
  void Restore(std::string_view) { Act(); }
};

class BadAction : public Action<BadAction> {
 public:
  static constexpr Info kInfo{.name = "bad", .doc = "Throws"};
  using Config = NoConfig;
  BadAction(Host, const Config&) {}
  void Start() { Act(); }
  void Stop(bool) { Act(); }
  Plan MakePlan(const Request&, const Config&) {
    Act();
    return {};
  }
  Effect Execute(const Request&, const Plan&, const Config&) { return Do(); }
  Effect Observe(const Request&, const Plan&, const Config&) { return Do(); }
  Effect DryRun(const Request&, const Plan&, const Config&) { return Do(); }
  Effect Undo(const Request&, const Plan&, const Config&) { return Do(); }

 private:
  static Effect Do() {
    Act();
    return {EffectState::kDone, "done"};
  }
};

class BadNotifier : public Notifier<BadNotifier> {
 public:
  static constexpr Info kInfo{.name = "bad", .doc = "Throws"};
  using Config = NoConfig;
  BadNotifier(Host, const Config&) {}
  void Start() { Act(); }
  void Stop(bool) { Act(); }
  void Notify(const heald_notification&, const Config&) { Act(); }
};

class SdkBarrierTest : public ::testing::Test {
 protected:
  struct Hook {
    std::string name;
    std::function<int32_t(heald_error*)> call;
    bool silent = false;  // a hook without an error of its own: it only must not crash
  };

  SdkBarrierTest() {
    request_.size = sizeof request_;
    request_.params = &config_;
    plan_.size = sizeof plan_;
    notification_.size = sizeof notification_;
    notification_.params = &config_;
  }
  ~SdkBarrierTest() override { act = nullptr; }

  static int32_t Silent(const std::function<void()>& call) {
    call();
    return HEALD_OK;
  }

  std::vector<Hook> Hooks() {
    const auto* source = BadSource::VTable();
    const auto* detector = BadDetector::VTable();
    const auto* action = BadAction::VTable();
    const auto* notifier = BadNotifier::VTable();
    const auto effect = [this](auto hook) {
      return
          [this, hook](heald_error* e) { return hook(&action_, &request_, &plan_, &effect_, e); };
    };
    return {
        {"create",
         [this](heald_error* e) {
           void* self = nullptr;
           const heald_component* c = BadSource::Component();
           const int32_t code = c->create(host_.table(), &config_, &self, e);
           if (code == HEALD_OK) c->destroy(self);
           return code;
         }},
        {"source start",
         [=, this](heald_error* e) { return source->start(&source_, sink_.table(), e); }},
        {"source stop", [=, this](heald_error*) { return Silent([&] { source->stop(&source_); }); },
         true},
        {"poll", [=, this](heald_error* e) { return source->poll(&source_, 0, e); }},
        {"backfill", [=, this](heald_error* e) { return source->backfill(&source_, 0, 1, e); }},
        {"samples",
         [=, this](heald_error* e) {
           const heald_samples none{sizeof none, 0, nullptr, nullptr, nullptr, 0, nullptr};
           return detector->samples(&detector_, &none, sink_.table(), e);
         }},
        {"logs",
         [=, this](heald_error* e) {
           return detector->logs(&detector_, nullptr, 0, sizeof(heald_log_line), sink_.table(), e);
         }},
        {"tick",
         [=, this](heald_error* e) { return detector->tick(&detector_, 0, sink_.table(), e); }},
        {"expired",
         [=, this](heald_error*) {
           return Silent([&] { detector->expired(&detector_, nullptr, 0, sink_.table()); });
         },
         true},
        {"snapshot",
         [=, this](heald_error* e) {
           heald_str state{};
           return detector->snapshot(&detector_, &state, e);
         }},
        {"restore", [=, this](heald_error* e) { return detector->restore(&detector_, {}, e); }},
        {"action start", [=, this](heald_error* e) { return action->start(&action_, e); }},
        {"action stop",
         [=, this](heald_error*) { return Silent([&] { action->stop(&action_, 1); }); }, true},
        {"plan",
         [=, this](heald_error* e) { return action->plan(&action_, &request_, &plan_, e); }},
        {"execute", effect(action->execute)},
        {"observe", effect(action->observe)},
        {"dry_run", effect(action->dry_run)},
        {"undo", effect(action->undo)},
        {"notifier start", [=, this](heald_error* e) { return notifier->start(&notifier_, e); }},
        {"notifier stop",
         [=, this](heald_error*) { return Silent([&] { notifier->stop(&notifier_, 0); }); }, true},
        {"notify",
         [=, this](heald_error* e) {
           int32_t result = HEALD_OK;
           EXPECT_EQ(
               notifier->notify(&notifier_, &notification_, 1, sizeof notification_, &result, e),
               HEALD_OK);
           return result;
         }},
    };
  }

  // Every hook, throwing this.
  void Expect(const std::function<void()>& what, int32_t code, const std::string& message) {
    for (const Hook& hook : Hooks()) {
      act = what;
      heald_error error = detail::NewError();
      const int32_t got = hook.call(&error);
      act = nullptr;
      if (hook.silent) continue;
      EXPECT_EQ(got, code) << hook.name;
      EXPECT_EQ(error.code, code) << hook.name;
      EXPECT_THAT(error.message, HasSubstr(message)) << hook.name;
    }
  }

  heald_value config_{};
  FakeHost host_;
  FakeSink sink_{host_};
  BadSource source_{host_.host(), {}};
  BadDetector detector_{host_.host(), {}};
  BadAction action_{host_.host(), {}};
  BadNotifier notifier_{host_.host(), {}};
  heald_action_request request_{};
  heald_plan plan_{};
  heald_effect effect_{};
  heald_notification notification_{};
};

TEST_F(SdkBarrierTest, AHookThatReturnsIsASuccess) {
  for (const Hook& hook : Hooks()) EXPECT_EQ(hook.call(nullptr), HEALD_OK) << hook.name;
}

TEST_F(SdkBarrierTest, FailureKeepsItsCode) {
  Expect([] { throw Failure(HEALD_UNAVAILABLE, "no such server"); }, HEALD_UNAVAILABLE,
         "no such server");
}

TEST_F(SdkBarrierTest, AnotherExceptionIsAnInternalError) {
  Expect([] { throw std::out_of_range("index 7"); }, HEALD_INTERNAL, "index 7");
}

TEST_F(SdkBarrierTest, WhatIsNoExceptionIsCaughtToo) {
  Expect([] { throw 42; }, HEALD_INTERNAL, "not a std::exception");
}

TEST_F(SdkBarrierTest, OutOfMemoryIsCaughtToo) {
  Expect([] { throw std::bad_alloc(); }, HEALD_INTERNAL, "out of memory");
}

TEST_F(SdkBarrierTest, ACallerWithoutAnErrorIsServedToo) {
  for (const Hook& hook : Hooks()) {
    act = [] { throw Failure(HEALD_DENIED, "no"); };
    const int32_t got = hook.call(nullptr);
    act = nullptr;
    EXPECT_EQ(got, hook.silent ? HEALD_OK : HEALD_DENIED) << hook.name;
  }
}

TEST_F(SdkBarrierTest, RetryAndPointerCross) {
  act = [] { throw Failure(HEALD_FULL, "busy").Retryable(5).At("/queries/latency"); };
  heald_error error = detail::NewError();
  EXPECT_EQ(BadDetector::VTable()->tick(&detector_, 0, sink_.table(), &error), HEALD_FULL);
  EXPECT_EQ(error.retryable, 1u);
  EXPECT_EQ(error.retry_after_ns, 5);
  EXPECT_THAT(error.json_pointer, StrEq("/queries/latency"));
}

TEST_F(SdkBarrierTest, AFailureWithCodeOkIsStillAFailure) {
  act = [] { throw Failure(HEALD_OK, "odd"); };
  EXPECT_EQ(BadDetector::VTable()->tick(&detector_, 0, sink_.table(), nullptr), HEALD_INTERNAL);
}

TEST_F(SdkBarrierTest, ALongMessageIsCutAtACharactersBorder) {
  std::string longer(HEALD_ERROR_MESSAGE_BYTES - 2, 'x');
  longer += "é and more";
  act = [&] { throw Failure(HEALD_INVALID, longer); };
  heald_error error = detail::NewError();
  BadDetector::VTable()->tick(&detector_, 0, sink_.table(), &error);
  EXPECT_THAT(error.message, StrEq(std::string(HEALD_ERROR_MESSAGE_BYTES - 2, 'x')));
}

TEST_F(SdkBarrierTest, AThrowingValidateIsReportedAsAProblem) {
  act = [] { throw Failure(HEALD_INVALID, "no such file").At("/path"); };
  std::vector<std::string> problems;
  BadSource::Component()->validate(
      &config_,
      [](void* user, heald_str pointer, heald_str message) {
        static_cast<std::vector<std::string>*>(user)->push_back(
            std::string(detail::View(pointer)) + ": " + std::string(detail::View(message)));
      },
      &problems);
  EXPECT_THAT(problems, ::testing::ElementsAre("/path: no such file"));
}

TEST_F(SdkBarrierTest, AThrowingOutputsNamesNothing) {
  const auto names = [&] {
    std::vector<std::string> found;
    BadSource::Component()->outputs_of(
        &config_,
        [](void* user, heald_str name) {
          static_cast<std::vector<std::string>*>(user)->emplace_back(detail::View(name));
        },
        &found);
    return found;
  };
  EXPECT_THAT(names(), ::testing::ElementsAre("a", "b"));
  act = [] { throw 1; };
  EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace heald::sdk
