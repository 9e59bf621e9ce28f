// The host's side of heald.http/1. Used by host.cc. Thread rule: as heald/abi/http.h says.
#pragma once

#include "heald/abi/http.h"

namespace heald::plugin {

const heald_http_extension* HttpExtension();

}  // namespace heald::plugin
