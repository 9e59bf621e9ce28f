// The notifier `email`: a mail per event that matters, threaded by incident. Thread rule: as every
// heald::sdk::Notifier.
#pragma once

#include <string>
#include <vector>

#include "plugins/notifiers/email/config.h"
#include "plugins/notifiers/email/smtp.h"
#include "plugins/support/told.h"

namespace heald::email {

class EmailNotifier : public sdk::Notifier<EmailNotifier> {
 public:
  using Config = email::Config;
  static constexpr sdk::Info kInfo{
      .name = "email",
      .doc = "Mails people about incidents and what is done about them",
      .flags = HEALD_BLOCKING};
  static void Validate(const Config& config, sdk::Problems& problems);

  EmailNotifier(sdk::Host host, const Config& config);

  void Notify(const heald_notification& notice, const Config& filled);

 private:
  bool Wanted(const heald_notification& notice) const;

  sdk::Host host_;
  const Config config_;
  SmtpClient client_;
  support::Told told_;
  // Of a mail that some recipients have: who hasn't, as long as the agent runs.
  std::string begun_event_;
  std::vector<std::string> begun_to_;
};

}  // namespace heald::email
