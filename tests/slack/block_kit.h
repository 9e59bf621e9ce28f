// What is wrong with a message by Slack's rules for Block Kit. Thread rule: a pure function.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace heald::slack {

inline size_t Characters(const std::string& text) {
  size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

// Empty: nothing.
template <typename Json>
std::string ProblemIn(const Json& message) {
  const auto text = [](const Json& object, size_t most) -> std::string {
    const std::string type = object.value("type", "");
    if (type != "mrkdwn" && type != "plain_text") return "a text of type '" + type + "'";
    const std::string words = object.value("text", "");
    if (words.empty()) return "an empty text";
    if (Characters(words) > most) return "a text of " + std::to_string(Characters(words));
    return "";
  };
  if (!message.contains("text") || message["text"].template get<std::string>().empty())
    return "no text for notifications";
  if (message["blocks"].empty() || message["blocks"].size() > 50) return "number of blocks";
  for (const Json& block : message["blocks"]) {
    const std::string type = block.value("type", "");
    std::string problem;
    if (type == "header") {
      problem = text(block["text"], 150);
      if (block["text"]["type"] != "plain_text") problem = "a header that isn't plain";
    } else if (type == "section") {
      if (!block.contains("text") && !block.contains("fields")) problem = "an empty section";
      if (block.contains("text")) problem += text(block["text"], 3000);
      if (block.contains("fields")) {
        if (block["fields"].empty() || block["fields"].size() > 10) problem = "number of fields";
        for (const Json& field : block["fields"]) problem += text(field, 2000);
      }
    } else if (type == "context") {
      if (block["elements"].empty() || block["elements"].size() > 10) problem = "elements";
      for (const Json& element : block["elements"]) problem += text(element, 3000);
    } else {
      problem = "a block that the layout doesn't use";
    }
    if (!problem.empty()) return type + ": " + problem + " in " + block.dump().substr(0, 200);
  }
  return "";
}

}  // namespace heald::slack
