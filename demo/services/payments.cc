#include "demo/services/payments.h"

#include <utility>

#include "demo/services/data_folder.h"
#include "demo/services/record_routes.h"

namespace heald::demo {

std::vector<Route> Payments::Routes() {
  using Type = Field::Type;
  Route create{
      "POST",
      "/payments",
      "Charge an amount",
      Route::Kind::kBusiness,
      {},
      {{"order_id", Type::kId, true, 1, 64, "the order it pays", {}, "o-1"},
       {"user_id", Type::kId, true, 1, 64, "who pays", {}, "u-1"},
       {"amount_cents", Type::kInteger, true, 1, kMaxAmountCents, "how much", {}, 1999},
       {"currency", Type::kString, false, 3, 3, "EUR unless given", {"EUR", "USD", "GBP"}, "EUR"}},
      {{201, "the payment; status is captured, or declined above 5,000.00"},
       {422, "a field is missing or invalid"}},
      [this](const Request& request) {
        nlohmann::json payment = request.json;
        payment["id"] = store_.NextId();
        payment["currency"] = request.json.value("currency", "EUR");
        const int64_t limit =
            data_ == nullptr ? kDeclineAboveCents : data_->settings().decline_above_cents();
        payment["status"] = request.json["amount_cents"] > limit ? "declined" : "captured";
        if (data_ != nullptr)
          if (const Status kept = data_->disk().AddReceipt(payment.dump()); !kept)
            return Problem(500, kept.error().message);
        store_.Put(payment);
        return JsonResponse(201, payment);
      }};
  return {std::move(create), FindRoute("/payments/{id}", "payment", &store_)};
}

}  // namespace heald::demo
