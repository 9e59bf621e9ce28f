#include "core/dashboard/assets.h"

namespace heald::dashboard {

const Asset* FindAsset(std::string_view path) {
  for (const Asset& asset : Assets())
    if (asset.path == path) return &asset;
  return nullptr;
}

}  // namespace heald::dashboard
