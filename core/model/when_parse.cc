#include <map>
#include <set>

#include "core/model/suggest.h"
#include "core/model/when.h"
#include "core/model/when_ast.h"
#include "core/model/when_lexer.h"

namespace heald {
namespace {

using Node = When::Node;
using Op = Node::Op;
using Type = Node::Type;
using NodePtr = std::unique_ptr<Node>;

constexpr size_t kMaxText = 4096;
constexpr size_t kMaxNodes = 512;
constexpr int kMaxDepth = 64;

const std::vector<std::string>& SeverityWords() {
  static const std::vector<std::string> kWords = {"normal", "info", "warning", "critical"};
  return kWords;
}
const std::vector<std::string>& KindWords() {
  static const std::vector<std::string> kWords = {"anomaly", "prediction", "event"};
  return kWords;
}

const std::map<std::string_view, Type>& Fields() {
  static const std::map<std::string_view, Type> kFields = {{"severity", Type::kSeverity},
                                                           {"score", Type::kNumber},
                                                           {"confidence", Type::kNumber},
                                                           {"kind", Type::kText},
                                                           {"value", Type::kNumber},
                                                           {"expected_low", Type::kNumber},
                                                           {"expected_high", Type::kNumber},
                                                           {"metric", Type::kText},
                                                           {"unit", Type::kText},
                                                           {"probability", Type::kNumber},
                                                           {"eta", Type::kNumber},
                                                           {"component", Type::kText},
                                                           {"recommended_action", Type::kText},
                                                           {"count", Type::kNumber},
                                                           {"age", Type::kNumber},
                                                           {"summary", Type::kText}};
  return kFields;
}

Type TypeOfName(std::string_view name) {
  const auto at = Fields().find(name);
  return at == Fields().end() ? Type::kUnknown : at->second;
}

std::string_view TypeName(Type type) {
  constexpr std::string_view kNames[] = {"a number",      "text",   "a severity",
                                         "true or false", "a list", "a value"};
  return kNames[static_cast<size_t>(type)];
}

// Quotes what has none yet.
std::string Quoted(const std::string& text) {
  return text.front() == '"' || text.front() == '\'' ? text : "'" + text + "'";
}

// Recursive descent with one token of look-ahead. The first error stops it: later ones would be
// about what it expected, not about what is there.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), lexer_(text) { Advance(); }

  NodePtr Run() {
    if (text_.size() > kMaxText)
      return Fail(0, 1, "the condition is longer than " + std::to_string(kMaxText) + " characters");
    if (!error_ && Now().kind == WhenToken::Kind::kEnd)
      return Fail(0, 1, "the condition is empty: write one, or leave 'when' out");
    NodePtr root = Or();
    if (root == nullptr) return nullptr;
    if (Now().kind != WhenToken::Kind::kEnd) return Unexpected("'and', 'or' or the end");
    return Condition(std::move(root));
  }
  WhenError TakeError() { return std::move(*error_); }
  std::vector<std::string> TakeNames() { return std::move(names_); }

 private:
  const WhenToken& Now() const { return lexer_.token(); }
  NodePtr Fail(size_t column, size_t length, std::string message, std::string hint = "") {
    if (!error_)
      error_ = WhenError{column, std::max<size_t>(length, 1), std::move(message), std::move(hint)};
    return nullptr;
  }
  NodePtr Fail(const Node& at, std::string message, std::string hint = "") {
    return Fail(at.column, at.text.size(), std::move(message), std::move(hint));
  }
  NodePtr Unexpected(std::string_view wanted) {
    if (error_) return nullptr;
    if (Now().kind == WhenToken::Kind::kEnd)
      return Fail(text_.size() - 1, 1,
                  "the condition ends where " + std::string(wanted) + " is expected");
    static const std::map<std::string_view, std::string_view> kForeign = {
        {"&&", "and"},  {"||", "or"},   {"!", "not"}, {"=", "=="},    {"AND", "and"}, {"OR", "or"},
        {"NOT", "not"}, {"And", "and"}, {"Or", "or"}, {"Not", "not"}, {"IN", "in"}};
    const auto foreign = kForeign.find(Now().text);
    return Fail(Now().column, Now().text.size(),
                "'" + std::string(Now().text) + "' is not expected here",
                foreign == kForeign.end() ? "expected " + std::string(wanted)
                                          : "write " + std::string(foreign->second));
  }

  // ---- tokens

  void Advance() {
    lexer_.Advance();
    if (!error_ && lexer_.error()) error_ = *lexer_.error();
  }
  bool Is(std::string_view text) const {
    return !error_ && Now().text == text &&
           (Now().kind == WhenToken::Kind::kSymbol || Now().kind == WhenToken::Kind::kWord);
  }
  bool Accept(std::string_view text) {
    if (!Is(text)) return false;
    Advance();
    return true;
  }

