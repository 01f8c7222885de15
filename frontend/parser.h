// The recursive-descent parser behind parse.h: one class, its methods spread over parse.cpp
// (items), parse_statement.cpp, parse_expression.cpp and parse_recovery.cpp. A syntax error is
// reported where it is found and then unwinds, as a SyntaxFailure, to the next statement.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "frontend/lexer.h"
#include "frontend/parse.h"

namespace netc::frontend {

/// Thrown after an error was reported; caught where parsing can go on.
struct SyntaxFailure {};

/// What other languages start a declaration or a comment with, and what is written here; or empty.
std::string foreign_word_help(std::string_view word);

class Parser {
 public:
  Parser(const SourceSet& sources, uint32_t file, uint32_t begin, Diagnostics& diagnostics,
         const ParseLimits& limits);

  File parse_file();
  ExprPtr parse_whole_expression();

 private:
  /// Which words are statements where.
  enum class BlockKind { Function, Model, Kernel };

  /// An open `(` or `[`, and the text that names it in messages: `relu(`.
  struct Bracket {
    size_t token;
    std::string head;
  };

  // Tokens. kind() is Newline where a line's end ends the statement.
  Tok kind() const;
  const Token& token() const { return tokens_.tokens[pos_]; }
  Tok kind_after(size_t n) const;
  std::string_view text(size_t token) const;
  std::string_view text() const { return text(pos_); }
  Span span_at(size_t token) const;
  Span here() const { return span_at(pos_); }
  Span since(uint32_t begin) const;
  void advance();
  bool accept(Tok wanted);
  void expect(Tok wanted, std::string_view what);
  /// The statement may go on in the next line.
  void join() { joined_ = true; }
  void open(std::string head);
  void close(Tok closer, bool after_item);
  bool closes(Tok closer) const { return tokens_.tokens[pos_].kind == closer; }

  // Errors and recovery (parse_recovery.cpp).
  ir::Diagnostic error(const char* code, Span span, std::string message,
                       std::string label = {}) const;
  void add(ir::Diagnostic d);
  [[noreturn]] void fail(const char* code, Span span, std::string message, std::string label = {},
                         std::string help = {});
  [[noreturn]] void fail_expected(std::string_view what, std::string help = {});
  [[noreturn]] void fail_unclosed_bracket();
  std::string found() const;
  size_t last_of_bracket(size_t opener) const;
  bool is_unclosed(const Bracket& bracket) const;
  size_t matching(size_t opener) const;
  void match_brackets() const;
  bool starts_item(size_t token) const;
  bool starts_statement(size_t token) const;
  void synchronise(size_t start, size_t open_brackets);
  void synchronise_item(size_t start);
  void enter(Span span);
  void leave() { --nesting_; }
  void check_height(const Expr& expr);
  std::string foreign_operator_help() const;

  // Items (parse.cpp).
  void item(File& file);
  void use_item(Item& item);
  void dtype_item(Item& item);
  void let_item(Item& item);
  void fn_item(Item& item);
  void layer_item(Item& item);
  void model_item(Item& item);
  void optimizer_item(Item& item);
  void data_item(Item& item);
  void train_item(Item& item);
  std::string item_name(Item& item, const char* what);
  std::string docstring(size_t token) const;
  void stage_line(File& file);
  std::vector<ParamDecl> params(std::string head);
  ParamDecl param();
  std::vector<ResultType> result_types();
  ResultType result_type();
  void name_list(std::vector<std::string>& names, std::vector<Span>& spans, std::string head);

  // Statements (parse_statement.cpp).
  Block block(BlockKind kind, const std::string& head, std::vector<Path>* yields = nullptr);
  void end_of_block(Span brace, const std::string& head);
  void statements(Block& out, BlockKind kind, std::vector<Path>* yields);
  void separators();
  bool at_word(std::string_view word) const;
  bool word_has_meaning(size_t token) const;
  Stmt statement(BlockKind kind);
  void statement_node(Stmt& stmt, BlockKind kind);
  bool model_statement(Stmt& stmt, BlockKind kind);
  VarDecl var_decl();
  Return return_statement();
  void kernel(Stmt& stmt);
  bool starts_bind() const;
  Bind bind(BlockKind kind_of_block);
  Target target();
  Storage storage();
  int64_t plain_integer(const char* what);
  void end_of_statement();
  bool at_end_of_statement() const;
  std::string notes_between(size_t after_token, size_t before_token) const;
  [[noreturn]] void fail_no_statement(BlockKind kind_of_block);
  std::string item_end_help() const;
  Path path(std::string_view what);
  std::string name(std::string_view what);
  TypeSyntax type();
  std::vector<DimSyntax> dims(std::string head);

  // Expressions (parse_expression.cpp).
  ExprPtr expression();
  ExprPtr binary_expression(int min_level);
  ExprPtr comparison();
  ExprPtr operand(int level);
  ExprPtr unary();
  ExprPtr power();
  ExprPtr postfix();
  ExprPtr atom();
  ExprPtr list();
  ExprPtr call(ExprPtr callee);
  ExprPtr subscript(ExprPtr base);
  ExprPtr member(ExprPtr base);
  Index index();
  std::vector<Arg> args();
  ExprPtr binary(BinaryOp op, Span at, ExprPtr lhs, ExprPtr rhs);
  ExprPtr make(decltype(Expr::node) node, Span span, Span at, int height);
  std::string head_of(const Expr& callee, const char* bracket) const;

  const SourceSet& sources_;
  uint32_t file_;
  Diagnostics& diagnostics_;
  ParseLimits limits_;
  int max_height_;
  Tokens tokens_;
  size_t pos_ = 0;
  bool joined_ = false;
  int nesting_ = 0;
  std::vector<Bracket> brackets_;
  size_t reports_ = 0;
  bool is_file_ = false;                   // else an expression alone
  mutable std::vector<uint32_t> matches_;  // of each opening bracket, made at the first error
};

/// What stands before it in messages: "`return`", "the end of the line", "a string".
std::string describe(Tok kind, std::string_view text);

}  // namespace netc::frontend
