#include "plugins/support/kubernetes/item_splitter.h"

namespace heald::kubernetes {
namespace {

// etcd takes no object beyond 1.5 MiB by default; who has raised that has not raised it to this.
constexpr size_t kMaxItemBytes = size_t{16} << 20;
constexpr size_t kMaxEnvelopeBytes = size_t{1} << 20;

bool IsBlank(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

}  // namespace

// Outside of an item.
bool ItemSplitter::Between(char c) {
  if (!list_) return IsBlank(c);
  if (in_items_ && depth_ == 2) return IsBlank(c) || c == ',';
  if (depth_ == 0 && !IsBlank(c)) return false;
  if (envelope_.size() >= kMaxEnvelopeBytes) return false;
  envelope_ += c;
  return true;
}

bool ItemSplitter::Open(char c) {
  if (list_ && depth_ == 0 && (c != '{' || closed_)) return false;
  const bool items = list_ && depth_ == 1 && c == '[' && key_ == "items";
  ++depth_;
  if (items) in_items_ = true;
  envelope_ += c;
  return envelope_.size() < kMaxEnvelopeBytes;
}

bool ItemSplitter::Close(char c) {
  if (depth_ == 0) return false;
  if (in_items_ && depth_ == 2) in_items_ = false;
  if (--depth_ == 0) closed_ = true;
  envelope_ += c;
  return true;
}

bool ItemSplitter::Feed(std::string_view data) {
  size_t begin = 0;  // of what this chunk has of the item
  for (size_t i = 0; i < data.size(); ++i) {
    const char c = data[i];
    if (in_string_) {
      if (!capturing_) {
        envelope_ += c;
        if (c != '"' || escaped_) key_ += c;
        if (envelope_.size() > kMaxEnvelopeBytes) return !(malformed_ = true);
      }
      if (escaped_)
        escaped_ = false;
      else if (c == '\\')
        escaped_ = true;
      else if (c == '"')
        in_string_ = false;
      continue;
    }
    if (capturing_) {
      if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if ((c == '}' || c == ']') && --depth_ == capture_depth_) {
        capturing_ = false;
        std::string_view whole = data.substr(begin, i + 1 - begin);
        if (!item_.empty()) whole = item_.append(whole);
        const bool go_on = on_item_(whole);
        item_.clear();
        if (!go_on) return false;
      }
    } else if (c == '{' && InItems() && (!list_ || depth_ == 2)) {
      capturing_ = true;
      capture_depth_ = depth_++;
      begin = i;
    } else {
      bool good = false;
      if (c == '"' && list_ && depth_ > 0 && !in_items_) {
        in_string_ = good = true;
        key_.clear();
        envelope_ += c;
      } else if (list_ && (c == '{' || c == '[')) {
        good = Open(c);
      } else if (list_ && (c == '}' || c == ']')) {
        good = Close(c);
      } else {
        good = Between(c);
      }
      if (!good) {
        malformed_ = true;
        item_ = data.substr(i, 100);
        return false;
      }
    }
  }
  if (capturing_) item_.append(data.substr(begin));
  if (item_.size() > kMaxItemBytes) return !(malformed_ = true);
  return true;
}

}  // namespace heald::kubernetes
