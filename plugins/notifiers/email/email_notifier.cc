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
// While mails wait for some recipients, the host asks so often for new ones for the others.
constexpr int64_t kLongestPauseNs = 1'000'000'000;
constexpr int64_t kShortestPauseNs = 50'000'000;
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

[[noreturn]] void Fail(const SmtpAnswer& answer) {
  using Kind = SmtpAnswer::Kind;
  if (answer.kind == Kind::kNever) throw sdk::Failure(HEALD_INVALID, answer.message);
  if (answer.kind == Kind::kMend)
    throw sdk::Failure(HEALD_DENIED, answer.message + "; events wait until that is mended")
        .Retryable(kMendPauseNs);
  throw sdk::Failure(answer.kind == Kind::kCancelled ? HEALD_CANCELLED : HEALD_UNAVAILABLE,
                     answer.message)
      .Retryable();
}

std::string ReplyTo(const SmtpAnswer& answer, const std::string& recipient) {
  for (const auto& [address, reply] : answer.refused)
    if (address == recipient) return reply;
  return answer.message;
}

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

std::string IdOf(const heald_notification& notice) {
  return std::string(sdk::detail::View(notice.event_id));
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
      recipients_(Recipients(config)),
      client_(config, [host] { return host.Cancelled(); }),
      told_(host),
      postponed_(host, recipients_) {}

bool EmailNotifier::Wanted(const heald_notification& notice) const {
  const Event event = support::EventOf(notice);
  const bool listed = config_.events.empty() ? std::find(std::begin(kUsual), std::end(kUsual),
                                                         event) != std::end(kUsual)
                                             : support::IsAmong(event, config_.events);
  return listed && !told_.Has(support::Told::KeyFor(notice));
}

void EmailNotifier::NotifyAll(sdk::Notices<Config>& notices) {
  DeliverPostponed();
  bool held = false;  // an event that isn't done stands for the mails that wait
  for (size_t i = 0; i < notices.size(); ++i)
    held |= !postponed_.empty() && IdOf(notices[i]) == postponed_.holder();
  bool news = false;
  for (size_t i = 0; i < notices.size(); ++i) {
    const std::string id = IdOf(notices[i]);
    if (id == postponed_.holder()) {
      if (postponed_.empty()) notices.Done(i);
      continue;
    }
    if (held && never_.contains(id)) continue;
    try {
      if (const auto at = never_.find(id); at != never_.end()) {
        const std::string message = at->second;
        never_.erase(at);
        throw sdk::Failure(HEALD_INVALID, message);
      }
      Tell(notices[i], notices.Params(i));
    } catch (const sdk::Failure& failure) {
      // A failure is about the first event that isn't done, and this one is to be dropped.
      if (!held || failure.retryable()) throw;
      never_[id] = failure.what();
      continue;
    }
    news = true;
    if (postponed_.empty() || held) {
      notices.Done(i);
    } else {
      postponed_.SetHolder(id);
      held = true;
    }
  }
  if (!postponed_.empty()) FailPostponed(news);
  said_.clear();
}

void EmailNotifier::Tell(const heald_notification& notice, const Config& filled) {
  told_.ForgetEnded(notice);
  if (!Wanted(notice)) return;
  const Mail mail = LetterOf(notice, filled);
  PostponedMail later{mail.message_id, BareAddress(filled.from), {}, Compose(mail)};
  std::vector<std::string> now;
  for (const std::string& recipient : recipients_)
    (postponed_.Holds(recipient) ? later.to : now).push_back(recipient);
  if (!now.empty()) {
    const SmtpAnswer answer = client_.Send(later.from, now, later.data);
    const bool others = !later.to.empty() || !answer.postponed.empty();
    if (answer.kind != SmtpAnswer::Kind::kDone && !(answer.for_nobody && others)) Fail(answer);
    for (const auto& [address, reply] : answer.refused) {
      if (!Contains(answer.postponed, address)) {
        host_.Log(sdk::Level::kWarning, "a mail isn't taken for " + address + ": " + reply);
        continue;
      }
      postponed_.PutOff(address, reply);
      later.to.push_back(address);
    }
  }
  if (!later.to.empty()) postponed_.Add(std::move(later));
  if (const std::string key = support::Told::KeyFor(notice); !key.empty()) told_.Add(key);
}

void EmailNotifier::DeliverPostponed() {
  using Kind = SmtpAnswer::Kind;
  using Put = Postponed::Answer;
  postponed_.Deliver([this](const PostponedMail& mail, const std::string& to, std::string* reply) {
    const SmtpAnswer answer = client_.Send(mail.from, {to}, mail.data);
    *reply = ReplyTo(answer, to);
    if (answer.kind == Kind::kDone) return Put::kTaken;
    if (answer.for_nobody && !answer.postponed.empty()) return Put::kLater;
    if (answer.kind == Kind::kNever || (answer.for_nobody && recipients_.size() > 1))
      return Put::kRefused;
    Fail(answer);
  });
}

// As a failure where the host doesn't know of it, which it shows until an event is delivered; else
// as a pause, which never gets longer.
void EmailNotifier::FailPostponed(bool news) {
  const std::string who = postponed_.Who();
  news |= who != said_;
  said_ = who;
  const bool others = postponed_.recipients() < recipients_.size();
  throw sdk::Failure(
      news ? HEALD_UNAVAILABLE : HEALD_FULL,
      "the server " + postponed_.Trouble() + (others ? "; the others have their mails" : ""))
      .Retryable(std::clamp(postponed_.NextNs(), kShortestPauseNs, kLongestPauseNs));
}

}  // namespace heald::email
