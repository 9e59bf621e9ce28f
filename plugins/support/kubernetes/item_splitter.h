// Cuts what comes from the API into single objects while it comes: the items of a list, or the
// events of a watch, whatever the chunks' borders are. So neither is ever held as a whole. Used by
// Client and Watch. Thread rule: one thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace heald::kubernetes {

class ItemSplitter {
 public:
  enum class Of {
    kList,    // {"metadata": {…}, "items": [ITEM, ITEM…]}
    kStream,  // ITEM ITEM…
  };
  // on_item: the bytes of one object, gone after the call; false ends it.
  ItemSplitter(Of of, std::function<bool(std::string_view)> on_item)
      : list_(of == Of::kList), on_item_(std::move(on_item)) {}

  // False: on_item said so, or what came is nothing that can be split; `malformed` tells.
  bool Feed(std::string_view data);
  bool malformed() const { return malformed_; }
  // Of a list: it is there to its end. Of a stream: it ended between two items.
  bool complete() const { return depth_ == 0 && !capturing_ && (!list_ || closed_); }
  // Of a list: all but its items.
  const std::string& envelope() const { return envelope_; }
  // What is there of an item that has begun; for the error.
  const std::string& pending() const { return item_; }

 private:
  bool InItems() const { return list_ ? in_items_ : depth_ == 0; }
  bool Open(char c);
  bool Close(char c);
  bool Between(char c);

  const bool list_;
  const std::function<bool(std::string_view)> on_item_;
  size_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
  bool capturing_ = false;
  size_t capture_depth_ = 0;
  bool in_items_ = false;
  bool closed_ = false;
  bool malformed_ = false;
  std::string key_;   // of a list: the latest string at depth 1
  std::string item_;  // what earlier chunks had of the item
  std::string envelope_;
};

}  // namespace heald::kubernetes
