#include "plugins/notifiers/email/postponed.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace heald::email {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostMails = 500;
constexpr support::RetryPolicy kPauses{.base_ns = 1'000'000'000, .cap_ns = 60'000'000'000};

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Postponed::Postponed(sdk::Host host, const std::vector<std::string>& recipients)
    : host_(host),
      folder_(std::string(host.StateDir()) + "/postponed"),
      waiting_(host.Gauge("postponed_mails", "Mails that some recipients can't be given yet")),
      dropped_(host.Counter("dropped_mails_total",
                            "Mails that one of their recipients never got: refused, or too many "
                            "waited")) {
  Load(recipients);
}

void Postponed::Load(const std::vector<std::string>& recipients) {
  std::error_code ignored;  // writing says it better
  std::filesystem::create_directories(folder_, ignored);
  holder_ = ReadFile(folder_ + "/holder");
  for (const auto& file : std::filesystem::directory_iterator(folder_, ignored)) {
    const std::string name = file.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos || name.size() > 18) continue;
    Entry entry{std::stoull(name), {}};
    next_number_ = std::max(next_number_, entry.number + 1);
    try {
      const Json json = Json::parse(ReadFile(file.path()));
      entry.mail = {json.at("message_id"), json.at("from"), json.at("to"), json.at("data")};
    } catch (const Json::exception&) {
      host_.Log(sdk::Level::kWarning, file.path().string() + " is damaged: that mail is dropped");
      dropped_.Record(1);
      std::filesystem::remove(file.path(), ignored);
      continue;
    }
    mails_.push_back(std::move(entry));
  }
  std::sort(mails_.begin(), mails_.end(),
            [](const Entry& a, const Entry& b) { return a.number < b.number; });
  std::vector<std::pair<std::string, std::string>> gone;
  for (const Entry& entry : mails_)
    for (const std::string& to : entry.mail.to)
      if (std::find(recipients.begin(), recipients.end(), to) == recipients.end())
        gone.emplace_back(entry.mail.message_id, to);
      else
        QueueOf(to);
  for (const auto& [message_id, to] : gone) {
    host_.Log(sdk::Level::kInfo, to + " is no longer in `to` or `cc`: a mail that waited for that "
                                      "address is dropped");
    Settle(message_id, to);
  }
  Count();
}

bool Postponed::Holds(const std::string& recipient) const {
  return std::any_of(mails_.begin(), mails_.end(), [&](const Entry& entry) {
    return std::find(entry.mail.to.begin(), entry.mail.to.end(), recipient) != entry.mail.to.end();
  });
}

Postponed::Queue& Postponed::QueueOf(const std::string& recipient) {
  return queues_.try_emplace(recipient, Queue{support::Backoff(kPauses), 0, {}}).first->second;
}

void Postponed::Add(PostponedMail mail) {
  for (const Entry& entry : mails_)
    if (entry.mail.message_id == mail.message_id) return;
  if (mails_.size() == kMostMails) {
    host_.Log(sdk::Level::kError, std::to_string(kMostMails) +
                                      " mails wait for recipients that the server puts off: the "
                                      "oldest is dropped");
    dropped_.Record(1);
    const PostponedMail oldest = mails_.front().mail;
    for (const std::string& to : oldest.to) Settle(oldest.message_id, to);
  }
  for (const std::string& to : mail.to) QueueOf(to);
  mails_.push_back({next_number_++, std::move(mail)});
  Write(mails_.back());
  Count();
}

void Postponed::SetHolder(const std::string& event_id) {
  holder_ = event_id;
  WriteFile(folder_ + "/holder", holder_);
}

void Postponed::PutOff(const std::string& recipient, const std::string& reply) {
  Queue& queue = QueueOf(recipient);
  queue.reply = reply;
  queue.next_ns = host_.MonotonicNs() + queue.backoff.NextNs();
}

