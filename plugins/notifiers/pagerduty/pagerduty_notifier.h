// The notifier `pagerduty`: calls a person through PagerDuty's Events API v2, one alert per
// incident, acknowledged and resolved as the incident is. Thread rule: as every
// heald::sdk::Notifier.
#pragma once

#include "plugins/notifiers/pagerduty/config.h"
#include "plugins/support/http.h"

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
  const Config config_;
  support::HttpClient client_;
};

}  // namespace heald::pagerduty
