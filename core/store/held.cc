#include "core/store/held.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "core/store/json.h"

namespace heald {
namespace {

constexpr size_t kMaxInMemory = 20'000;
constexpr uint64_t kTakeBytes = 4 << 20;  // of one transaction

template <typename T>
void Move(std::vector<T>&& from, std::vector<T>* to) {
  to->insert(to->end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

std::string AsidePath(const std::string& path) {
  std::error_code error;
  for (int i = 1;; ++i)
    if (const std::string aside = path + ".aside" + std::to_string(i);
        !std::filesystem::exists(aside, error))
      return aside;
}

}  // namespace

Result<std::unique_ptr<HeldChanges>> HeldChanges::Open(const std::string& state_dir,
                                                       const Store& store, uint64_t max_bytes) {
  const std::string path =
      (std::filesystem::path(state_dir) / ("journal-" + store.id() + ".held")).string();
  auto held = std::make_unique<HeldChanges>();
  // Two agents with one state_dir may both think that they are the store's.
  Result<FileLock> lock = FileLock::Take(path);
  if (!lock) return lock.error();
  held->lock_ = std::move(*lock);
  Result<std::unique_ptr<Spool>> spool = Spool::Open(path, max_bytes);
  if (!spool) return spool.error();
  if (!(*spool)->empty() && !store.sole_writer()) {
    // Their incidents' numbers may be others' by now.
    const std::string aside = AsidePath(path);
    held->note_ = std::to_string((*spool)->stats().items) +
                  " changes of the journal were held back while the store was away, and another "
                  "agent has written it since: they are kept in " +
                  aside + " and not in the store";
    held->lost_total_ = (*spool)->stats().items;
    spool->reset();
    std::error_code error;
    std::filesystem::rename(path, aside, error);
    if (error)
      return MakeError(Code::kDenied, "can't rename " + path + " to " + aside + ": " +
                                          error.message() + "; move it away");
    spool = Spool::Open(path, max_bytes);
    if (!spool) return spool.error();
  }
  held->spool_ = std::move(*spool);
  if (!held->spool_->damage().empty()) held->note_ = held->spool_->damage();
  held->last_number_ = store.last_number();
  return held;
}

size_t HeldChanges::size() const {
  return spool_ == nullptr ? memory_.size() : spool_->stats().items;
}

uint64_t HeldChanges::lost_total() const {
  return lost_total_ + (spool_ == nullptr ? 0 : spool_->stats().dropped);
}

Status HeldChanges::Push(const Change& change) {
  last_number_ = std::max(last_number_, change.number);
  if (spool_ != nullptr) return spool_->Push(Dump(ToJson(change)));
  if (memory_.size() >= kMaxInMemory) {
    memory_.pop_front();
    ++lost_total_;
  }
  memory_.push_back(change);
  return {};
}

void HeldChanges::Append(Change&& change, Change* all) {
  if (all->first == 0) all->first = change.number;
  all->number = change.number;
  Move(std::move(change.incidents), &all->incidents);
  Move(std::move(change.findings), &all->findings);
  Move(std::move(change.decisions), &all->decisions);
  Move(std::move(change.executions), &all->executions);
  Move(std::move(change.forecasts), &all->forecasts);
  Move(std::move(change.labels), &all->labels);
  Move(std::move(change.events), &all->events);
  Move(std::move(change.settings), &all->settings);
}

Change HeldChanges::Take(size_t count, uint64_t known) {
  Change all;
  taken_.clear();
  taken_count_ = 0;
  if (spool_ == nullptr) {
    while (!memory_.empty() && memory_.front().number <= known) memory_.pop_front();
    for (size_t i = 0; i < std::min(count, memory_.size()); ++i) {
      Append(Change(memory_[i]), &all);
      ++taken_count_;
    }
    return all;
  }
  for (Spool::Item& item : spool_->Peek(count, kTakeBytes)) {
    taken_.push_back(item.seq);
    Result<Change> change = ChangeFromJson(item.text);
    if (!change)
      ++lost_total_;
    else if (change->number > known)
      Append(std::move(*change), &all);
  }
  last_number_ = std::max(last_number_, all.number);
  if (all.number == 0 && !taken_.empty()) {
    Done();
    return Take(count, known);
  }
  return all;
}

void HeldChanges::Done() {
  if (spool_ != nullptr)
    spool_->Done(taken_);
  else
    memory_.erase(memory_.begin(), memory_.begin() + static_cast<ptrdiff_t>(taken_count_));
  taken_.clear();
  taken_count_ = 0;
}

}  // namespace heald
