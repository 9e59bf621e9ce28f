// The action `alert`: changes nothing. A policy that names it still decides, is journaled and
// notifies, which is all that is wanted. Thread rule: as every heald::sdk::Action.
#pragma once

#include "heald/plugin.h"

namespace heald::alert {

struct Config {
  static constexpr auto Fields() { return std::tuple(); }
};

class AlertAction : public sdk::Action<AlertAction> {
 public:
  using Config = alert::Config;
  static constexpr sdk::Info kInfo{.name = "alert",
                                   .doc = "Changes nothing; the policy's notice is the action"};

  AlertAction(sdk::Host, const Config&) {}

  sdk::Plan MakePlan(const sdk::Request&, const Config&) {
    return {.summary = "tell people; nothing is changed",
            .reversible = true,
            .target_uid = "",
            .before = "{}",
            .effect_within = sdk::Seconds(1)};
  }
  sdk::Effect DryRun(const sdk::Request&, const sdk::Plan&, const Config&) { return Told(); }
  sdk::Effect Execute(const sdk::Request&, const sdk::Plan&, const Config&) { return Told(); }
  sdk::Effect Observe(const sdk::Request&, const sdk::Plan&, const Config&) { return Told(); }
  sdk::Effect Undo(const sdk::Request&, const sdk::Plan&, const Config&) {
    return {sdk::EffectState::kDone, "there was nothing to undo"};
  }

 private:
  static sdk::Effect Told() { return {sdk::EffectState::kDone, "people are told"}; }
};

}  // namespace heald::alert
