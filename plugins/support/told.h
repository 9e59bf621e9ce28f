// What a notifier has told that is to be told once ("opened" of incident X), over restarts: a small
// file in its state folder with the latest few thousand. Thread rule: one thread at a time.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <string_view>

#include "heald/plugin.h"

namespace heald::support {

class Told {
 public:
  explicit Told(sdk::Host host);

  bool Has(const std::string& what) const { return known_.count(what) != 0; }
  // On disk when it returns, where the disk takes it; else it is remembered until the agent ends,
  // and the log says so once.
  void Add(const std::string& what);
  // An incident that ends and then begins again is told anew.
  void ForgetEnded(const heald_notification& notice);

  // What heald_notification says once, with its incident ("opened 0123…"); empty: told each time.
  static std::string KeyFor(const heald_notification& notice);

 private:
  void Write();

  sdk::Host host_;
  const std::string path_;
  std::deque<std::string> order_;  // oldest first
  std::set<std::string> known_;
  bool complained_ = false;
};

}  // namespace heald::support
