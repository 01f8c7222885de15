// Canonical source text of files and items: statements on lines of their own, comments and single
// blank lines kept where they stood.
#include "frontend/format.h"

#include <algorithm>

#include "frontend/format_printer.h"

namespace netc::frontend {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;
// In models the words line up: `input  x`, `loss   mse(p, y)`.
constexpr size_t kWordColumns = 7;

std::string model_word(std::string word) {
  word.resize(std::max(kWordColumns, word.size() + 1), ' ');
  return word;
}

}  // namespace

Formatter::Formatter(uint32_t file, const SourceSet* sources) : file_(file), sources_(sources) {
  if (sources == nullptr || file >= sources->size()) return;
  Diagnostics ignored;
  comments_ = lex(*sources, file, 0, ignored).comments;
}

// -- Comments and blank lines -------------------------------------------------------------------

uint32_t Formatter::line_of(uint32_t offset) const {
  const auto& starts = (*sources_)[file_].line_starts;
  return static_cast<uint32_t>(std::upper_bound(starts.begin(), starts.end(), offset) -
                               starts.begin());
}

size_t Formatter::column_of(uint32_t offset) const {
  return sources_->place({file_, offset, offset}).column - 1;
}

std::string_view Formatter::comment_text(const Comment& comment) const {
  return sources_->text({file_, comment.begin, comment.end});
}

// Comments before byte `before` become part of the line.
void Formatter::flush(LineLayout& line, uint32_t before) {
  for (; next_comment_ < comments_.size() && comments_[next_comment_].begin < before;
       ++next_comment_) {
    const Comment& comment = comments_[next_comment_];
    line.comment(comment_text(comment), comment.own_line, column_of(comment.begin));
    last_end_ = std::max(last_end_, comment.end);
  }
}

// Comments before byte `offset`, each on a line of its own.
void Formatter::comments_before(uint32_t offset, size_t indent) {
  for (; next_comment_ < comments_.size() && comments_[next_comment_].begin < offset;
       ++next_comment_) {
    const Comment& comment = comments_[next_comment_];
    blank_line_before(comment.begin);
    emit(comment_text(comment), indent);
    last_end_ = comment.end;
  }
}

// A comment that ends the line of what was just printed, which ended at byte `after`.
void Formatter::trailing_comment(uint32_t after, uint32_t before) {
  if (next_comment_ >= comments_.size() || out_.empty()) return;
  const Comment& comment = comments_[next_comment_];
  if (comment.own_line || comment.begin >= before || comment.begin < after ||
      line_of(comment.begin) != line_of(after > 0 ? after - 1 : 0)) {
    return;
  }
  end_line_with(comment);
}

// Puts a comment behind the last line: at its column in the source when the same text stands
// before it there (it may be aligned with others), else two spaces on.
void Formatter::end_line_with(const Comment& comment) {
  const auto same_text = [](std::string_view a, std::string_view b) {
    size_t i = 0;
    for (const char c : a) {
      if (c == ' ' || c == '\t') continue;
      while (i < b.size() && (b[i] == ' ' || b[i] == '\t')) ++i;
      if (i == b.size() || b[i++] != c) return false;
    }
    return b.find_first_not_of(" \t", i) == std::string_view::npos;
  };
  out_.pop_back();
  const uint32_t start = (*sources_)[file_].line_starts[line_of(comment.begin) - 1];
  const std::string_view before = sources_->text({file_, start, comment.begin});
  const bool same = same_text(before, std::string_view(out_).substr(out_.rfind('\n') + 1));
  append_comment(out_, comment_text(comment), same ? column_of(comment.begin) : 0);
  out_ += '\n';
  last_end_ = comment.end;
  ++next_comment_;
}

// One blank line where the source has any between what was printed last and byte `offset`.
void Formatter::blank_line_before(uint32_t offset) {
  if (sources_ == nullptr || out_.empty() || last_end_ == 0 || out_.ends_with("{\n")) return;
  if (line_of(offset) > line_of(last_end_ - 1) + 1 && !out_.ends_with("\n\n")) out_ += '\n';
}

