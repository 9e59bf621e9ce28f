#include "tests/sdk/allocation_counter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

constexpr int64_t kHeaderBytes = 8;
std::atomic<uint64_t> allocations{0};
std::atomic<int64_t> live_bytes{0};

void* Allocate(size_t size) {
  void* const at = std::malloc(size == 0 ? 1 : size);
  if (at == nullptr) throw std::bad_alloc();
  allocations.fetch_add(1, std::memory_order_relaxed);
  live_bytes.fetch_add(static_cast<int64_t>(malloc_usable_size(at)) + kHeaderBytes,
                       std::memory_order_relaxed);
  return at;
}

void Free(void* at) {
  if (at == nullptr) return;
  live_bytes.fetch_sub(static_cast<int64_t>(malloc_usable_size(at)) + kHeaderBytes,
                       std::memory_order_relaxed);
  std::free(at);
}

}  // namespace

void* operator new(size_t size) {
  return Allocate(size);
}
void* operator new[](size_t size) {
  return Allocate(size);
}
void operator delete(void* at) noexcept {
  Free(at);
}
void operator delete[](void* at) noexcept {
  Free(at);
}
void operator delete(void* at, size_t) noexcept {
  Free(at);
}
void operator delete[](void* at, size_t) noexcept {
  Free(at);
}

namespace heald::testing {

uint64_t Allocations() {
  return allocations.load(std::memory_order_relaxed);
}
int64_t LiveBytes() {
  return live_bytes.load(std::memory_order_relaxed);
}

}  // namespace heald::testing
