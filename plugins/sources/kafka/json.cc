#include "plugins/sources/kafka/json.h"

#include <charconv>
#include <cmath>

#include "heald/time_text.h"
#include "plugins/support/number.h"

namespace heald::kafka {
namespace {

void TakeElement(dom::element element, const std::function<void(const dom::object&)>& take) {
  dom::object object;
  dom::array list;
  if (element.get_object().get(object) == simdjson::SUCCESS) {
    take(object);
  } else if (element.get_array().get(list) == simdjson::SUCCESS) {
    for (const dom::element item : list) {
      if (item.get_object().get(object) != simdjson::SUCCESS)
        throw BadMessage{"its list holds something that is no object"};
      take(object);
    }
  } else {
    throw BadMessage{"is neither an object nor a list of objects"};
  }
}

bool EpochNs(double number, int64_t* ns) {
  double factor = 1;
  const double size = std::fabs(number);
  if (!std::isfinite(number)) return false;
  if (size < 1e11)
    factor = 1e9;
  else if (size < 1e14)
    factor = 1e6;
  else if (size < 1e17)
    factor = 1e3;
  if (size * factor >= 9e18) return false;  // beyond the year 2255
  // Apart, as a double doesn't hold so many nanoseconds.
  const double whole = std::floor(number);
  *ns = static_cast<int64_t>(whole) * static_cast<int64_t>(factor) +
        std::llround((number - whole) * factor);
  return true;
}

}  // namespace

void ForEachObject(dom::parser& parser, std::string_view message,
                   const std::function<void(const dom::object&)>& take) {
  dom::element root;
  const simdjson::error_code whole = parser.parse(message.data(), message.size()).get(root);
  if (whole == simdjson::SUCCESS) return TakeElement(root, take);
  if (message.find('\n') == std::string_view::npos)
    throw BadMessage{"is no JSON: " + std::string(simdjson::error_message(whole))};
  size_t number = 0;
  while (!message.empty()) {
    ++number;
    const std::string_view line = message.substr(0, message.find('\n'));
    message.remove_prefix(std::min(line.size() + 1, message.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (const simdjson::error_code error = parser.parse(line.data(), line.size()).get(root))
      throw BadMessage{"its line " + std::to_string(number) +
                       " is no JSON: " + std::string(simdjson::error_message(error))};
    TakeElement(root, take);
  }
}

bool ReadTime(dom::element element, int64_t* ns) {
  int64_t whole = 0;
  if (element.get_int64().get(whole) == simdjson::SUCCESS) {
    constexpr int64_t kNanoseconds = 100'000'000'000'000'000;
    if (whole >= kNanoseconds || whole <= -kNanoseconds) {
      *ns = whole;
      return true;
    }
    return EpochNs(static_cast<double>(whole), ns);
  }
  double number = 0;
  if (element.get_double().get(number) == simdjson::SUCCESS) return EpochNs(number, ns);
  std::string_view text;
  if (element.get_string().get(text) != simdjson::SUCCESS || text.empty()) return false;
  const auto [at, code] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (code == std::errc() && at == text.data() + text.size())
    return EpochNs(static_cast<double>(whole), ns);
  return sdk::ParseTimeText(text, ns) == nullptr;
}

bool ReadNumber(dom::element element, double* number) {
  if (element.get_double().get(*number) == simdjson::SUCCESS) return true;
  bool yes = false;
  if (element.get_bool().get(yes) == simdjson::SUCCESS) {
    *number = yes ? 1 : 0;
    return true;
  }
  std::string_view text;
  return element.get_string().get(text) == simdjson::SUCCESS && support::ParseNumber(text, number);
}

bool ReadText(dom::element element, std::string* text) {
  std::string_view view;
  if (element.get_string().get(view) == simdjson::SUCCESS) {
    *text = view;
    return true;
  }
  if (!element.is_number() && !element.is_bool()) return false;
  *text = simdjson::minify(element);
  return true;
}

std::string_view TextIn(const dom::object& object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) == simdjson::SUCCESS ? text
                                                                         : std::string_view();
}

bool FindIn(const dom::object& object, std::initializer_list<std::string_view> names,
            dom::element* found) {
  for (const std::string_view name : names)
    if (object.at_key(name).get(*found) == simdjson::SUCCESS && !found->is_null()) return true;
  return false;
}

}  // namespace heald::kafka
