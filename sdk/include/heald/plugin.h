// The one header a plugin includes. A component is a class that derives from one of the four bases
// and has
//   static constexpr heald::sdk::Info kInfo{.name = "zscore", .doc = "…"};
//   using Config = …;                                   // see heald/config.h
//   Cls(heald::sdk::Host host, const Config& config);    // no threads, no network, may throw
//   Failure
// and the hooks of its kind, listed at each base. HEALD_PLUGIN at the end of one file exports it.
// Optional everywhere: static void Validate(const Config&, Problems&) for what a schema can't say.
//
// Thread rule: hooks of one instance are called one at a time ([control] and [data]), from any
// thread; see heald/abi/types.h for the tags. Every hook may throw: the barrier turns it into an
// error that names the node, and the agent goes on.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "heald/batch.h"
#include "heald/calls.h"
#include "heald/config.h"
#include "heald/host.h"
#include "heald/notices.h"
#include "heald/score.h"

namespace heald::sdk {

struct Info {
  std::string_view name;  // `plugin:` in the pipeline file
  std::string_view doc;   // one line
  uint32_t flags =
      0;  // HEALD_BLOCKING | HEALD_REENTRANT | HEALD_DETERMINISTIC | HEALD_OPEN_OUTPUTS
  uint32_t outputs =
      0;  // HEALD_RECORD_*; 0: the kind's usual (source: samples, detector: findings)
};

// Receives what Validate finds.
class Problems {
 public:
  Problems(heald_problem_fn problem, void* user) : problem_(problem), user_(user) {}
  // pointer: RFC 6901 into the config, for instance "/queries/latency".
  void Add(std::string_view pointer, std::string_view message) const {
    problem_(user_, detail::Str(pointer), detail::Str(message));
  }

 private:
  heald_problem_fn problem_;
  void* user_;
};

// What an action is able to do under a config; see HEALD_CAN_UNDO in heald/abi/plugin.h.
struct Abilities {
  bool undo = false;
  bool canary = false;
};

struct Plan {
  std::string summary;      // one sentence: "restart container payments (3f2a…)"
  bool reversible = false;  // Undo brings the former state back
  std::string target_uid;   // another uid later is another thing
  std::string before;       // JSON for Observe and Undo; an approval is bound to its rests_on
  Duration effect_within = Seconds(60);
  bool can_canary = false;  // several members, and Request::part is understood
};

enum class EffectState : uint32_t { kPending, kDone, kFailed, kAbsent };
struct Effect {
  EffectState state = EffectState::kPending;
  std::string detail;  // "ready after 0.9 s"
};

// Which members of a target with several: the first of the plan, those after it, or all.
enum class Part : uint32_t { kAll, kCanary, kRest };

// What an action is asked to do; views live for the call.
struct Request {
  std::string_view decision;  // idempotency key
  std::string_view policy;
  uint64_t incident = 0;
  std::string_view trace_id;
  LabelSet target;
  const heald_finding* finding = nullptr;  // null after a restart of the agent
  int64_t deadline_ns = 0;                 // Host::MonotonicNs time
  Part part = Part::kAll;                  // only for plans that say can_canary
};

namespace detail {

template <typename Cls>
Request ToRequest(const heald_action_request& r) {
  return {View(r.decision),   View(r.policy), r.incident,    View(r.trace_id),
          LabelSet(r.target), r.finding,      r.deadline_ns, static_cast<Part>(r.part)};
}

inline Plan ToPlan(const heald_plan& plan) {
  return {
      std::string(View(plan.summary)), plan.reversible != 0,    std::string(View(plan.target_uid)),
      std::string(View(plan.before)),  {plan.effect_within_ns}, plan.can_canary != 0};
}

// What every kind shares: create, destroy, validate, schema.
template <typename Cls, uint32_t kKind, uint32_t kOutputs>
class Base {
 public:
  static int32_t Create(const heald_host* host, const heald_value* config, void** self,
                        heald_error* error) noexcept {
    return Barrier(error,
                   [&] { *self = new Cls(Host(host), ReadConfig<typename Cls::Config>(*config)); });
  }
  static void Destroy(void* self) noexcept { delete static_cast<Cls*>(self); }
  static void ValidateConfig(const heald_value* config, heald_problem_fn problem,
                             void* user) noexcept {
    heald_error error = NewError();
    const int32_t code = Barrier(&error, [&] {
      if constexpr (requires(const typename Cls::Config& c, Problems& p) { Cls::Validate(c, p); }) {
        Problems problems(problem, user);
        Cls::Validate(ReadConfig<typename Cls::Config>(*config), problems);
      }
    });
    if (code != HEALD_OK) problem(user, Str(error.json_pointer), Str(error.message));
  }
  static void OutputsOf(const heald_value* config, heald_name_fn name, void* user) noexcept {
    heald_error error = NewError();
    Barrier(&error, [&] {
      if constexpr (requires(const typename Cls::Config& c) { Cls::Outputs(c); })
        for (const std::string& output : Cls::Outputs(ReadConfig<typename Cls::Config>(*config)))
          name(user, Str(output));
    });
  }
  static const heald_component* Component() {
    static const std::string schema = ConfigSchema<typename Cls::Config>();
    static const heald_component component = [] {
      heald_component c{};
      c.size = sizeof c;
      c.kind = kKind;
      c.name = Str(Cls::kInfo.name);
      c.doc = Str(Cls::kInfo.doc);
      c.config_schema = Str(schema);
      c.inputs = Cls::Inputs();
      c.outputs = Cls::kInfo.outputs != 0 ? Cls::kInfo.outputs : kOutputs;
      c.flags = Cls::kInfo.flags;
      c.validate = &ValidateConfig;
      c.outputs_of = &OutputsOf;
      c.create = &Create;
      c.destroy = &Destroy;
      c.vtable = Cls::VTable();
      if constexpr (requires { Cls::Extension(heald_str{}); }) c.get_extension = &Cls::Extension;
      if constexpr (kKind == HEALD_ACTION) c.abilities_of = &Cls::AbilityBits;
      return c;
    }();
    return &component;
  }

