// YAML as a tree with exact places, nothing typed yet: what the schema walks. Differs from
// yaml-cpp's own tree in what a person needs: every key and value knows where it is, doubled keys
// are errors, `<<` is applied, aliases are shared and bounded. Thread rule: immutable once parsed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/diagnostic.h"

namespace heald {

struct YamlNode;
using YamlPtr = std::shared_ptr<const YamlNode>;

struct YamlMember {
  std::string key;
  Span key_span;
  YamlPtr value;
};

struct YamlNode {
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool plain = false;  // a scalar without quotes: may be a number or true
  bool multiline = false;
  bool filled = false;  // a part of the text isn't the file's: places inside it mean nothing
  std::string text;
  Span span;  // of the value; of an empty one, where it would be
  std::vector<YamlPtr> items;
  std::vector<YamlMember> members;
  uint64_t weight = 1;  // nodes in it with every alias written out

  const YamlMember* Find(std::string_view key) const {
    for (const YamlMember& member : members)
      if (member.key == key) return &member;
    return nullptr;
  }
};

// Null when it isn't one readable YAML document; then the report says why. Doubled keys and the
// like are reported too, but give a tree, so that the rest can be checked in the same run.
YamlPtr ParseYaml(const Source& source, Report* report);

// Where byte `offset` of a scalar's text stands in the file, also when it is quoted or folded.
Span SpanInside(const Source& source, const YamlNode& scalar, size_t offset, size_t length);

}  // namespace heald
