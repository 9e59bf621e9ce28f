// What one thread at a time may use, for actions whose calls overlap: each call borrows one, made
// when none is idle. Used by docker and http. Thread rule: any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace heald::support {

template <typename T>
class Pool {
 public:
  explicit Pool(std::function<std::unique_ptr<T>()> make) : make_(std::move(make)) {}

  // Goes back when it goes out of scope; the pool must live longer.
  using Loan = std::unique_ptr<T, std::function<void(T*)>>;
  Loan Borrow() {
    std::unique_ptr<T> item;
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        item = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (item == nullptr) item = make_();
    return Loan(item.release(), [this](T* lent) {
      const std::lock_guard lock(mutex_);
      idle_.emplace_back(lent);
    });
  }

 private:
  const std::function<std::unique_ptr<T>()> make_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;  // guarded by mutex_
};

}  // namespace heald::support
