// Reading the Engine's JSON where any part may be missing. Used by what reads its answers.
// Thread rule: pure functions.
#pragma once

#include "plugins/support/json_at.h"

namespace heald::docker {

using support::At;
using support::Number;
using support::Text;

}  // namespace heald::docker
