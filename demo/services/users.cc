#include "demo/services/users.h"

#include <utility>

#include "demo/services/record_routes.h"

namespace heald::demo {

Users::Users() {
  for (int i = 1; i <= kSeededUsers; ++i) {
    const std::string name = "user" + std::to_string(i);
    store_.Put({{"id", store_.NextId()}, {"name", name}, {"email", name + "@example.com"}});
  }
}

std::vector<Route> Users::Routes() {
  using Type = Field::Type;
  Route create{
      "POST",
      "/users",
      "Create a user",
      Route::Kind::kBusiness,
      {},
      {{"name", Type::kString, true, 1, 100, "how to address them", {}, "Ada"},
       {"email", Type::kEmail, true, 3, 200, "where to reach them", {}, "ada@example.com"}},
      {{201, "the user"}, {422, "a field is missing or invalid"}},
      [this](const Request& request) {
        nlohmann::json user = request.json;
        user["id"] = store_.NextId();
        store_.Put(user);
        return JsonResponse(201, user);
      }};
  return {std::move(create), ListRoute("/users", "users", &store_),
          FindRoute("/users/{id}", "user", &store_)};
}

}  // namespace heald::demo
