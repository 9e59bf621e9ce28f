#include "demo/services/orders.h"

#include <utility>

#include "demo/services/payments.h"
#include "demo/services/profile.h"
#include "demo/services/record_routes.h"

namespace heald::demo {

using nlohmann::json;

Response Orders::Create(const Request& request) {
  const auto deadline = std::chrono::steady_clock::now() +
                        std::chrono::milliseconds(static_cast<int>(kOrderDeadlineMs));
  json order = request.json;
  const auto user_id = order["user_id"].get<std::string>();
  const auto user = users_.Call("GET", "/users/" + user_id, nullptr, deadline);
  if (user && user->status == 404)
    return Problem(422, "the body is invalid",
                   {{{"field", "user_id"}, {"message", "there is no user '" + user_id + "'"}}});

  order["id"] = store_.NextId();
  order["user_checked"] = user && user->status == 200;
  order["status"] = "payment_pending";
  order["payment_id"] = nullptr;
  const auto payment = payments_.Call(
      "POST", "/payments",
      {{"order_id", order["id"]}, {"user_id", user_id}, {"amount_cents", order["amount_cents"]}},
      deadline);
  if (payment && payment->status == 201) {
    if (payment->body.value("status", "") == "declined")
      return Problem(402, "payment was declined: the amount is above the limit");
    order["status"] = "paid";
    order["payment_id"] = payment->body.value("id", json());
  }
  store_.Put(order);
  return JsonResponse(order["status"] == "paid" ? 201 : 202, order);
}

std::vector<Route> Orders::Routes() {
  using Type = Field::Type;
  Route create{
      "POST",
      "/orders",
      "Place an order and pay it",
      Route::Kind::kBusiness,
      {},
      {{"user_id", Type::kId, true, 1, 64, "who orders; must be known to users", {}, "u-1"},
       {"item", Type::kString, true, 1, 100, "what is ordered", {}, "tea"},
       {"quantity", Type::kInteger, true, 1, 1000, "how many", {}, 2},
       {"amount_cents", Type::kInteger, true, 1, kMaxAmountCents, "the price in EUR", {}, 1999}},
      {{201, "the order, paid"},
       {202, "the order, payment_pending: users or payments did not answer in time"},
       {402, "the payment was declined"},
       {422, "a field is missing or invalid, or the user is unknown"}},
      [this](const Request& request) { return Create(request); }};
  return {std::move(create), ListRoute("/orders", "orders", &store_),
          FindRoute("/orders/{id}", "order", &store_)};
}

}  // namespace heald::demo