 protected:
  static Cls& Self(void* self) { return *static_cast<Cls*>(self); }

  // Optional Start() and Stop(bool leaving), shared by actions and notifiers.
  static int32_t StartHook(void* self, heald_error* error) noexcept {
    return Barrier(error, [&] {
      if constexpr (requires(Cls & c) { c.Start(); }) Self(self).Start();
    });
  }
  static void StopHook(void* self, uint32_t leaving) noexcept {
    Barrier(nullptr, [&] {
      if constexpr (requires(Cls & c) { c.Stop(true); }) Self(self).Stop(leaving != 0);
    });
  }
};

}  // namespace detail

// Polled: void Poll(Sink&, int64_t deadline_ns) and Duration Interval(). Pushing: void Start(Sink)
// and void Stop(). Optional: void Backfill(Sink&, int64_t from_ns, int64_t to_ns); static
// std::vector<std::string> Outputs(const Config&) names the queries.
template <typename Cls>
class Source : public detail::Base<Cls, HEALD_SOURCE, HEALD_RECORD_SAMPLES> {
  using Base = detail::Base<Cls, HEALD_SOURCE, HEALD_RECORD_SAMPLES>;

 public:
  static constexpr uint32_t Inputs() { return 0; }
  static const heald_source_vtable* VTable() {
    static const heald_source_vtable table = [] {
      heald_source_vtable t{};
      t.size = sizeof t;
      t.start = [](void* self, const heald_sink* sink, heald_error* error) noexcept {
        return detail::Barrier(error, [&] {
          static_cast<Source&>(Base::Self(self)).sink_ = sink;
          if constexpr (requires(Cls & c, Sink s) { c.Start(s); })
            Base::Self(self).Start(Sink(sink));
        });
      };
      t.stop = [](void* self) noexcept {
        detail::Barrier(nullptr, [&] {
          if constexpr (requires(Cls & c) { c.Stop(); }) Base::Self(self).Stop();
        });
      };
      if constexpr (requires(Cls & c, Sink & s) { c.Poll(s, int64_t{}); }) {
        t.interval_ns = [](void* self) noexcept -> int64_t {
          return Base::Self(self).Interval().ns;
        };
        t.poll = [](void* self, int64_t deadline_ns, heald_error* error) noexcept {
          return detail::Barrier(error, [&] {
            Sink sink(static_cast<Source&>(Base::Self(self)).sink_);
            Base::Self(self).Poll(sink, deadline_ns);
          });
        };
      }
      if constexpr (requires(Cls & c, Sink & s) { c.Backfill(s, int64_t{}, int64_t{}); }) {
        t.backfill = [](void* self, int64_t from_ns, int64_t to_ns, heald_error* error) noexcept {
          return detail::Barrier(error, [&] {
            Sink sink(static_cast<Source&>(Base::Self(self)).sink_);
            Base::Self(self).Backfill(sink, from_ns, to_ns);
          });
        };
      }
      return t;
    }();
    return &table;
  }

