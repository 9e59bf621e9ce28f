// How a plugin says that a call failed: throw Failure. The SDK's barrier on every hook turns it,
// and any other exception, into the caller's heald_error; nothing crosses the boundary. Thread
// rule: plain values.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "heald/abi/plugin.h"

namespace heald::sdk {

class Failure : public std::runtime_error {
 public:
  // code: HEALD_INVALID… ; message: what is wrong and what to do about it.
  Failure(int32_t code, const std::string& message) : std::runtime_error(message), code_(code) {}
  // The same call may succeed later; after_ns 0: no idea when.
  Failure& Retryable(int64_t after_ns = 0) {
    retryable_ = true;
    retry_after_ns_ = after_ns;
    return *this;
  }
  // RFC 6901, the part of the config at fault.
  Failure& At(std::string pointer) {
    pointer_ = std::move(pointer);
    return *this;
  }
  int32_t code() const { return code_; }
  bool retryable() const { return retryable_; }
  int64_t retry_after_ns() const { return retry_after_ns_; }
  const std::string& pointer() const { return pointer_; }

 private:
  int32_t code_;
  bool retryable_ = false;
  int64_t retry_after_ns_ = 0;
  std::string pointer_;
};

namespace detail {

// Copies as much as fits, cut at a character's border, NUL-terminated.
inline void CopyText(char* to, size_t capacity, std::string_view text) {
  size_t n = std::min(text.size(), capacity - 1);
  while (n < text.size() && n > 0 && (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) --n;
  if (n > 0) std::memcpy(to, text.data(), n);
  to[n] = 0;
}

inline int32_t Fill(heald_error* error, int32_t code, std::string_view message) {
  if (error != nullptr) {
    error->code = code;
    error->retryable = 0;
    error->retry_after_ns = 0;
    error->json_pointer[0] = 0;
    CopyText(error->message, sizeof error->message, message);
  }
  return code;
}

// Runs a hook; whatever it throws ends in `error`.
template <typename F>
int32_t Barrier(heald_error* error, F&& hook) noexcept {
  try {
    hook();
    return HEALD_OK;
  } catch (const Failure& failure) {
    const int32_t code = failure.code() == HEALD_OK ? HEALD_INTERNAL : failure.code();
    Fill(error, code, failure.what());
    if (error != nullptr) {
      error->retryable = failure.retryable() ? 1 : 0;
      error->retry_after_ns = failure.retry_after_ns();
      CopyText(error->json_pointer, sizeof error->json_pointer, failure.pointer());
    }
    return code;
  } catch (const std::bad_alloc&) {
    return Fill(error, HEALD_INTERNAL, "out of memory");
  } catch (const std::exception& exception) {
    return Fill(error, HEALD_INTERNAL, exception.what());
  } catch (...) {
    return Fill(error, HEALD_INTERNAL, "the plugin threw something that is not a std::exception");
  }
}

// The host refused a call: as an exception, for the plugin to let through or to catch.
inline void Check(int32_t code, const heald_error& error) {
  if (code == HEALD_OK) return;
  Failure failure(code, error.message);
  if (error.retryable != 0) failure.Retryable(error.retry_after_ns);
  throw failure;
}

inline heald_error NewError() {
  heald_error error;
  std::memset(&error, 0, sizeof error);
  error.size = sizeof error;
  return error;
}

inline heald_str Str(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view View(heald_str text) {
  return {text.ptr, text.len};
}

}  // namespace detail

}  // namespace heald::sdk