void Formatter::emit(const LineLayout& line, size_t indent, size_t hang) {
  out_ += line.str(indent, hang) + '\n';
}

void Formatter::emit(std::string_view text, size_t indent) {
  out_.append(indent, ' ');
  out_ += text;
  out_ += '\n';
}

// -- Statements ---------------------------------------------------------------------------------

// After `{`: a comment on its line. `first` is where the first statement starts.
void Formatter::block_start(uint32_t first) {
  if (next_comment_ >= comments_.size()) return;
  const Comment& comment = comments_[next_comment_];
  if (comment.own_line || comment.begin >= first) return;
  end_line_with(comment);
}

void Formatter::block(const Block& block, size_t indent, uint32_t end, bool in_model,
                      const std::vector<Path>* yields) {
  const bool any = !block.empty() && in_source(block.front().span);
  block_start(any ? block.front().span.begin : end);
  for (const Stmt& stmt : block) {
    if (in_source(stmt.span)) {
      comments_before(stmt.span.begin, indent);
      blank_line_before(stmt.span.begin);
    }
    statement(stmt, indent, in_model);
    if (in_source(stmt.span)) {
      last_end_ = std::max(last_end_, stmt.span.end);
      const bool is_last = &stmt == &block.back();
      const Span next = is_last ? Span{} : (&stmt + 1)->span;
      trailing_comment(stmt.span.end, !is_last && in_source(next) ? next.begin : end);
    }
  }
  if (yields != nullptr && !yields->empty()) {
    if (in_source(yields->front().span)) comments_before(yields->front().span.begin, indent);
    LineLayout line;
    line.text("yield ");
    line.open();
    for (const Path& path : *yields) {
      if (&path != &yields->front()) {
        line.text(",");
        line.space();
      }
      word(line, path.span, path.str());
    }
    line.close();
    emit(line, indent, indent + 2);
    if (in_source(yields->back().span)) {
      last_end_ = yields->back().span.end;
      trailing_comment(last_end_, kNowhere);
    }
  }
  if (end != kNowhere) comments_before(end, indent);
}

void Formatter::statement(const Stmt& stmt, size_t indent, bool in_model) {
  LineLayout line;
  size_t hang = indent + 2;
  const auto lead = [&](const std::string& word) {
    const std::string text = in_model ? model_word(word) : word + ' ';
    line.text(text);
    hang += text.size();
  };
  if (const auto* b = std::get_if<Bind>(&stmt.node)) {
    bind(line, *b);
  } else if (const auto* r = std::get_if<Return>(&stmt.node)) {
    line.text("return ");
    hang += 7;
    for (const ExprPtr& v : r->values) {
      if (&v != &r->values.front()) {
        line.text(",");
        line.space();
      }
      expr(line, *v);
    }
  } else if (const auto* d = std::get_if<VarDecl>(&stmt.node)) {
    lead(d->is_state ? "state" : "param");
    word(line, d->name.span, d->name.str());
    if (d->type) {
      line.text(": ");
      type(line, *d->type);
    }
    value(line, *d->value);
  } else if (const auto* k = std::get_if<KernelBlock>(&stmt.node)) {
    return kernel(*k, stmt, indent);
  } else if (const auto* i = std::get_if<InputDecl>(&stmt.node)) {
    lead("input");
    line.text(i->name.str() + ": ");
    type(line, i->type);
  } else if (const auto* o = std::get_if<Output>(&stmt.node)) {
    lead("output");
    bind(line, o->bind);
  } else if (const auto* l = std::get_if<Loss>(&stmt.node)) {
    lead("loss");
    expr(line, *l->value);
  } else if (const auto* m = std::get_if<Metric>(&stmt.node)) {
    lead("metric");
    if (m->name.empty()) {
      expr(line, *m->value);
    } else {
      line.text(m->name);
      value(line, *m->value);
    }
  }
  emit(line, indent, hang);
}

void Formatter::kernel(const KernelBlock& k, const Stmt& stmt, size_t indent) {
  emit("kernel " + k.name + " {", indent);
  block(k.body, indent + 2, in_source(stmt.span) ? stmt.span.end : kNowhere, false, &k.yields);
  emit("}", indent);
}

