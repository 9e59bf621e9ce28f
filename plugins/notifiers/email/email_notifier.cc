#include "plugins/notifiers/email/email_notifier.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "plugins/notifiers/email/letter.h"

namespace heald::email {
namespace {

using support::Event;

// A server that refuses addresses or logins doesn't like to be asked every minute.
constexpr int64_t kMendPauseNs = 600'000'000'000;
constexpr Event kUsual[] = {Event::kOpened, Event::kAwaitingApproval, Event::kFailed,
                            Event::kEscalated, Event::kResolved};

void CheckAddresses(const std::vector<std::string>& addresses, const std::string& pointer,
                    sdk::Problems& problems) {
  for (size_t i = 0; i < addresses.size(); ++i)
    if (BareAddress(addresses[i]).empty())
      problems.Add(pointer + "/" + std::to_string(i),
                   "'" + addresses[i] + "' is not an address that mail can be sent to");
}

void CheckFile(const std::string& path, const char* pointer, sdk::Problems& problems) {
  if (!path.empty() && access(path.c_str(), R_OK) != 0)
    problems.Add(pointer, "cannot read '" + path + "': " + std::strerror(errno));
}

std::vector<std::string> Recipients(const Config& config) {
  std::vector<std::string> all;
  for (const std::vector<std::string>* list : {&config.to, &config.cc})
    for (const std::string& address : *list)
      if (const std::string bare = BareAddress(address);
          std::find(all.begin(), all.end(), bare) == all.end())
        all.push_back(bare);
  return all;
}

}  // namespace

void EmailNotifier::Validate(const Config& config, sdk::Problems& problems) {
  if (const std::string problem = CheckServer(config.server); !problem.empty())
    problems.Add("/server", problem);
  if (BareAddress(config.from).empty())
    problems.Add("/from", "'" + config.from + "' is not an address that mail can come from");
  CheckAddresses(config.to, "/to", problems);
  CheckAddresses(config.cc, "/cc", problems);
  if (config.username.empty() != config.password.empty())
    problems.Add(config.username.empty() ? "/username" : "/password",
                 "a login needs both username and password");
  if (!config.password.empty() && config.starttls == Starttls::kNever &&
      config.server.starts_with("smtp://"))
    problems.Add("/starttls", "would send the password in the clear: write required");
  if (!config.tls.server_name.empty())
    problems.Add("/tls/server_name", "is not for mail servers: write that name into `server`");
  if (config.tls.cert_file.empty() != config.tls.key_file.empty())
    problems.Add(config.tls.cert_file.empty() ? "/tls/key_file" : "/tls/cert_file",
                 "a client certificate needs both cert_file and key_file");
  CheckFile(config.tls.ca_file, "/tls/ca_file", problems);
  CheckFile(config.tls.cert_file, "/tls/cert_file", problems);
  CheckFile(config.tls.key_file, "/tls/key_file", problems);
}

EmailNotifier::EmailNotifier(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      client_(config, [host] { return host.Cancelled(); }),
      told_(host) {}

bool EmailNotifier::Wanted(const heald_notification& notice) const {
  const Event event = support::EventOf(notice);
  const bool listed = config_.events.empty() ? std::find(std::begin(kUsual), std::end(kUsual),
                                                         event) != std::end(kUsual)
                                             : support::IsAmong(event, config_.events);
  return listed && !told_.Has(support::Told::KeyFor(notice));
}

void EmailNotifier::Notify(const heald_notification& notice, const Config& filled) {
  if (!Wanted(notice)) return;
  const Mail mail = LetterOf(notice, filled);
  if (begun_event_ != mail.message_id) begun_to_ = Recipients(config_);
  begun_event_ = mail.message_id;
  SmtpAnswer answer = client_.Send(BareAddress(filled.from), begun_to_, Compose(mail));
  using Kind = SmtpAnswer::Kind;
  if (answer.kind == Kind::kDone) {
    if (!answer.postponed.empty()) {
      begun_to_ = std::move(answer.postponed);
      throw sdk::Failure(HEALD_UNAVAILABLE, answer.message + "; the others have it").Retryable();
    }
    if (!answer.refused.empty()) host_.Log(sdk::Level::kWarning, answer.message);
    begun_event_.clear();
    if (const std::string key = support::Told::KeyFor(notice); !key.empty()) told_.Add(key);
    return;
  }
  if (answer.kind == Kind::kNever) throw sdk::Failure(HEALD_INVALID, answer.message);
  if (answer.kind == Kind::kMend)
    throw sdk::Failure(HEALD_DENIED, answer.message + "; events wait until that is mended")
        .Retryable(kMendPauseNs);
  throw sdk::Failure(answer.kind == Kind::kCancelled ? HEALD_CANCELLED : HEALD_UNAVAILABLE,
                     answer.message)
      .Retryable();
}

}  // namespace heald::email
