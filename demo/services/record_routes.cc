#include "demo/services/record_routes.h"

namespace heald::demo {

Route ListRoute(const std::string& pattern, const std::string& plural, const RecordStore* store) {
  return {"GET",
          pattern,
          "List " + plural + ", the newest first",
          Route::Kind::kBusiness,
          {{"limit", Field::Type::kInteger, false, 1, 100, "how many; 20 unless given", {}, 20}},
          {},
          {{200, "the " + plural}, {422, "limit is out of range"}},
          [store, plural](const Request& request) {
            return JsonResponse(200, {{plural, store->Newest(request.json.value("limit", 20u))}});
          }};
}

Route FindRoute(const std::string& pattern, const std::string& singular, const RecordStore* store) {
  return {"GET",
          pattern,
          "Find one " + singular,
          Route::Kind::kBusiness,
          {},
          {},
          {{200, "the " + singular}, {404, "there is none with this id"}},
          [store, singular](const Request& request) {
            const std::string& id = request.params.at("id");
            const auto record = store->Find(id);
            if (!record) return Problem(404, "there is no " + singular + " '" + id + "'");
            return JsonResponse(200, *record);
          }};
}

}  // namespace heald::demo
