// The notifier `pagerduty`: calls a person through PagerDuty's Events API v2, one alert per
// incident, acknowledged and resolved as the incident is; what needs a person after that is a new
// one. Thread rule: as every heald::sdk::Notifier.
#pragma once

#include <string>

#include "plugins/notifiers/pagerduty/alert_event.h"
#include "plugins/notifiers/pagerduty/config.h"
#include "plugins/support/http.h"
#include "plugins/support/told.h"

namespace heald::pagerduty {

class PagerdutyNotifier : public sdk::Notifier<PagerdutyNotifier> {
 public:
  using Config = pagerduty::Config;
  static constexpr sdk::Info kInfo{
      .name = "pagerduty",
      .doc = "Calls a person through PagerDuty where heald needs one, and takes the call back",
      .flags = HEALD_BLOCKING};
  static void Validate(const Config& config, sdk::Problems& problems);

  PagerdutyNotifier(sdk::Host host, const Config& config);

  void Notify(const heald_notification& notice, const Config& filled);

 private:
  // The incident's first alert that isn't acknowledged: 1, 2…
  unsigned CallOf(const heald_notification& notice) const;
  void Send(const heald_notification& notice, Do action, unsigned call, const Config& filled);

  const Config config_;
  support::HttpClient client_;
  support::Told told_;  // alerts that were acknowledged, and those that came after
};

}  // namespace heald::pagerduty