// -- Items --------------------------------------------------------------------------------------

std::string Formatter::file(const File& file) {
  for (const Item& i : file.items) {
    if (in_source(i.span) && i.span.end > i.span.begin) {
      comments_before(i.span.begin, 0);
      blank_line_before(i.span.begin);
    }
    item(i);
    if (in_source(i.span) && i.span.end > i.span.begin) {
      last_end_ = std::max(last_end_, i.span.end);
      const bool is_last = &i == &file.items.back();
      const Span next = is_last ? Span{} : (&i + 1)->span;
      trailing_comment(i.span.end, !is_last && in_source(next) ? next.begin : kNowhere);
    }
  }
  comments_before(kNowhere, 0);
  return std::move(out_);
}

std::string Formatter::item_text(const Item& i) {
  item(i);
  if (out_.ends_with('\n')) out_.pop_back();
  return std::move(out_);
}

void Formatter::item(const Item& i) {
  if (const auto* use = std::get_if<UseItem>(&i.node)) {
    emit("use " + quote(use->path) + (use->alias.empty() ? "" : " as " + use->alias), 0);
  } else if (const auto* dtype = std::get_if<DTypeItem>(&i.node)) {
    emit("dtype " + dtype->dtype, 0);
  } else if (const auto* let = std::get_if<LetItem>(&i.node)) {
    let_item(*let);
  } else if (const auto* fn = std::get_if<FnItem>(&i.node)) {
    fn_item(*fn, i.span);
  } else if (const auto* layer = std::get_if<LayerItem>(&i.node)) {
    layer_item(*layer, i.span);
  } else if (const auto* model = std::get_if<ModelItem>(&i.node)) {
    emit("model " + model->name + " {", 0);
    block(model->body, 2, in_source(i.span) ? i.span.end : kNowhere, true);
    emit("}", 0);
  } else if (const auto* optimizer = std::get_if<OptimizerItem>(&i.node)) {
    optimizer_item(*optimizer, i.span);
  } else if (const auto* data = std::get_if<DataItem>(&i.node)) {
    data_item(*data);
  } else if (const auto* train = std::get_if<TrainItem>(&i.node)) {
    train_item(*train, i.span);
  }
}

void Formatter::let_item(const LetItem& let) {
  LineLayout line;
  line.text("let " + let.name);
  value(line, *let.value);
  emit(line, 0, 4);
}

void Formatter::fn_item(const FnItem& fn, Span span) {
  LineLayout line;
  line.text("fn " + fn.name.str());
  params(line, fn.params);
  results(line, fn.results);
  const uint32_t end = in_source(span) ? span.end : kNowhere;
  const uint32_t body_end = fn.grad && end != kNowhere ? fn.grad->span.begin : end;
  fn_body(line, fn, body_end);
  if (!fn.grad) return;
  if (!fn.expression_body) {
    out_.pop_back();
    out_ += ' ';
  }
  std::string head = "grad (";
  for (const std::string& name : fn.grad->cotangents) {
    if (&name != &fn.grad->cotangents.front()) head += ", ";
    head += name;
  }
  emit(head + ") {", 0);
  block(fn.grad->body, 2, end, false);
  emit("}", 0);
}

// `= expr` behind the head where it fits, else below it; or a block.
void Formatter::fn_body(LineLayout& head, const FnItem& fn, uint32_t end) {
  if (!fn.expression_body) {
    head.text(" {");
    emit(head, 0, 4);
    block(fn.body, 2, end, false);
    return emit("}", 0);
  }
  const Expr& result = *std::get<Return>(fn.body.front().node).values.front();
  head.text(" =");
  LineLayout body;
  expr(body, result);
  const bool has_comment = head.has_comment() || body.has_comment();
  if (!has_comment && head.flat_width() + 1 + body.flat_width() <= kMaxColumns) {
    out_ += head.flat() + ' ' + body.flat() + '\n';
    return;
  }
  emit(head, 0, 4);
  emit(body, 2, 4);
}

