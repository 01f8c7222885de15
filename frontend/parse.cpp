// Items of a file, and the two entry points of parse.h.
#include "frontend/parse.h"

#include <fmt/format.h>

#include <algorithm>

#include "frontend/parser.h"

namespace netc::frontend {
namespace {

constexpr const char* kItems =
    "`model`, `fn`, `layer`, `optimizer`, `data`, `train`, `let`, `use` or `dtype`";

// What stands where an item should.
std::string item_help(std::string_view word) {
  if (const std::string help = foreign_word_help(word); !help.empty()) return help;
  if (word == "input" || word == "output" || word == "loss" || word == "metric" ||
      word == "param" || word == "state") {
    return fmt::format("`{}` stands in the braces of a `model`", word);
  }
  const std::string near =
      nearest(word, {"model", "fn", "layer", "optimizer", "data", "train", "let", "use", "dtype"});
  return near.empty() ? "" : fmt::format("did you mean `{}`?", near);
}

}  // namespace

std::string foreign_word_help(std::string_view word) {
  if (word == "def" || word == "func" || word == "function" || word == "fun") {
    return "a function is declared with `fn`, outside of models";
  }
  if (word == "class" || word == "module" || word == "struct") {
    return "networks are declared with `model`, their parts with `layer`";
  }
  if (word == "import" || word == "include" || word == "from") {
    return "the standard library is always there; files of your own come in with `use "
           "\"file.net\"`";
  }
  if (word == "const" || word == "var" || word == "val" || word == "static") {
    return "a constant of the file is declared with `let`, a value with its name: `h = relu(x)`";
  }
  if (word == "lambda") return "functions have names: `fn double(x) = 2 * x`";
  if (word == "//" || word == "/" || word == "--") return "comments start with `#`";
  return {};
}

Parser::Parser(const SourceSet& sources, uint32_t file, uint32_t begin, Diagnostics& diagnostics,
               const ParseLimits& limits)
    : sources_(sources), file_(file), diagnostics_(diagnostics), limits_(limits) {
  limits_.max_nesting = std::clamp(limits.max_nesting, 1, 1000);
  max_height_ = 4 * limits_.max_nesting;
  tokens_ = lex(sources, file, begin, diagnostics);
}

ExprPtr Parser::parse_whole_expression() {
  try {
    ExprPtr value = expression();
    if (token().kind != Tok::End) fail_expected("the end of the expression");
    return value;
  } catch (const SyntaxFailure&) {
    return nullptr;
  }
}

File Parser::parse_file() {
  File file;
  is_file_ = true;
  file.file = file_;
  stage_line(file);
  while (true) {
    separators();
    if (token().kind == Tok::End) return file;
    const size_t start = pos_;
    try {
      if (token().kind == Tok::RBrace) {
        fail("E0115", here(), "unmatched `}`", "no block is open here");
      }
      item(file);
      if (token().kind != Tok::RBrace) end_of_statement();
    } catch (const SyntaxFailure&) {
      synchronise_item(start);
    }
  }
}

void Parser::stage_line(File& file) {
  if (tokens_.comments.empty()) return;
  const Comment& first = tokens_.comments.front();
  if (first.begin != 0 || first.kind != Comment::Kind::Note) return;
  std::string_view text = sources_.text({file_, 2, first.end});
  const auto word = [&] {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    const std::string_view found = text.substr(0, text.find_first_of(" \t"));
    text.remove_prefix(found.size());
    return found;
  };
  if (word() != "stage") return;
  const std::string_view stage = word();
  const std::vector<std::string> stages = {"forward", "backward", "optimised", "fused", "plan"};
  if (stage == "ast") return;
  if (std::find(stages.begin(), stages.end(), stage) != stages.end()) {
    file.stage = stage;
    return;
  }
  const std::string near = nearest(stage, stages);
  ir::Diagnostic d = error("E0118", {file_, 0, first.end}, fmt::format("unknown stage `{}`", stage),
                           "not a stage");
  d.helps.push_back(near.empty() ? "stages are forward, backward, optimised, fused and plan"
                                 : fmt::format("did you mean `{}`?", near));
  add(std::move(d));
}

void Parser::item(File& file) {
  Item item;
  const size_t first = pos_;
  item.docstring = docstring(first);
  switch (token().kind) {
    case Tok::KwUse:
      use_item(item);
      break;
    case Tok::KwDType:
      dtype_item(item);
      break;
    case Tok::KwLet:
      let_item(item);
      break;
    case Tok::KwFn:
      fn_item(item);
      break;
    case Tok::KwLayer:
      layer_item(item);
      break;
    case Tok::KwModel:
      model_item(item);
      break;
    case Tok::KwOptimizer:
      optimizer_item(item);
      break;
    case Tok::KwTrain:
      train_item(item);
      break;
    default:
      if (text() == "data" && kind_after(1) == Tok::Assign) {
        advance();
        fail_expected("the name of a loader",
                      fmt::format("`data` takes no `=`: `data {}(…)`", text(pos_ + 1)));
      }
      if (!at_word("data")) fail_expected(kItems, item_help(text()));
      data_item(item);
  }
  item.span = since(tokens_.tokens[first].begin);
  file.items.push_back(std::move(item));
}

// The `##` lines that stand above a token.
std::string Parser::docstring(size_t token) const {
  const auto& comments = tokens_.comments;
  auto comment = std::lower_bound(comments.begin(), comments.end(), token,
                                  [](const Comment& c, size_t t) { return c.next_token < t; });
  std::string doc;
  bool first = true;
  for (; comment != comments.end() && comment->next_token == token; ++comment) {
    if (comment->kind != Comment::Kind::Doc || !comment->own_line) continue;
    std::string_view line = sources_.text({file_, comment->begin + 2, comment->end});
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (!first) doc += '\n';
    first = false;
    doc += line;
  }
  return doc;
}

std::string Parser::item_name(Item& item, const char* what) {
  item.name_span = here();
  if (kind() == Tok::Name && is_dtype_name(text())) {
    fail("E0109", here(), fmt::format("`{}` is a type", text()), "cannot be used as a name");
  }
  return name(what);
}

void Parser::use_item(Item& item) {
  advance();
  UseItem use;
  use.path_span = here();
  if (kind() != Tok::String) fail_expected("a file name in quotes", "write `use \"file.net\"`");
  use.path = string_value(text());
  advance();
  if (kind() == Tok::Name && text() == "as") {
    advance();
    use.alias = item_name(item, "a name after `as`");
  }
  item.node = std::move(use);
}

void Parser::dtype_item(Item& item) {
  advance();
  if (kind() != Tok::Name || (text() != "f32" && text() != "f64")) {
    fail_expected("`f32` or `f64`", "`dtype` chooses what `float` means");
  }
  item.name_span = here();
  item.node = DTypeItem{std::string(text())};
  advance();
}

void Parser::let_item(Item& item) {
  advance();
  LetItem let;
  let.name = item_name(item, "the name of a constant");
  expect(Tok::Assign, "`=`");
  let.value = expression();
  item.node = std::move(let);
}

void Parser::fn_item(Item& item) {
  advance();
  FnItem fn;
  fn.name = path("the name of a function");
  item.name_span = fn.name.span;
  const std::string head = "fn " + fn.name.str();
  fn.params = params(fn.name.str());
  if (accept(Tok::Arrow)) fn.results = result_types();
  if (accept(Tok::Assign)) {
    fn.expression_body = true;
    Stmt body;
    Return result;
    result.values.push_back(expression());
    body.span = result.values.front()->span;
    body.node = std::move(result);
    fn.body.push_back(std::move(body));
  } else {
    if (kind() != Tok::LBrace)
      fail_expected(
          fn.results.empty() ? "`->`, `=` or `{`" : "`=` or `{`",
          kind() == Tok::Colon ? fmt::format("bodies stand in braces: `{}(…) {{ … }}`", head) : "");
    fn.body = block(BlockKind::Function, head);
  }
  if (token().kind == Tok::KwGrad) {
    join();
    const Span at = here();
    advance();
    GradBlock grad;
    name_list(grad.cotangents, grad.cotangent_spans, "grad");
    grad.body = block(BlockKind::Function, "grad");
    grad.span = at;
    fn.grad = std::move(grad);
  }
  item.node = std::move(fn);
}

void Parser::layer_item(Item& item) {
  advance();
  LayerItem layer;
  layer.name = item_name(item, "the name of a layer");
  layer.settings = params(layer.name);
  if (kind() != Tok::LParen) {
    fail_expected("`(` and the tensors of the layer",
                  "a layer has two lists: `layer Dense(n_in, n_out)(x: [..., n_in])`");
  }
  layer.params = params(layer.name + "(…)");
  if (accept(Tok::Arrow)) layer.results = result_types();
  layer.body = block(BlockKind::Function, "layer " + layer.name);
  item.node = std::move(layer);
}

void Parser::model_item(Item& item) {
  advance();
  ModelItem model;
  model.name = item_name(item, "the name of a model");
  model.body = block(BlockKind::Model, "model " + model.name);
  item.node = std::move(model);
}

void Parser::optimizer_item(Item& item) {
  advance();
  OptimizerItem optimizer;
  optimizer.name = item_name(item, "the name of an optimizer");
  optimizer.settings = params(optimizer.name);
  const Span second = here();
  name_list(optimizer.args, optimizer.arg_spans, optimizer.name + "(…)");
  if (optimizer.args.size() != 4) {
    fail("E0119", {file_, second.begin, since(second.begin).end},
         fmt::format("an optimizer takes 4 names, `{}` has {}", optimizer.name,
                     optimizer.args.size()),
         "one parameter, its gradient, the learning rate and the step number",
         "write `(p, g, lr, step)`");
  }
  optimizer.body = block(BlockKind::Function, "optimizer " + optimizer.name);
  item.node = std::move(optimizer);
}

void Parser::data_item(Item& item) {
  advance();
  DataItem data;
  data.loader_span = here();
  data.loader = item_name(item, "the name of a loader");
  if (kind() != Tok::LParen) fail_expected("`(`");
  open(data.loader + "(");
  data.args = args();
  close(Tok::RParen, true);
  item.node = std::move(data);
}

void Parser::train_item(Item& item) {
  item.name_span = here();
  advance();
  TrainItem train;
  const Span brace = here();
  expect(Tok::LBrace, "`{`");
  while (true) {
    separators();
    if (token().kind == Tok::RBrace || token().kind == Tok::End || starts_item(pos_)) break;
    const size_t start = pos_;
    const int nesting = nesting_;
    try {
      Setting setting;
      setting.key_span = here();
      if (token().kind == Tok::KwOptimizer) {
        setting.key = text();
        advance();
      } else {
        setting.key = name("a setting");
      }
      if (kind() != Tok::Assign)
        fail_expected("`=`", kind() == Tok::Colon
                                 ? fmt::format("write `{} = {}`", setting.key, text(pos_ + 1))
                                 : foreign_operator_help());
      accept(Tok::Assign);
      setting.value = expression();
      train.settings.push_back(std::move(setting));
      end_of_statement();
    } catch (const SyntaxFailure&) {
      nesting_ = nesting;
      synchronise(start, 0);
    }
  }
  item.node = std::move(train);
  end_of_block(brace, "train");
}

std::vector<ParamDecl> Parser::params(std::string head) {
  if (kind() != Tok::LParen) fail_expected("`(`");
  open(std::move(head) + "(");
  std::vector<ParamDecl> list;
  while (!closes(Tok::RParen)) {
    list.push_back(param());
    if (!accept(Tok::Comma)) break;
  }
  close(Tok::RParen, true);
  return list;
}

ParamDecl Parser::param() {
  ParamDecl decl;
  const Span at = here();
  const auto role = [&](const char* word, ParamKind kind_of_param) {
    if (kind_after(1) != Tok::Name || !at_word(word)) return;
    decl.kind = kind_of_param;
    advance();
  };
  role("input", ParamKind::Input);
  if (decl.kind == ParamKind::Plain) role("param", ParamKind::Param);
  if (decl.kind == ParamKind::Plain) role("state", ParamKind::State);
  decl.path = path("a parameter");
  if (accept(Tok::Colon)) {
    decl.type = type();
    if (kind() == Tok::At) decl.storage = storage();
  }
  if (accept(Tok::Assign)) decl.value = expression();
  decl.span = since(at.begin);
  return decl;
}

std::vector<ResultType> Parser::result_types() {
  std::vector<ResultType> types;
  if (kind() != Tok::LParen) {
    types.push_back(result_type());
    return types;
  }
  open("(");
  while (!closes(Tok::RParen)) {
    types.push_back(result_type());
    if (!accept(Tok::Comma)) break;
  }
  if (types.empty()) fail_expected("a type");
  close(Tok::RParen, true);
  return types;
}

ResultType Parser::result_type() {
  ResultType result;
  size_t i = 1;
  while (kind_after(i) == Tok::Dot && is_word(kind_after(i + 1))) i += 2;
  if (kind() == Tok::Name && kind_after(i) == Tok::Colon) {
    result.name = path("a name");
    accept(Tok::Colon);
  }
  result.type = type();
  return result;
}

// `(a, b, …)`, at least one name.
void Parser::name_list(std::vector<std::string>& names, std::vector<Span>& spans,
                       std::string head) {
  if (kind() != Tok::LParen) fail_expected("`(`");
  open(std::move(head) + "(");
  do {
    spans.push_back(here());
    names.push_back(name("a name"));
  } while (accept(Tok::Comma) && !closes(Tok::RParen));
  close(Tok::RParen, true);
}

File parse(const SourceSet& sources, uint32_t file, Diagnostics& diagnostics,
           const ParseLimits& limits) {
  const size_t size = sources[file].text.size();
  if (size > limits.max_source) {
    ir::Diagnostic d;
    d.code = "E0112";
    d.message =
        fmt::format("the source is {} bytes long, the limit is {}", size, limits.max_source);
    d.place = {file, 1, 1, 1};
    d.helps.push_back("raise the limit with `--max-source BYTES`");
    diagnostics.add(std::move(d));
    File empty;
    empty.file = file;
    return empty;
  }
  return Parser(sources, file, 0, diagnostics, limits).parse_file();
}

ExprPtr parse_expression(const SourceSet& sources, uint32_t file, uint32_t begin,
                         Diagnostics& diagnostics) {
  return Parser(sources, file, begin, diagnostics, {}).parse_whole_expression();
}

}  // namespace netc::frontend
