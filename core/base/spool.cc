#include "core/base/spool.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

#include "core/base/checksum.h"

namespace heald {
namespace {

constexpr std::string_view kFirstLine = "heald-spool 1\n";
constexpr uint64_t kRewriteFromBytes = 1 << 20;
// Neither begins a byte of UTF-8, so no text looks like a record.
constexpr uint32_t kText = 0x54f5f6f7;
constexpr uint32_t kTaken = 0x4df5f6f7;

struct Head {
  uint32_t kind = 0;
  uint32_t bytes = 0;
  uint64_t seq = 0;
  uint64_t sum = 0;
};
static_assert(sizeof(Head) == 24);

uint64_t SumOf(const Head& head, std::string_view text) {
  return Checksum(text, Checksum({reinterpret_cast<const char*>(&head), offsetof(Head, sum)}));
}

std::string Record(uint32_t kind, uint64_t seq, std::string_view text) {
  Head head{kind, static_cast<uint32_t>(text.size()), seq, 0};
  head.sum = SumOf(head, text);
  std::string record(reinterpret_cast<const char*>(&head), sizeof head);
  return record += text;
}

// The whole record at the start of `from`; false: there is none.
bool Parse(std::string_view from, Head* head, std::string_view* text) {
  if (from.size() < sizeof *head) return false;
  std::memcpy(head, from.data(), sizeof *head);
  if ((head->kind != kText && head->kind != kTaken) || head->bytes > from.size() - sizeof *head)
    return false;
  *text = from.substr(sizeof *head, head->bytes);
  return head->sum == SumOf(*head, *text);
}

bool WriteAt(int fd, std::string_view text, uint64_t offset) {
  while (!text.empty()) {
    const ssize_t n = pwrite(fd, text.data(), text.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return true;
}

bool ReadAt(int fd, std::string* out, uint64_t offset) {
  for (size_t have = 0; have < out->size();) {
    const ssize_t n =
        pread(fd, out->data() + have, out->size() - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    have += static_cast<size_t>(n);
  }
  return true;
}

Error Refused(const std::string& path, const std::string& why) {
  return MakeError(Code::kUnavailable, "can't use the spool " + path + ": " + why);
}

}  // namespace

Result<std::unique_ptr<Spool>> Spool::Open(std::string path, uint64_t max_bytes) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Refused(path, std::strerror(errno));
  std::unique_ptr<Spool> spool(new Spool(std::move(path), fd, max_bytes));
  if (Status loaded = spool->Load(); !loaded) return loaded.error();
  return spool;
}

Spool::~Spool() {
  close(fd_);
}

Status Spool::Load() {
  struct stat file {};
  if (fstat(fd_, &file) != 0) return Refused(path_, std::strerror(errno));
  std::string all(static_cast<size_t>(file.st_size), 0);
  if (!ReadAt(fd_, &all, 0)) return Refused(path_, std::strerror(errno));
  if (!all.empty() && !kFirstLine.starts_with(all.substr(0, kFirstLine.size())))
    return Refused(path_, "it is no spool of this version of heald; move it away");
  if (all.size() < kFirstLine.size()) {
    if (!WriteAt(fd_, kFirstLine, 0)) return Refused(path_, std::strerror(errno));
    size_ = kFirstLine.size();
    return {};
  }
  std::set<uint64_t> taken;
  uint64_t lost = 0;
  size_ = kFirstLine.size();
  for (size_t at = size_; at < all.size();) {
    Head head;
    std::string_view text;
    if (!Parse(std::string_view(all).substr(at), &head, &text)) {
      ++lost;
      ++at;
      continue;
    }
    if (head.kind == kText)
      entries_.push_back({head.seq, at, head.bytes, {}});
    else
      taken.insert(head.seq);
    next_seq_ = std::max(next_seq_, head.seq + 1);
    at += sizeof head + head.bytes;
    size_ = at;
  }
  // A tail without a whole record behind it is where the agent was killed: nobody was promised it.
  lost -= std::min<uint64_t>(lost, all.size() - size_);
  if (lost != 0)
    damage_ = "the spool " + path_ + " is damaged: " + std::to_string(lost) +
              " bytes of it can't be read, so some events may never be delivered";
  std::erase_if(entries_, [&](const Entry& entry) { return taken.contains(entry.seq); });
  std::sort(entries_.begin(), entries_.end(),
            [](const Entry& a, const Entry& b) { return a.seq < b.seq; });
  for (const Entry& entry : entries_) live_bytes_ += entry.bytes;
  if (ftruncate(fd_, static_cast<off_t>(size_)) != 0) return Refused(path_, std::strerror(errno));
  Settle({});
  return {};
}

bool Spool::Append(std::string_view record) {
  // At its own place, not at the file's end, so that half a record is written over.
  if (!WriteAt(fd_, record, size_)) return false;
  size_ += record.size();
  return true;
}

bool Spool::Write(Entry& entry, std::string_view text) {
  const uint64_t offset = size_;
  if (!Append(Record(kText, entry.seq, text))) return false;
  entry.offset = offset;
  return true;
}

Status Spool::Push(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (text.size() > max_bytes_) {
    ++dropped_;
    return MakeError(Code::kFull, "an event of " + std::to_string(text.size()) +
                                      " bytes is larger than the whole spool; it is dropped");
  }
  Status status;
  if (live_bytes_ + text.size() > max_bytes_) {
    std::string marks;
    const uint64_t before = dropped_;
    for (; live_bytes_ + text.size() > max_bytes_; ++dropped_) Forget(entries_.front().seq, &marks);
    Settle(marks);
    status = MakeError(Code::kFull, std::to_string(max_bytes_ >> 20) +
                                        " MiB of events wait to be delivered, which is the limit: "
                                        "the oldest are dropped (" +
                                        std::to_string(dropped_ - before) + ")");
  }
  // What the disk had no room for before comes first.
  bool writable = true;
  for (auto at = entries_.begin(); in_memory_ != 0 && writable && at != entries_.end(); ++at) {
    if (at->offset != 0) continue;
    writable = Write(*at, at->text);
    if (!writable) break;
    at->text = std::string();
    --in_memory_;
  }
  Entry entry{next_seq_++, 0, static_cast<uint32_t>(text.size()), {}};
  if (!writable || !Write(entry, text)) {
    entry.text = text;
    ++in_memory_;
    status = Refused(path_, std::string(std::strerror(errno)) +
                                "; events are kept in memory and would not survive a restart");
  }
  live_bytes_ += text.size();
  entries_.push_back(std::move(entry));
  return status;
}

bool Spool::ReadText(const Entry& entry, std::string* text) const {
  if (entry.offset == 0) {
    *text = entry.text;
    return true;
  }
  std::string record(sizeof(Head) + entry.bytes, 0);
  Head head;
  std::string_view found;
  if (!ReadAt(fd_, &record, entry.offset) || !Parse(record, &head, &found) || head.seq != entry.seq)
    return false;
  *text = found;
  return true;
}

std::vector<Spool::Item> Spool::Peek(size_t count, uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  std::vector<Item> items;
  std::string marks;
  for (size_t i = 0; i < entries_.size() && items.size() < count;) {
    const Entry& entry = entries_[i];
    if (!items.empty() && entry.bytes > bytes) break;
    bytes -= std::min<uint64_t>(bytes, entry.bytes);
    Item item{entry.seq, {}};
    if (ReadText(entry, &item.text)) {
      items.push_back(std::move(item));
      ++i;
    } else {
      // It was whole when it was written or taken up: the disk lost it since.
      Forget(entry.seq, &marks);
      ++dropped_;
    }
  }
  if (!marks.empty()) Settle(marks);
  return items;
}

void Spool::Done(std::span<const uint64_t> seqs) {
  const std::lock_guard lock(mutex_);
  std::string marks;
  for (const uint64_t seq : seqs) Forget(seq, &marks);
  Settle(marks);
}

bool Spool::Forget(uint64_t seq, std::string* marks) {
  const auto at = std::find_if(entries_.begin(), entries_.end(),
                               [&](const Entry& entry) { return entry.seq == seq; });
  if (at == entries_.end()) return false;
  live_bytes_ -= at->bytes;
  if (at->offset != 0)
    *marks += Record(kTaken, seq, {});
  else
    --in_memory_;
  entries_.erase(at);
  return true;
}

void Spool::Settle(const std::string& marks) {
  if (entries_.empty()) {
    if (ftruncate(fd_, static_cast<off_t>(kFirstLine.size())) == 0) {
      size_ = kFirstLine.size();
      return;
    }
  }
  // A mark that can't be written costs a second delivery after a restart, nothing else.
  static_cast<void>(Append(marks));
  if (size_ > 2 * live_bytes_ + kRewriteFromBytes) Rewrite();
}

void Spool::Rewrite() {
  const std::string fresh = path_ + ".new";
  const int fd = open(fresh.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return;
  std::deque<Entry> entries = entries_;
  uint64_t size = kFirstLine.size();
  bool good = WriteAt(fd, kFirstLine, 0);
  for (Entry& entry : entries) {
    std::string text;
    if (!good || entry.offset == 0) continue;
    good = ReadText(entry, &text);
    const std::string record = Record(kText, entry.seq, text);
    good = good && WriteAt(fd, record, size);
    entry.offset = size;
    size += record.size();
  }
  if (!good || rename(fresh.c_str(), path_.c_str()) != 0) {
    close(fd);
    unlink(fresh.c_str());
    return;
  }
  close(fd_);
  fd_ = fd;
  size_ = size;
  entries_ = std::move(entries);
}

bool Spool::empty() const {
  const std::lock_guard lock(mutex_);
  return entries_.empty();
}

Spool::Stats Spool::stats() const {
  const std::lock_guard lock(mutex_);
  return {entries_.size(), live_bytes_, dropped_};
}

}  // namespace heald