void Formatter::layer_item(const LayerItem& layer, Span span) {
  LineLayout line;
  line.text("layer " + layer.name);
  params(line, layer.settings);
  params(line, layer.params);
  results(line, layer.results);
  line.text(" {");
  emit(line, 0, 4);
  block(layer.body, 2, in_source(span) ? span.end : kNowhere, false);
  emit("}", 0);
}

void Formatter::optimizer_item(const OptimizerItem& optimizer, Span span) {
  LineLayout line;
  line.text("optimizer " + optimizer.name);
  params(line, optimizer.settings);
  std::string names;
  for (const std::string& name : optimizer.args) names += (names.empty() ? "" : ", ") + name;
  line.text("(" + names + ") {");
  emit(line, 0, 4);
  block(optimizer.body, 2, in_source(span) ? span.end : kNowhere, false);
  emit("}", 0);
}

void Formatter::data_item(const DataItem& data) {
  LineLayout line;
  line.text("data  " + data.loader);
  Span end;
  end.file = kNowhere;
  args(line, data.args, end);
  emit(line, 0, 4);
}

// Settings stand on the lines of the source, several to a line behind `;`.
void Formatter::train_item(const TrainItem& train, Span span) {
  if (train_on_one_line(train, span)) return;
  emit("train {", 0);
  const uint32_t end = in_source(span) ? span.end : kNowhere;
  const auto known = [&](const Setting& s) {
    return in_source(s.key_span) && in_source(s.value->span);
  };
  if (!train.settings.empty() && known(train.settings.front())) {
    block_start(train.settings.front().key_span.begin);
  } else {
    block_start(end);
  }
  const Setting* before = nullptr;
  for (const Setting& s : train.settings) {
    if (known(s)) {
      const bool had =
          next_comment_ < comments_.size() && comments_[next_comment_].begin < s.key_span.begin;
      comments_before(s.key_span.begin, 2);
      blank_line_before(s.key_span.begin);
      if (had) before = nullptr;
    }
    LineLayout line;
    line.text(s.key);
    value(line, *s.value);
    const bool same_line = before != nullptr && known(s) && known(*before) && !line.has_comment() &&
                           line_of(before->value->span.end) == line_of(s.key_span.begin);
    const size_t width = out_.size() - (out_.rfind('\n', out_.size() - 2) + 1) - 1;
    if (same_line && width + 2 + line.flat_width() <= kMaxColumns) {
      out_.pop_back();
      out_ += "; " + line.flat() + '\n';
    } else {
      emit(line, 2, 6);
    }
    before = &s;
    if (!known(s)) continue;
    last_end_ = std::max(last_end_, s.value->span.end);
    const size_t comment = next_comment_;
    const bool is_last = &s == &train.settings.back();
    const Span next = is_last ? Span{} : (&s + 1)->key_span;
    trailing_comment(s.value->span.end, !is_last && in_source(next) ? next.begin : end);
    if (next_comment_ != comment) before = nullptr;
  }
  if (end != kNowhere) comments_before(end, 2);
  emit("}", 0);
}

bool Formatter::train_on_one_line(const TrainItem& train, Span span) {
  if (in_source(span)) {
    const bool has_comment =
        next_comment_ < comments_.size() && comments_[next_comment_].begin < span.end;
    if (has_comment || line_of(span.begin) != line_of(span.end)) return false;
  }
  std::string text;
  Formatter plain(0, nullptr);
  for (const Setting& s : train.settings) {
    text += (text.empty() ? " " : "; ") + s.key + " = " + expression_text(*s.value);
  }
  text = "train {" + text + " }";
  if (width_of(text) > kMaxColumns) return false;
  emit(text, 0);
  return true;
}

std::string format(const File& file, const SourceSet& sources) {
  return Formatter(file.file, &sources).file(file);
}

std::string format(const Item& item) { return Formatter(0, nullptr).item_text(item); }

std::string format(const Expr& expr) { return Formatter::expression_text(expr); }

}  // namespace netc::frontend
