// The formatter behind format.h. Prints the tree, not the text: what stands where comes from the
// syntax tree, comments and blank lines from the source.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontend/format.h"
#include "frontend/format_layout.h"
#include "frontend/lexer.h"

namespace netc::frontend {

class Formatter {
 public:
  /// Without sources: no comments, blank lines or line ends kept.
  Formatter(uint32_t file, const SourceSet* sources);

  std::string file(const File& file);
  std::string item_text(const Item& item);
  static std::string expression_text(const Expr& expr);

 private:
  // Comments and blank lines of the source (format.cpp).
  bool in_source(Span span) const { return sources_ != nullptr && span.file == file_; }
  uint32_t line_of(uint32_t offset) const;
  size_t column_of(uint32_t offset) const;
  std::string_view comment_text(const Comment& comment) const;
  void flush(LineLayout& line, uint32_t before);
  void comments_before(uint32_t offset, size_t indent);
  void trailing_comment(uint32_t after, uint32_t before);
  void end_line_with(const Comment& comment);
  void blank_line_before(uint32_t offset);
  void emit(const LineLayout& line, size_t indent, size_t hang);
  void emit(std::string_view text, size_t indent);

  // Items and statements (format.cpp).
  void item(const Item& item);
  void let_item(const LetItem& let);
  void fn_item(const FnItem& fn, Span span);
  void fn_body(LineLayout& head, const FnItem& fn, uint32_t end);
  void layer_item(const LayerItem& layer, Span span);
  void optimizer_item(const OptimizerItem& optimizer, Span span);
  void data_item(const DataItem& data);
  void train_item(const TrainItem& train, Span span);
  bool train_on_one_line(const TrainItem& train, Span span);
  void block(const Block& block, size_t indent, uint32_t end, bool in_model,
             const std::vector<Path>* yields = nullptr);
  void block_start(uint32_t first);
  void statement(const Stmt& stmt, size_t indent, bool in_model);
  void kernel(const KernelBlock& kernel, const Stmt& stmt, size_t indent);

  // Pieces of a line (format_expression.cpp).
  void word(LineLayout& line, Span at, std::string_view text);
  void params(LineLayout& line, const std::vector<ParamDecl>& params);
  void param(LineLayout& line, const ParamDecl& param);
  void storage(LineLayout& line, const Storage& at);
  void results(LineLayout& line, const std::vector<ResultType>& results);
  void type(LineLayout& line, const TypeSyntax& type);
  void bind(LineLayout& line, const Bind& bind);
  void value(LineLayout& line, const Expr& value);
  void expr(LineLayout& line, const Expr& expr, int context = 0);
  void part(LineLayout& line, const Expr& expr);
  void bare(LineLayout& line, const Expr& expr);
  void binary(LineLayout& line, const Binary& node, const Expr& expr);
  void pipe(LineLayout& line, const Pipe& node);
  void args(LineLayout& line, const std::vector<Arg>& args, Span call);
  void index(LineLayout& line, const Index& index);
  void close_bracket(LineLayout& line, Span whole, const char* closer);

  uint32_t file_;
  const SourceSet* sources_;
  std::vector<Comment> comments_;
  size_t next_comment_ = 0;
  uint32_t last_end_ = 0;  // of the source that was printed
  std::string out_;
};

}  // namespace netc::frontend
