#include "tests/fakes/kubernetes/selectors.h"

#include <algorithm>
#include <cctype>

#include "tests/fakes/kubernetes/status.h"

namespace heald::fakes::kubernetes {
namespace {

// The words of a label selector: a name, or one of ( ) , = == != !
class Words {
 public:
  explicit Words(const std::string& text) : text_(text) { Next(); }

  const std::string& word() const { return word_; }
  bool name() const { return !word_.empty() && IsNameCharacter(word_[0]); }
  bool Take(const std::string& expected) {
    if (word_ != expected) return false;
    Next();
    return true;
  }
  std::string TakeName() {
    if (!name())
      throw BadRequest("unable to parse requirement: found '" + word_ + "', expected: identifier");
    std::string taken = word_;
    Next();
    return taken;
  }

 private:
  static bool IsNameCharacter(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' ||
           c == '/';
  }
  void Next() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    const size_t from = at_;
    while (at_ < text_.size() && IsNameCharacter(text_[at_])) ++at_;
    if (at_ == from && at_ < text_.size()) {
      ++at_;
      const bool two =
          at_ < text_.size() && text_[at_] == '=' && (text_[from] == '=' || text_[from] == '!');
      if (two) ++at_;
    }
    word_ = text_.substr(from, at_ - from);
  }

  const std::string& text_;
  size_t at_ = 0;
  std::string word_;
};

std::vector<std::string> FieldsOf(const Resource& resource) {
  std::vector<std::string> fields = {"metadata.name"};
  if (resource.namespaced) fields.emplace_back("metadata.namespace");
  const auto add = [&](std::initializer_list<const char*> more) {
    fields.insert(fields.end(), more.begin(), more.end());
  };
  if (resource.kind == "Pod")
    add({"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
         "status.phase", "status.podIP", "status.nominatedNodeName"});
  if (resource.kind == "Node") add({"spec.unschedulable"});
  if (resource.kind == "Namespace") add({"status.phase"});
  if (resource.kind == "ReplicaSet") add({"status.replicas"});
  if (resource.kind == "Job") add({"status.successful"});
  if (resource.kind == "Event")
    add({"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
         "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
         "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type"});
  return fields;
}

std::string ValueAt(const Json& object, const std::string& pointer) {
  const Json::json_pointer at(pointer);
  if (!object.contains(at)) return pointer == "/spec/unschedulable" ? "false" : "";
  const Json& value = object.at(at);
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? "" : value.dump();
}

}  // namespace

LabelSelector LabelSelector::Parse(const std::string& text) {
  LabelSelector selector;
  Words words(text);
  if (words.word().empty()) return selector;
  do {
    Term term;
    if (words.Take("!")) {
      term.key = words.TakeName();
      term.what = Term::kAbsent;
    } else {
      term.key = words.TakeName();
      const std::string operation = words.word();
      if (words.Take("in") || words.Take("notin")) {
        term.what = operation == "in" ? Term::kIn : Term::kNotIn;
        if (!words.Take("("))
          throw BadRequest("unable to parse requirement: found '" + words.word() +
                           "', expected: '('");
        do term.values.push_back(words.name() ? words.TakeName() : "");
        while (words.Take(","));
        if (!words.Take(")"))
          throw BadRequest("unable to parse requirement: found '" + words.word() +
                           "', expected: ',' or ')'");
      } else if (words.Take("=") || words.Take("==") || words.Take("!=")) {
        term.what = operation == "!=" ? Term::kNotIn : Term::kIn;
        term.values.push_back(words.name() ? words.TakeName() : "");
      }
    }
    selector.terms_.push_back(std::move(term));
  } while (words.Take(","));
  if (!words.word().empty())
    throw BadRequest("unable to parse requirement: found '" + words.word() +
                     "', expected: ',' or 'end of string'");
  return selector;
}

LabelSelector LabelSelector::Of(const Json& selector) {
  LabelSelector made;
  if (!selector.is_object()) return made;
  if (const auto labels = selector.find("matchLabels"); labels != selector.end())
    for (const auto& [key, value] : labels->items())
      made.terms_.push_back({key, Term::kIn, {value.get<std::string>()}});
  if (const auto terms = selector.find("matchExpressions"); terms != selector.end())
    for (const Json& expression : *terms) {
      const std::string operation = expression.value("operator", "");
      Term term{expression.value("key", ""), Term::kExists, {}};
      if (operation == "In") term.what = Term::kIn;
      if (operation == "NotIn") term.what = Term::kNotIn;
      if (operation == "DoesNotExist") term.what = Term::kAbsent;
      for (const Json& value : expression.value("values", Json::array()))
        term.values.push_back(value.get<std::string>());
      made.terms_.push_back(std::move(term));
    }
  return made;
}

bool LabelSelector::MatchesLabels(const Json& labels) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const bool has = labels.is_object() && labels.contains(term.key);
    if (term.what == Term::kExists) return has;
    if (term.what == Term::kAbsent) return !has;
    const bool listed = has && std::find(term.values.begin(), term.values.end(),
                                         labels[term.key].get<std::string>()) != term.values.end();
    return listed == (term.what == Term::kIn);
  });
}

bool LabelSelector::Matches(const Json& object) const {
  const auto at = "/metadata/labels"_json_pointer;
  return MatchesLabels(object.contains(at) ? object.at(at) : Json());
}

FieldSelector FieldSelector::Parse(const Resource& resource, const std::string& text) {
  FieldSelector selector;
  const std::vector<std::string> known = FieldsOf(resource);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string term = text.substr(at, end - at);
    at = end + 1;
    if (term.empty()) continue;
    const size_t equals = term.find('=');
    if (equals == std::string::npos)
      throw BadRequest("invalid selector: '" + term + "'; can't understand '" + term + "'");
    Term made;
    made.equal = equals == 0 || term[equals - 1] != '!';
    std::string field = term.substr(0, made.equal ? equals : equals - 1);
    if (std::find(known.begin(), known.end(), field) == known.end())
      throw BadRequest("field label not supported: " + field);
    const size_t value = equals + (term.compare(equals, 2, "==") == 0 ? 2 : 1);
    made.value = term.substr(value);
    std::replace(field.begin(), field.end(), '.', '/');
    made.pointer = "/" + field;
    selector.terms_.push_back(std::move(made));
  }
  return selector;
}

bool FieldSelector::Matches(const Json& object) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    return (ValueAt(object, term.pointer) == term.value) == term.equal;
  });
}

}  // namespace heald::fakes::kubernetes
