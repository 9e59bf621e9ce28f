// What messages have in common, whoever made them: times, labels, numbers and CloudEvents around
// them.
// Thread rule: pure functions.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace heald::kafka {

namespace dom = simdjson::dom;

// A message that isn't understood: why.
struct BadMessage {
  std::string why;
};

// Calls `take` with each object in a message: one, a list of them, or one a line. Throws
// BadMessage.
void ForEachObject(dom::parser& parser, std::string_view message,
                   const std::function<void(const dom::object&)>& take);

// RFC 3339, or a number in seconds, milli-, micro- or nanoseconds since 1970, told apart by its
// size. False: none of these.
bool ReadTime(dom::element element, int64_t* ns);
// A number, or one in quotes as Prometheus writes it; true and false are 1 and 0.
bool ReadNumber(dom::element element, double* number);
// A text; numbers, true and false become one. False: neither.
bool ReadText(dom::element element, std::string* text);

// The member's text; empty where there is none.
std::string_view TextIn(const dom::object& object, std::string_view name);
// The first of these members that is there and no null.
bool FindIn(const dom::object& object, std::initializer_list<std::string_view> names,
            dom::element* found);

}  // namespace heald::kafka