  // ---- grammar

  NodePtr Or() {
    return Chain(Op::kOr, "or", [this] { return And(); });
  }
  NodePtr And() {
    return Chain(Op::kAnd, "and", [this] { return Not(); });
  }
  template <typename Next>
  NodePtr Chain(Op op, std::string_view word, Next next) {
    const size_t column = Now().column;
    NodePtr first = next();
    if (first == nullptr || !Is(word)) return first;
    NodePtr all = Make(op, Type::kBool, column);
    if (all == nullptr) return nullptr;
    if ((first = Condition(std::move(first))) == nullptr) return nullptr;
    all->children.push_back(std::move(first));
    while (Accept(word)) {
      NodePtr more = next();
      if (more == nullptr || (more = Condition(std::move(more))) == nullptr) return nullptr;
      all->children.push_back(std::move(more));
    }
    return Close(std::move(all));
  }

  NodePtr Not() {
    const size_t column = Now().column;
    if (!Accept("not")) return Comparison();
    if (++depth_ > kMaxDepth) return TooDeep();
    NodePtr inner = Not();
    --depth_;
    if (inner == nullptr || (inner = Condition(std::move(inner))) == nullptr) return nullptr;
    return Unary(Op::kNot, Type::kBool, column, std::move(inner));
  }

  NodePtr Comparison() {
    const size_t column = Now().column;
    NodePtr left = Sum();
    if (left == nullptr) return nullptr;
    const std::optional<Op> op = TakeOperator();
    if (!op) return error_ ? nullptr : std::move(left);
    NodePtr right = Sum();
    if (right == nullptr) return nullptr;
    if (IsComparisonSymbol())
      return Fail(Now().column, Now().text.size(), "comparisons can't be chained",
                  "write a < b and b < c");
    NodePtr node = Make(*op, Type::kBool, column);
    if (node == nullptr) return nullptr;
    if (!Check(*op, *left, *right)) return nullptr;
    if (*op == Op::kMatch || *op == Op::kNoMatch) {
      RE2::Options options;
      options.set_log_errors(false);
      options.set_max_mem(1 << 20);
      node->regex = std::make_unique<RE2>(std::get<std::string>(right->value), options);
      if (!node->regex->ok())
        return Fail(*right, "bad regular expression: " + node->regex->error());
    }
    node->children.push_back(std::move(left));
    node->children.push_back(std::move(right));
    return Close(std::move(node));
  }
  bool IsComparisonSymbol() const {
    static const std::set<std::string_view> kSymbols = {"==", "!=", "<",  "<=", ">",
                                                        ">=", "=~", "!~", "in"};
    return Now().kind != WhenToken::Kind::kText && kSymbols.count(Now().text) != 0;
  }
  std::optional<Op> TakeOperator() {
    static const std::pair<std::string_view, Op> kOperators[] = {
        {"==", Op::kEqual},     {"!=", Op::kNotEqual}, {"<", Op::kLess},
        {"<=", Op::kLessEqual}, {">", Op::kGreater},   {">=", Op::kGreaterEqual},
        {"=~", Op::kMatch},     {"!~", Op::kNoMatch},  {"in", Op::kIn}};
    for (const auto& [text, op] : kOperators)
      if (Accept(text)) return op;
    if (!Accept("not")) return std::nullopt;
    if (Accept("in")) return Op::kNotIn;
    Unexpected("'in'");
    return std::nullopt;
  }

  NodePtr Sum() {
    return LeftAssociative({{"+", Op::kAdd}, {"-", Op::kSubtract}}, [this] { return Product(); });
  }
  NodePtr Product() {
    return LeftAssociative({{"*", Op::kMultiply}, {"/", Op::kDivide}},
                           [this] { return Negation(); });
  }
  template <typename Next>
  NodePtr LeftAssociative(std::initializer_list<std::pair<std::string_view, Op>> operators,
                          Next next) {
    const size_t column = Now().column;
    NodePtr left = next();
    while (left != nullptr) {
      const auto* at = operators.begin();
      while (at != operators.end() && !Accept(at->first)) ++at;
      if (at == operators.end()) break;
      NodePtr right = next();
      if (right == nullptr || !Numeric(*left) || !Numeric(*right)) return nullptr;
      NodePtr node = Make(at->second, Type::kNumber, column);
      if (node == nullptr) return nullptr;
      node->children.push_back(std::move(left));
      node->children.push_back(std::move(right));
      left = Close(std::move(node));
    }
    return left;
  }
  NodePtr Negation() {
    const size_t column = Now().column;
    if (!Accept("-")) return Primary();
    if (++depth_ > kMaxDepth) return TooDeep();
    NodePtr inner = Negation();
    --depth_;
    if (inner == nullptr || !Numeric(*inner)) return nullptr;
    if (inner->op == Op::kConst) {  // -5 is a constant, so that lists can hold it
      inner->value = -std::get<double>(inner->value);
      inner->column = column;
      return Close(std::move(inner));
    }
    return Unary(Op::kNegate, Type::kNumber, column, std::move(inner));
  }

