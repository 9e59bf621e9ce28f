// The orders service: looks the user up at users and charges at payments, both within one deadline.
// A peer that is slow or down makes an order payment_pending, never orders slow. Used by main.
// Thread rule: handlers from any thread.
#pragma once

#include <string>
#include <vector>

#include "demo/services/peer.h"
#include "demo/services/record_store.h"
#include "demo/services/router.h"

namespace heald::demo {

class Orders {
 public:
  Orders(std::string users_url, std::string payments_url)
      : users_(std::move(users_url)), payments_(std::move(payments_url)) {}
  // The handlers refer to this object.
  std::vector<Route> Routes();

 private:
  Response Create(const Request& request);

  Peer users_;
  Peer payments_;
  RecordStore store_{"orders", "o-"};
};

}  // namespace heald::demo
