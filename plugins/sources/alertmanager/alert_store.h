// The firing alerts on disk, so that a restart forgets none: Alertmanager repeats what fires only
// after hours. Written as a whole, and then put in place of the former. Thread rule: one thread.
#pragma once

#include <string>
#include <vector>

#include "plugins/sources/alertmanager/alert_book.h"

namespace heald::alertmanager {

class AlertStore {
 public:
  explicit AlertStore(const std::string& state_dir) : path_(state_dir + "/alerts.json") {}

  // Empty where there are none. Not empty `error`: the file is damaged and was put aside.
  std::vector<FiringAlert> Read(std::string* error) const;
  // Empty, or why it couldn't.
  std::string Write(const std::vector<FiringAlert>& alerts) const;

 private:
  const std::string path_;
};

}  // namespace heald::alertmanager