  NodePtr Primary() {
    if (error_) return nullptr;
    const WhenToken token = Now();
    if (Is("(")) {
      Advance();
      if (++depth_ > kMaxDepth) return TooDeep();
      NodePtr inner = Or();
      --depth_;
      if (inner == nullptr) return nullptr;
      if (!Accept(")")) return Unexpected("')'");
      return inner;
    }
    if (Is("[")) return List();
    if (token.kind == WhenToken::Kind::kNumber) return Constant(Type::kNumber, token.number);
    if (token.kind == WhenToken::Kind::kText) return Constant(Type::kText, token.value);
    if (token.kind != WhenToken::Kind::kWord || Is("and") || Is("or") || Is("in") || Is("not"))
      return Unexpected("a value");
    if (Is("true") || Is("false")) return Constant(Type::kBool, token.text == "true");
    for (size_t i = 0; i < SeverityWords().size(); ++i)
      if (token.text == SeverityWords()[i])
        return Constant(Type::kSeverity, static_cast<Severity>(i));
    NodePtr name = Make(Op::kName, TypeOfName(token.text), token.column);
    if (name == nullptr) return nullptr;
    Advance();
    name->text = token.text;
    if (std::find(names_.begin(), names_.end(), name->text) == names_.end())
      names_.push_back(name->text);
    return name;
  }
  NodePtr Constant(Type type, WhenValue value) {
    NodePtr node = Make(Op::kConst, type, Now().column);
    if (node == nullptr) return nullptr;
    node->text = Now().text;
    node->value = std::move(value);
    Advance();
    return error_ ? nullptr : std::move(node);
  }
  NodePtr List() {
    NodePtr list = Make(Op::kList, Type::kList, Now().column);
    if (list == nullptr) return nullptr;
    Advance();
    while (!Is("]")) {
      NodePtr item = Negation();
      if (item == nullptr) return nullptr;
      if (item->op != Op::kConst)
        return Fail(*item, "a list holds numbers, texts or severities only");
      if (!list->children.empty() && list->children.front()->type != item->type)
        return Fail(*item, "a list holds values of one type; this one began with " +
                               std::string(TypeName(list->children.front()->type)));
      list->children.push_back(std::move(item));
      if (!Is("]") && !Accept(",")) return Unexpected("',' or ']'");
    }
    Advance();
    NodePtr closed = Close(std::move(list));
    if (closed->children.empty()) return Fail(*closed, "the list is empty: nothing is in it");
    return closed;
  }

  // ---- building and checking

  NodePtr Make(Op op, Type type, size_t column) {
    if (++nodes_ > kMaxNodes) return Fail(0, 1, "the condition has too many terms");
    NodePtr node = std::make_unique<Node>();
    node->op = op;
    node->type = type;
    node->column = column;
    return node;
  }
  NodePtr Unary(Op op, Type type, size_t column, NodePtr inner) {
    NodePtr node = Make(op, type, column);
    if (node == nullptr) return nullptr;
    node->children.push_back(std::move(inner));
    return Close(std::move(node));
  }
  // Gives the node its source text: all up to the token that isn't its own any more.
  NodePtr Close(NodePtr node) {
    std::string_view text = text_.substr(node->column, Now().column - node->column);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\t'))
      text.remove_suffix(1);
    node->text = text;
    return error_ ? nullptr : std::move(node);
  }
  NodePtr TooDeep() { return Fail(Now().column, 1, "the condition is nested too deeply"); }

  NodePtr Condition(NodePtr node) {
    if (node->type == Type::kBool || node->type == Type::kUnknown) return node;
    return Fail(
        *node,
        Quoted(node->text) + " is " + std::string(TypeName(node->type)) + ", not a condition",
        "compare it with something");
  }
  bool Numeric(const Node& node) {
    if (node.type == Type::kNumber || node.type == Type::kUnknown) return true;
    Fail(node, Quoted(node.text) + " is " + std::string(TypeName(node.type)) +
                   ", which can't be calculated with");
    return false;
  }

