// The syntax tree of a `.net` file, as parsed: no names resolved, no types known. Every node keeps
// its stretch of source, and statements keep the `#@` note on their line.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace netc::frontend {

/// Bytes [begin, end) of file `file` (an index into SourceSet).
struct Span {
  uint32_t file = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// `a.b.c`, with the stretch of the whole.
struct Path {
  std::vector<std::string> parts;
  Span span;
  std::string str() const;  ///< joined with dots
};

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// An argument of a call, positional when `name` is empty.
struct Arg {
  std::string name;
  Span name_span;
  ExprPtr value;
};

/// One entry between index brackets.
struct Index {
  enum class Kind : uint8_t { Expr, Slice, Ellipsis } kind = Kind::Expr;
  ExprPtr value;              ///< Expr (None included)
  ExprPtr start, stop, step;  ///< Slice; each may be absent
  Span span;
};

enum class BinaryOp : uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  FloorDiv,
  Mod,
  MatMul,
  Pow,
  Lt,
  Le,
  Gt,
  Ge,
  Eq,
  Ne,
  And,
  Or
};
/// As written: `+`, `//`, `and`.
const char* spelling(BinaryOp op);

struct Number {
  std::string text;  ///< as written
  bool is_int = false;
  int64_t integer = 0;  ///< when is_int
  double real = 0;      ///< always
};
struct String {
  std::string value;
};
struct Bool {
  bool value;
};
struct None {};
struct DTypeName {
  std::string name;
};  ///< f32 … bool float, used as a cast
struct Name {
  std::string name;
};
struct List {
  std::vector<ExprPtr> items;
};
struct Unary {
  bool is_not;
  ExprPtr operand;
};  ///< `-x` or `not x`
struct Binary {
  BinaryOp op;
  ExprPtr lhs, rhs;
};
struct Pipe {
  ExprPtr lhs, rhs;
};  ///< lhs |> rhs
struct Call {
  ExprPtr callee;
  std::vector<Arg> args;
};
struct Subscript {
  ExprPtr base;
  std::vector<Index> indices;
};
struct Member {
  ExprPtr base;
  std::string name;
  Span name_span;
};

/// An expression. `span` is all of it, its own parentheses included; `at` is the place that ops
/// born here report: the operator of an infix expression, the name of a call's callee (for `x |>
/// f(a)` that of `f`), the bracket of a subscript, the name after a member's dot, else `span`.
struct Expr {
  std::variant<Number, String, Bool, None, DTypeName, Name, List, Unary, Binary, Pipe, Call,
               Subscript, Member>
      node;
  Span span;
  Span at;
  bool parenthesised = false;
  uint16_t height = 1;  ///< levels of the tree from here down; ParseLimits bounds it
};

/// One dim of a written type.
struct DimSyntax {
  bool ellipsis = false;
  std::string ellipsis_name;  ///< `...s`
  ExprPtr size;               ///< unless ellipsis
  Span span;
};

/// A written type: `f32[batch, 784]`, `[n, m]`, `float`, `int`, `str`, `fn`.
struct TypeSyntax {
  std::string dtype;  ///< f32 … float int str fn; empty for bare dims
  std::optional<std::vector<DimSyntax>> dims;
  Span span;
};

struct Storage {  ///< `@ arena + 4096 ld 1040`, `@ arena + 4096 ld 49152 panel 48`, in dumps
  int64_t offset = 0;
  std::optional<int64_t> leading_stride;
  std::optional<int64_t> panel;
};

struct Target {
  Path path;
  std::optional<TypeSyntax> type;
  std::optional<Storage> storage;
};

enum class ParamKind : uint8_t { Plain, Input, Param, State };

struct ParamDecl {
  ParamKind kind = ParamKind::Plain;
  Path path;
  std::optional<TypeSyntax> type;
  std::optional<Storage> storage;  ///< in dumps of a plan
  ExprPtr value;                   ///< default, initialiser or start value
  Span span;
};

struct Stmt;
using Block = std::vector<Stmt>;

struct Bind {
  std::vector<Target> targets;
  ExprPtr value;
};
struct Return {
  std::vector<ExprPtr> values;
};
struct VarDecl {  ///< `param w: [n] = …` or `state v = 0.0` in a layer, model or optimizer
  bool is_state = false;
  Path name;
  std::optional<TypeSyntax> type;
  ExprPtr value;
};
struct KernelBlock {
  std::string name;
  Span name_span;
  Block body;
  std::vector<Path> yields;
};
struct InputDecl {
  Path name;
  TypeSyntax type;
};
struct Output {
  Bind bind;
};
struct Loss {
  ExprPtr value;
};
struct Metric {
  std::string name;
  Span name_span;
  ExprPtr value;
};  ///< name empty: the call's

/// A statement of a block or of a model's body.
struct Stmt {
  std::variant<Bind, Return, VarDecl, KernelBlock, InputDecl, Output, Loss, Metric> node;
  Span span;
  std::string note;  ///< text of the `#@` note on its line, without `#@`
};

/// `-> types`
struct ResultType {
  std::optional<Path> name;
  TypeSyntax type;
};

struct GradBlock {
  std::vector<std::string> cotangents;
  std::vector<Span> cotangent_spans;
  Block body;
  Span span;
};

struct FnItem {
  Path name;
  std::vector<ParamDecl> params;
  std::vector<ResultType> results;  ///< empty: not written
  Block body;                       ///< `= expr` is one Return
  bool expression_body = false;
  std::optional<GradBlock> grad;
};
struct LayerItem {
  std::string name;
  std::vector<ParamDecl> settings, params;
  std::vector<ResultType> results;
  Block body;
};
struct ModelItem {
  std::string name;
  Block body;
};
struct OptimizerItem {
  std::string name;
  std::vector<ParamDecl> settings;
  std::vector<std::string> args;  ///< parameter, gradient, learning rate, step number
  std::vector<Span> arg_spans;
  Block body;
};
struct UseItem {
  std::string path;
  Span path_span;
  std::string alias;
};
struct DTypeItem {
  std::string dtype;
};
struct LetItem {
  std::string name;
  ExprPtr value;
};
struct DataItem {
  std::string loader;
  Span loader_span;
  std::vector<Arg> args;
};
struct Setting {
  std::string key;
  Span key_span;
  ExprPtr value;
};
struct TrainItem {
  std::vector<Setting> settings;
};

struct Item {
  std::variant<UseItem, DTypeItem, LetItem, FnItem, LayerItem, ModelItem, OptimizerItem, DataItem,
               TrainItem>
      node;
  Span span;
  Span name_span;         ///< of the declared name, where there is one
  std::string docstring;  ///< `##` lines above, joined by newlines
};

/// A parsed file.
struct File {
  uint32_t file = 0;  ///< index into SourceSet
  std::string stage;  ///< from `#@ stage …` on the first line; empty: source
  std::vector<Item> items;
};

}  // namespace netc::frontend
