// Small files as a whole: read, and replaced so that nobody ever sees half of one. Used by what a
// service keeps in its data folder.
// Thread rule: all functions from any thread; two writers of one file don't mix, the later one
// wins.
#pragma once

#include <string>

#include "core/base/result.h"

namespace heald::demo {

Result<std::string> ReadText(const std::string& file);
Status ReplaceText(const std::string& file, const std::string& text);

}  // namespace heald::demo
