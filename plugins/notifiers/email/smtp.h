// One mail to a mail server, over libcurl, and what the server said to it. Used by the notifier.
// Thread rule: one thread at a time; nothing here throws. The password never gets into a message.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "plugins/notifiers/email/config.h"

namespace heald::email {

struct SmtpAnswer {
  enum class Kind {
    kDone,
    kLater,      // no connection, no answer, a 4xx: another try may help
    kMend,       // the login, the certificate, every address is refused: a person mends it
    kNever,      // the server doesn't take this mail
    kCancelled,  // the agent ends
  };
  Kind kind = Kind::kLater;
  std::string message;  // what is wrong and what to do about it
  // Addresses that it didn't take, with its words; kDone where it took others.
  std::vector<std::pair<std::string, std::string>> refused;
  std::vector<std::string> postponed;  // those of them that it may take later
  bool for_nobody = false;             // it went on well until every address was refused
};

class SmtpClient {
 public:
  SmtpClient(const Config& config, std::function<bool()> cancelled);

  // from and to: bare addresses.
  SmtpAnswer Send(const std::string& from, const std::vector<std::string>& to,
                  const std::string& data) const;

 private:
  const Config config_;
  const std::function<bool()> cancelled_;
};

// Empty when `url` is a mail server's, else what is wrong with it.
std::string CheckServer(const std::string& url);

}  // namespace heald::email