void Postponed::Deliver(
    const std::function<Answer(const PostponedMail&, const std::string&, std::string*)>& send) {
  std::vector<std::string> due;
  for (const auto& [recipient, queue] : queues_)
    if (queue.next_ns <= host_.MonotonicNs()) due.push_back(recipient);
  for (const std::string& recipient : due) {
    std::vector<PostponedMail> mails;
    for (const Entry& entry : mails_)
      if (std::find(entry.mail.to.begin(), entry.mail.to.end(), recipient) != entry.mail.to.end())
        mails.push_back(entry.mail);
    for (const PostponedMail& mail : mails) {
      std::string reply;
      const Answer answer = send(mail, recipient, &reply);
      if (answer == Answer::kLater) {
        PutOff(recipient, reply);
        break;
      }
      if (answer == Answer::kRefused) {
        host_.Log(sdk::Level::kWarning, "a mail isn't taken for " + recipient + ": " + reply);
        dropped_.Record(1);
      }
      Settle(mail.message_id, recipient);
    }
  }
  Count();
}

void Postponed::Settle(const std::string& message_id, const std::string& recipient) {
  const auto at = std::find_if(mails_.begin(), mails_.end(), [&](const Entry& entry) {
    return entry.mail.message_id == message_id;
  });
  if (at != mails_.end()) {
    std::erase(at->mail.to, recipient);
    if (at->mail.to.empty()) {
      std::error_code ignored;  // then it comes a second time after a restart
      std::filesystem::remove(PathOf(at->number), ignored);
      mails_.erase(at);
    } else {
      Write(*at);
    }
  }
  if (!Holds(recipient)) queues_.erase(recipient);
}

std::string Postponed::Trouble() const {
  std::string out;
  for (const auto& [recipient, queue] : queues_) {
    const auto waiting = std::count_if(mails_.begin(), mails_.end(), [&](const Entry& entry) {
      return std::find(entry.mail.to.begin(), entry.mail.to.end(), recipient) !=
             entry.mail.to.end();
    });
    out += (out.empty() ? "takes no mail for " : "; for ") + recipient + " now";
    if (!queue.reply.empty()) out += ": " + queue.reply;
    out += " (" + std::to_string(waiting) + (waiting == 1 ? " waits)" : " wait)");
  }
  return out;
}

std::string Postponed::Who() const {
  std::string out;
  for (const auto& [recipient, queue] : queues_) out += recipient + "\n";
  return out;
}

int64_t Postponed::NextNs() const {
  int64_t next_ns = std::numeric_limits<int64_t>::max();
  for (const auto& [recipient, queue] : queues_) next_ns = std::min(next_ns, queue.next_ns);
  return queues_.empty() ? 0 : std::max<int64_t>(next_ns - host_.MonotonicNs(), 0);
}

std::string Postponed::PathOf(uint64_t number) const {
  return folder_ + "/" + std::to_string(number);
}

void Postponed::Write(const Entry& entry) {
  WriteFile(PathOf(entry.number), Json{{"message_id", entry.mail.message_id},
                                       {"from", entry.mail.from},
                                       {"to", entry.mail.to},
                                       {"data", entry.mail.data}}
                                      .dump(-1, ' ', false, Json::error_handler_t::replace));
}

// Only for this user's eyes: a mail may hold a link by which to approve.
void Postponed::WriteFile(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  size_t written = 0;
  while (fd >= 0 && written < text.size()) {
    const ssize_t n = write(fd, text.data() + written, text.size() - written);
    if (n <= 0 && errno != EINTR) break;
    if (n > 0) written += static_cast<size_t>(n);
  }
  int error = fd < 0 || written < text.size() ? errno : 0;
  if (fd >= 0 && close(fd) != 0) error = errno;
  if (error == 0 && rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error == 0)
    complained_ = false;
  else if (!std::exchange(complained_, true))
    host_.Log(sdk::Level::kWarning, "can't write " + path + ": " + std::strerror(error) +
                                        "; mails that wait are lost with a restart");
}

void Postponed::Count() {
  waiting_.Record(static_cast<double>(mails_.size()));
}

}  // namespace heald::email