 private:
  const heald_sink* sink_ = nullptr;
};

// void Process(const Samples&, Sink&) and/or void ProcessLogs(std::span<const heald_log_line>,
// Sink&). Optional: void Tick(int64_t now_ns, Sink&); void Expired(std::span<const heald_series>,
// Sink&); std::string Snapshot() with void Restore(std::string_view) (throw Failure(HEALD_CORRUPT)
// to refuse); void Score(const Samples&, Sink&, Scores&), which does what Process does and says how
// unusual each moment is (heald/score.h).
template <typename Cls>
class Detector : public detail::Base<Cls, HEALD_DETECTOR, HEALD_RECORD_FINDINGS> {
  using Base = detail::Base<Cls, HEALD_DETECTOR, HEALD_RECORD_FINDINGS>;

 public:
  static constexpr uint32_t Inputs() {
    uint32_t inputs = 0;
    if constexpr (requires(Cls & c, const Samples& in, Sink& s) { c.Process(in, s); })
      inputs |= HEALD_RECORD_SAMPLES;
    if constexpr (requires(Cls & c, std::span<const heald_log_line> in, Sink & s) {
                    c.ProcessLogs(in, s);
                  })
      inputs |= HEALD_RECORD_LOGS;
    return inputs;
  }
  static const heald_detector_vtable* VTable() {
    static_assert(Inputs() != 0,
                  "a detector needs Process(const Samples&, Sink&) or ProcessLogs(lines, Sink&)");
    static const heald_detector_vtable table = [] {
      heald_detector_vtable t{};
      t.size = sizeof t;
      if constexpr ((Inputs() & HEALD_RECORD_SAMPLES) != 0) {
        t.samples = [](void* self, const heald_samples* in, const heald_sink* out,
                       heald_error* error) noexcept {
          return detail::Barrier(error, [&] {
            Sink sink(out);
            Base::Self(self).Process(Samples(*in), sink);
          });
        };
      }
      if constexpr ((Inputs() & HEALD_RECORD_LOGS) != 0) {
        t.logs = [](void* self, const heald_log_line* lines, uint64_t count, uint64_t stride,
                    const heald_sink* out, heald_error* error) noexcept {
          return detail::Barrier(error, [&] {
            Sink sink(out);
            if (stride == sizeof(heald_log_line)) {
              Base::Self(self).ProcessLogs(std::span(lines, count), sink);
              return;
            }
            std::vector<heald_log_line> copy(count, heald_log_line{});
            for (uint64_t i = 0; i < count; ++i)
              std::memcpy(&copy[i], reinterpret_cast<const char*>(lines) + i * stride,
                          std::min<uint64_t>(stride, sizeof(heald_log_line)));
            Base::Self(self).ProcessLogs(std::span<const heald_log_line>(copy), sink);
          });
        };
      }
      if constexpr (requires(Cls & c, Sink & s) { c.Tick(int64_t{}, s); }) {
        t.tick = [](void* self, int64_t now_ns, const heald_sink* out,
                    heald_error* error) noexcept {
          return detail::Barrier(error, [&] {
            Sink sink(out);
            Base::Self(self).Tick(now_ns, sink);
          });
        };
      }
      if constexpr (requires(Cls & c, std::span<const heald_series> gone, Sink & s) {
                      c.Expired(gone, s);
                    }) {
        t.expired = [](void* self, const heald_series* series, uint64_t count,
                       const heald_sink* out) noexcept {
          detail::Barrier(nullptr, [&] {
            Sink sink(out);
            Base::Self(self).Expired(std::span(series, count), sink);
          });
        };
      }
      if constexpr (requires(Cls & c, std::string_view state) {
                      { c.Snapshot() } -> std::convertible_to<std::string>;
                      c.Restore(state);
                    }) {
        t.snapshot = [](void* self, heald_str* state, heald_error* error) noexcept {
          return detail::Barrier(error, [&] {
            std::string& kept = static_cast<Detector&>(Base::Self(self)).snapshot_;
            kept = Base::Self(self).Snapshot();
            *state = detail::Str(kept);
          });
        };
        t.restore = [](void* self, heald_str state, heald_error* error) noexcept {
          return detail::Barrier(error, [&] { Base::Self(self).Restore(detail::View(state)); });
        };
      }
      return t;
    }();
    return &table;
  }
  static const void* Extension(heald_str id) noexcept {
    if constexpr (requires(Cls & c, const Samples& in, Sink& s, Scores& scores) {
                    c.Score(in, s, scores);
                  }) {
      static constexpr heald_score_extension kScore{
          sizeof(heald_score_extension), 0,
          [](void* self, const heald_samples* in, const heald_sink* out,
             const heald_score_sink* scores, heald_error* error) noexcept -> int32_t {
            return detail::Barrier(error, [&] {
              Sink sink(out);
              Scores to(scores);
              Base::Self(self).Score(Samples(*in), sink, to);
            });
          }};
      if (detail::View(id) == HEALD_EXT_SCORE) return &kScore;
    }
    return nullptr;
  }

