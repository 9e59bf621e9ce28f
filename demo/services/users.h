// The users service: accounts that orders looks up. Used by main.
// Thread rule: handlers from any thread.
#pragma once

#include <vector>

#include "demo/services/record_store.h"
#include "demo/services/router.h"

namespace heald::demo {

class Users {
 public:
  // u-1 … u-100 exist from the start, so that traffic works right after a restart.
  static constexpr int kSeededUsers = 100;

  Users();
  // The handlers refer to this object.
  std::vector<Route> Routes();

 private:
  RecordStore store_{"users", "u-"};
};

}  // namespace heald::demo
