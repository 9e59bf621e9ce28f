// Errors as values, for all host code. Result<T> holds a T or an Error; an unread one is a warning.
// Thread rule: plain values.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/call.h"

namespace heald {

// Numbered as in heald/abi/types.h, so that an error keeps its meaning across the boundary.
enum class Code : int32_t {
  kOk = 0,
  kInvalid = 1,
  kUnavailable = 2,
  kDeadline = 3,
  kCancelled = 4,
  kDenied = 5,
  kNotFound = 6,
  kConflict = 7,
  kFull = 8,
  kStaleSeries = 9,
  kUnsupported = 10,
  kCorrupt = 11,
  kInternal = 12,
};

struct Error {
  Code code = Code::kInternal;
  std::string message;  // what is wrong and what to do about it
  bool retryable = false;
  int64_t retry_after_ns = 0;
  std::string json_pointer;  // part of the config at fault, when it is
  std::vector<Call> calls;   // what an action had called before it failed
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& operator*() { return std::get<0>(state_); }
  const T& operator*() const { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }
  Error& error() { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit on purpose
  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const { return error_; }
  Error& error() { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

inline Error MakeError(Code code, std::string message) {
  Error error;
  error.code = code;
  error.message = std::move(message);
  return error;
}

}  // namespace heald

// A broken invariant: say which and abort. Never for bad input.
#define HEALD_CHECK(condition, why)                                                       \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: invariant broken: %s (%s)\n", __FILE__, __LINE__, why, \
                   #condition);                                                           \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