  bool Check(Op op, const Node& left, const Node& right) {
    if (left.type == Type::kList)
      return Fail(left, "a list stands on the right of 'in' only"), false;
    if (op == Op::kIn || op == Op::kNotIn) {
      if (right.type != Type::kList)
        return Fail(right, "'in' wants a list", "write [\"a\", \"b\"]"), false;
      for (const auto& item : right.children)
        if (!CheckPair(Op::kEqual, left, *item)) return false;
      return true;
    }
    if (right.type == Type::kList)
      return Fail(right, "a list stands on the right of 'in' only"), false;
    if (op == Op::kMatch || op == Op::kNoMatch) {
      if (right.op != Op::kConst || right.type != Type::kText)
        return Fail(right, "a regular expression stands in quotes"), false;
      if (left.type != Type::kText && left.type != Type::kUnknown)
        return Fail(left, Quoted(left.text) + " is " + std::string(TypeName(left.type)) +
                              ": only text matches a regular expression"),
               false;
      return true;
    }
    return CheckPair(op, left, right);
  }

  bool CheckPair(Op op, const Node& left, const Node& right) {
    for (const auto& [known, other] : {std::pair(&left, &right), std::pair(&right, &left)}) {
      // A bare word beside a severity is meant to be one.
      if (known->type == Type::kSeverity && other->op == Op::kName &&
          other->type == Type::kUnknown) {
        const std::string hint = DidYouMean(other->text, SeverityWords());
        return Fail(*other, "unknown severity '" + other->text + "'",
                    hint.empty() ? "severities are " + JoinNames(SeverityWords()) : hint),
               false;
      }
      if (known->type == Type::kSeverity && other->type == Type::kText)
        return Fail(*other, "a severity is compared with a severity, not with text",
                    "write it without quotes: " + JoinNames(SeverityWords())),
               false;
      if (known->op == Op::kName && known->text == "kind" && other->op == Op::kConst &&
          other->type == Type::kText) {
        const std::string& word = std::get<std::string>(other->value);
        if (std::find(KindWords().begin(), KindWords().end(), word) == KindWords().end())
          return Fail(*other, "a finding is never of kind '" + word + "'",
                      "kinds are " + JoinNames(KindWords())),
                 false;
      }
    }
    if (left.type == Type::kUnknown || right.type == Type::kUnknown) {
      const Type known = left.type == Type::kUnknown ? right.type : left.type;
      return Orderable(op, known, left.type == Type::kUnknown ? right : left);
    }
    if (left.type != right.type)
      return Fail(right, Quoted(left.text) + " is " + std::string(TypeName(left.type)) + ", " +
                             Quoted(right.text) + " is " + std::string(TypeName(right.type))),
             false;
    return Orderable(op, left.type, left);
  }
  bool Orderable(Op op, Type type, const Node& node) {
    if (op < Op::kLess || op > Op::kGreaterEqual) return true;
    if (type != Type::kText && type != Type::kBool) return true;
    Fail(node, Quoted(node.text) + " is " + std::string(TypeName(type)) +
                   ", which has no order: only == and != compare it");
    return false;
  }

  std::string_view text_;
  WhenLexer lexer_;
  int depth_ = 0;
  size_t nodes_ = 0;
  std::vector<std::string> names_;
  std::optional<WhenError> error_;
};

}  // namespace

const std::vector<std::string>& WhenFields() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const auto& [name, type] : Fields()) names.emplace_back(name);
    return names;
  }();
  return kNames;
}

namespace {
// Names that stand alone on the right of == or !=.
void CollectCompared(const When::Node& node, std::vector<std::string>* names) {
  using Op = When::Node::Op;
  if ((node.op == Op::kEqual || node.op == Op::kNotEqual) && node.children.size() == 2 &&
      node.children[1]->op == Op::kName)
    names->push_back(node.children[1]->text);
  for (const auto& child : node.children) CollectCompared(*child, names);
}

void CollectRequired(const When::Node& node,
                     std::vector<std::pair<std::string, std::string>>* texts) {
  using Op = When::Node::Op;
  if (node.op == Op::kAnd)
    for (const auto& child : node.children) CollectRequired(*child, texts);
  if (node.op != Op::kEqual || node.children.size() != 2) return;
  const When::Node* name = node.children[0].get();
  const When::Node* text = node.children[1].get();
  if (name->op != Op::kName) std::swap(name, text);
  if (name->op != Op::kName || text->op != Op::kConst) return;
  if (const auto* value = std::get_if<std::string>(&text->value))
    texts->emplace_back(name->text, *value);
}
}  // namespace

std::variant<When, WhenError> When::Parse(std::string_view text) {
  When when;
  when.text_ = text;
  Parser parser(when.text_);
  std::unique_ptr<Node> root = parser.Run();
  if (root == nullptr) return parser.TakeError();
  CollectCompared(*root, &when.compared_names_);
  CollectRequired(*root, &when.required_texts_);
  when.root_ = std::move(root);
  when.names_ = parser.TakeNames();
  return when;
}

}  // namespace heald
