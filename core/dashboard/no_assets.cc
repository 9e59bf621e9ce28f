// The table of a build without the dashboard.
#include "core/dashboard/assets.h"

namespace heald::dashboard {

std::span<const Asset> Assets() {
  return {};
}

}  // namespace heald::dashboard
