// Notifications as JSON, the form in which they wait in the spools. Used by the agent.
// Thread rule: pure functions.
#pragma once

#include "core/pipeline/delivery.h"

namespace heald::agent {

NoticeCodec JsonNotices();

}  // namespace heald::agent
