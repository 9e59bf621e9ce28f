// The notifier `email`: a mail per event that matters, threaded by incident. The host keeps events
// until the server took their mails; what it takes for some recipients only is kept in Postponed,
// so that nobody waits for anybody else. Thread rule: as every heald::sdk::Notifier.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "plugins/notifiers/email/config.h"
#include "plugins/notifiers/email/postponed.h"
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

  void NotifyAll(sdk::Notices<Config>& notices);

 private:
  bool Wanted(const heald_notification& notice) const;
  // Sends it to all who have no earlier mail to wait for, and keeps it for the others.
  void Tell(const heald_notification& notice, const Config& filled);
  void DeliverPostponed();
  [[noreturn]] void FailPostponed(bool news);

  const sdk::Host host_;
  const Config config_;
  const std::vector<std::string> recipients_;
  SmtpClient client_;
  support::Told told_;
  Postponed postponed_;
  std::string said_;  // the recipients that the host knows to have to wait
  // What the server said to mails that it never takes, by event, until it is their turn to be told.
  std::map<std::string, std::string> never_;
};

}  // namespace heald::email
