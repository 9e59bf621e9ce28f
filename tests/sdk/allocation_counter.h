// Counts what operator new gives out in this program, for tests and benchmarks that hold a
// component to its memory promises. Linking it replaces operator new. Thread rule: [any]; counts
// are exact while one thread allocates.
#pragma once

#include <cstdint>

namespace heald::testing {

uint64_t Allocations();  // calls so far
int64_t LiveBytes();     // as the allocator rounds them, with its own header

}  // namespace heald::testing
