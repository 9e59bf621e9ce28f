// Size-bounded log files of children that hold them open. Used where plugins run programs.
// Thread rule: one thread per file.
#pragma once

#include <cstdint>
#include <string>

namespace heald::support {

// Once `path` is larger than max_bytes: path.(keep-1) → path.keep, …, a copy of path → path.1, and
// path is cut to nothing. Copying keeps the child's descriptor good; as it appends, it goes on at
// the start. Empty, or what went wrong.
std::string RotateLog(const std::string& path, int64_t max_bytes, int64_t keep);

// The last lines, at most max_bytes.
std::string LogTail(const std::string& path, size_t max_bytes);

}  // namespace heald::support