 private:
  std::string snapshot_;
};

// Plan MakePlan(const Request&, const Config& params);
// Effect Execute(const Request&, const Plan&, const Config& params), once per decision;
// Effect Observe(const Request&, const Plan&, const Config& params), which looks at the target.
// params is the config with ${target…} filled in. Optional: Effect DryRun(…), Effect Undo(…) with
// the same arguments; void Start() and void Stop(bool leaving); static Abilities AbilitiesOf(const
// Config&), without which it can undo where it has Undo, and has no canary. What they report with
// RecordCall (heald/calls.h) is shown with the outcome.
template <typename Cls>
class Action : public detail::Base<Cls, HEALD_ACTION, HEALD_RECORD_OUTCOMES> {
  using Base = detail::Base<Cls, HEALD_ACTION, HEALD_RECORD_OUTCOMES>;

 public:
  static constexpr uint32_t Inputs() { return HEALD_RECORD_DECISIONS; }
  static uint32_t AbilityBits(const heald_value* config) noexcept {
    Abilities able{.undo = HasUndo()};
    if constexpr (requires(const typename Cls::Config& c) { Cls::AbilitiesOf(c); })
      detail::Barrier(nullptr,
                      [&] { able = Cls::AbilitiesOf(ReadConfig<typename Cls::Config>(*config)); });
    uint32_t bits = 0;
    if (able.undo) bits |= HEALD_CAN_UNDO;
    if (able.canary) bits |= HEALD_CAN_CANARY;
    return bits;
  }
  static const heald_action_vtable* VTable() {
    static const heald_action_vtable table = [] {
      heald_action_vtable t{};
      t.size = sizeof t;
      t.plan = [](void* self, const heald_action_request* r, heald_plan* out,
                  heald_error* error) noexcept {
        return detail::Barrier(error, [&] {
          // A reentrant action's texts must not be shared between its threads.
          static thread_local Plan plan;
          plan = Base::Self(self).MakePlan(detail::ToRequest<Cls>(*r), Params(*r));
          out->size = sizeof *out;
          out->can_canary = plan.can_canary ? 1 : 0;
          out->reversible = plan.reversible ? 1 : 0;
          out->summary = detail::Str(plan.summary);
          out->target_uid = detail::Str(plan.target_uid);
          out->before = detail::Str(plan.before);
          out->effect_within_ns = plan.effect_within.ns;
        });
      };
      t.execute = [](void* self, const heald_action_request* r, const heald_plan* plan,
                     heald_effect* out, heald_error* error) noexcept {
        return Effecting(self, *r, *plan, out, error,
                         [](Cls& c, auto&... args) { return c.Execute(args...); });
      };
      t.observe = [](void* self, const heald_action_request* r, const heald_plan* plan,
                     heald_effect* out, heald_error* error) noexcept {
        return Effecting(self, *r, *plan, out, error,
                         [](Cls& c, auto&... args) { return c.Observe(args...); });
      };
      if constexpr (requires(Cls & c, Request r, Plan p, typename Cls::Config g) {
                      c.DryRun(r, p, g);
                    }) {
        t.dry_run = [](void* self, const heald_action_request* r, const heald_plan* plan,
                       heald_effect* out, heald_error* error) noexcept {
          return Effecting(self, *r, *plan, out, error,
                           [](Cls& c, auto&... args) { return c.DryRun(args...); });
        };
      }
      if constexpr (HasUndo()) {
        t.undo = [](void* self, const heald_action_request* r, const heald_plan* plan,
                    heald_effect* out, heald_error* error) noexcept {
          return Effecting(self, *r, *plan, out, error,
                           [](Cls& c, auto&... args) { return c.Undo(args...); });
        };
      }
      if constexpr (requires(Cls & c) { c.Start(); }) t.start = &Base::StartHook;
      if constexpr (requires(Cls & c) { c.Stop(true); }) t.stop = &Base::StopHook;
      return t;
    }();
    return &table;
  }

