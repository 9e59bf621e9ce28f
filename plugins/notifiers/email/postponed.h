// Mails that a server didn't take for some of their recipients yet, while the others have them: on
// disk, in order, until those have them too. Used by the notifier. Thread rule: one thread at a
// time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "heald/plugin.h"
#include "plugins/support/retry.h"

namespace heald::email {

struct PostponedMail {
  std::string message_id;
  std::string from;
  std::vector<std::string> to;  // bare addresses that are still without it
  std::string data;             // the mail as composed
};

class Postponed {
 public:
  // Takes up what is in the state folder; what is for nobody of `recipients` is told and forgotten.
  Postponed(sdk::Host host, const std::vector<std::string>& recipients);

  bool empty() const { return mails_.empty(); }
  // Mails that wait for that address come first, so a new one has to wait behind them.
  bool Holds(const std::string& recipient) const;
  void Add(PostponedMail mail);

  // The host gives an event again until the notifier says that it is done. While mails wait here
  // this one isn't: so the notifier is called, and people see that something waits.
  const std::string& holder() const { return holder_; }
  void SetHolder(const std::string& event_id);

  // What a server said to one mail for one recipient.
  enum class Answer { kTaken, kRefused, kLater };
  // Tries those whose pause is over, in the order of each recipient's mails; what `send` throws
  // ends it. `refused`: 5xx and other words that no other try would change.
  void Deliver(const std::function<Answer(const PostponedMail& mail, const std::string& recipient,
                                          std::string* reply)>& send);
  // That address was just put off, with these words.
  void PutOff(const std::string& recipient, const std::string& reply);

  // "takes no mail for two@example.com now: 451 …; 2 mails wait".
  std::string Trouble() const;
  // The same for as long as the same recipients have to wait.
  std::string Who() const;
  size_t recipients() const { return queues_.size(); }
  // How long until the next try of any recipient.
  int64_t NextNs() const;

 private:
  struct Entry {
    uint64_t number = 0;
    PostponedMail mail;
  };
  struct Queue {  // of one recipient
    support::Backoff backoff;
    int64_t next_ns = 0;  // monotonic
    std::string reply;
  };

  void Load(const std::vector<std::string>& recipients);
  Queue& QueueOf(const std::string& recipient);
  void Settle(const std::string& message_id, const std::string& recipient);
  void Write(const Entry& entry);
  void WriteFile(const std::string& path, const std::string& text);
  std::string PathOf(uint64_t number) const;
  void Count();

  const sdk::Host host_;
  const std::string folder_;
  const sdk::Metric waiting_;
  const sdk::Metric dropped_;
  std::deque<Entry> mails_;  // oldest first
  std::map<std::string, Queue> queues_;
  std::string holder_;
  uint64_t next_number_ = 1;
  bool complained_ = false;
};

}  // namespace heald::email
