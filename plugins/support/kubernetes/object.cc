#include "plugins/support/kubernetes/object.h"

namespace heald::kubernetes {

using nlohmann::json;

json ParseObject(std::string_view text) {
  return json::parse(
      text,
      [](int, json::parse_event_t event, json& parsed) {
        return event != json::parse_event_t::key || parsed != "managedFields";
      },
      false);
}

}  // namespace heald::kubernetes