 private:
  static constexpr bool HasUndo() {
    return requires(Cls & c, Request r, Plan p, typename Cls::Config g) {
      c.Undo(r, p, g);
    };
  }
  static auto Params(const heald_action_request& r) {
    return ReadConfig<typename Cls::Config>(*r.params);
  }
  template <typename F>
  static int32_t Effecting(void* self, const heald_action_request& r, const heald_plan& p,
                           heald_effect* out, heald_error* error, F call) noexcept {
    static thread_local detail::CallLog calls;
    calls.Begin();
    const int32_t code = detail::Barrier(error, [&] {
      const Request request = detail::ToRequest<Cls>(r);
      const Plan plan = detail::ToPlan(p);
      const typename Cls::Config params = Params(r);
      static thread_local Effect kept;
      kept = call(Base::Self(self), request, plan, params);
      out->state = static_cast<uint32_t>(kept.state);
      out->detail = detail::Str(kept.detail);
    });
    const std::span<const heald_call> made = calls.End();
    out->size = sizeof *out;
    out->calls = made.data();
    out->call_count = made.size();
    return code;
  }
};

// One of
//   void Notify(const heald_notification&, const Config& params): delivers one or throws Failure
//   (retryable when it should be tried again). params has ${…} filled in for this event.
//   void NotifyAll(Notices<Config>&): the same for several at once, for a notifier that joins some
//   of them; what it throws is about the first that isn't done.
// Optional: void Start() and void Stop(bool leaving).
template <typename Cls>
class Notifier : public detail::Base<Cls, HEALD_NOTIFIER, 0> {
  using Base = detail::Base<Cls, HEALD_NOTIFIER, 0>;

 public:
  static constexpr uint32_t Inputs() {
    return HEALD_RECORD_FINDINGS | HEALD_RECORD_DECISIONS | HEALD_RECORD_OUTCOMES |
           HEALD_RECORD_INCIDENTS;
  }
  static const heald_notifier_vtable* VTable() {
    static const heald_notifier_vtable table = [] {
      heald_notifier_vtable t{};
      t.size = sizeof t;
      t.notify = [](void* self, const heald_notification* items, uint64_t count, uint64_t stride,
                    int32_t* results, heald_error* error) noexcept {
        int32_t failed = HEALD_OK;
        const int32_t broken = detail::Barrier(error, [&] {
          Notices<typename Cls::Config> notices(items, count, stride, results);
          failed = detail::Barrier(error, [&] {
            if constexpr (requires(Cls & c) { c.NotifyAll(notices); }) {
              Base::Self(self).NotifyAll(notices);
            } else {
              for (size_t i = 0; i < notices.size(); ++i) {
                Base::Self(self).Notify(notices[i], notices.Params(i));
                notices.Done(i);
              }
            }
          });
          if (failed != HEALD_OK) notices.Fail(failed);
        });
        return broken;
      };
      if constexpr (requires(Cls & c) { c.Start(); }) t.start = &Base::StartHook;
      if constexpr (requires(Cls & c) { c.Stop(true); }) t.stop = &Base::StopHook;
      return t;
    }();
    return &table;
  }
};

namespace detail {

template <typename... Components>
heald_plugin MakePlugin(std::string_view name, std::string_view version, std::string_view author,
                        std::string_view license) {
  static const heald_component* const components[] = {Components::Component()...};
  heald_plugin plugin{};
  plugin.size = sizeof plugin;
  plugin.abi_major = HEALD_ABI_MAJOR;
  plugin.abi_minor = HEALD_ABI_MINOR;
  plugin.name = Str(name);
  plugin.version = Str(version);
  plugin.author = Str(author);
  plugin.license = Str(license);
  plugin.components = components;
  plugin.component_count = sizeof...(Components);
  return plugin;
}

}  // namespace detail
}  // namespace heald::sdk

// HEALD_PLUGIN("zscore", "1.0.0", "Anna", "MIT", ZscoreDetector, …): once per shared object.
#define HEALD_PLUGIN(name, version, author, license, ...)                               \
  extern "C" __attribute__((visibility("default"))) const heald_plugin heald_plugin_v1; \
  const heald_plugin heald_plugin_v1 =                                                  \
      heald::sdk::detail::MakePlugin<__VA_ARGS__>(name, version, author, license)
