// Greedy filling: a space becomes a line end when what stands up to the next space of its own
// bracket (or an outer one) no longer fits.
#include "frontend/format_layout.h"

#include <algorithm>

namespace netc::frontend {
namespace {

// A bracket further right than this gives its lines a plain indent, not its own column.
constexpr size_t kMaxAlign = 60;

size_t last_line_width(const std::string& text) {
  const size_t end = text.rfind('\n');
  return width_of(std::string_view(text).substr(end == std::string::npos ? 0 : end + 1));
}

}  // namespace

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

void append_comment(std::string& line, std::string_view comment, size_t column) {
  const size_t width = last_line_width(line);
  line.append(std::max(width + 2, column) - width, ' ');
  line += comment;
}

void LineLayout::text(std::string_view text) {
  Piece piece{Piece::Kind::Text, std::string(text)};
  piece.width = width_of(text);
  pieces_.push_back(std::move(piece));
}

void LineLayout::space(size_t width, bool breakable, bool weak) {
  Piece piece{Piece::Kind::Space, {}};
  piece.width = width;
  piece.breakable = breakable;
  piece.weak = weak;
  pieces_.push_back(std::move(piece));
}

void LineLayout::line_end() {
  space();
  pieces_.back().hard = true;
}

void LineLayout::open(bool behind_bracket) {
  pieces_.push_back({Piece::Kind::Open, {}});
  pieces_.back().soft = !behind_bracket;
}
void LineLayout::close() { pieces_.push_back({Piece::Kind::Close, {}}); }

void LineLayout::comment(std::string_view text, bool own_line, size_t column) {
  has_comment_ = true;
  Piece piece{Piece::Kind::Comment, std::string(text)};
  piece.own_line = own_line;
  piece.column = column;
  // The comment stands before the brackets that open with the next text, and before the space.
  std::vector<Piece> opened;
  while (!pieces_.empty() && pieces_.back().kind == Piece::Kind::Open && pieces_.back().soft) {
    opened.push_back(pieces_.back());
    pieces_.pop_back();
  }
  const bool has_space = !pieces_.empty() && pieces_.back().kind == Piece::Kind::Space;
  Piece space = has_space ? pieces_.back() : Piece{Piece::Kind::Space, {}};
  if (has_space) pieces_.pop_back();
  space.breakable = space.hard = true;
  pieces_.push_back(std::move(piece));
  pieces_.push_back(std::move(space));
  pieces_.insert(pieces_.end(), opened.begin(), opened.end());
}

size_t LineLayout::flat_width() const {
  size_t width = 0;
  for (const Piece& piece : pieces_) width += piece.width;
  return width;
}

std::string LineLayout::flat() const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (piece.kind == Piece::Kind::Space)
      out.append(piece.width, ' ');
    else
      out += piece.text;
  }
  return out;
}

// For each breakable space: the width of what follows up to the next one that is not deeper (any,
// for a weak one).
std::vector<size_t> LineLayout::widths_to_next_break() const {
  std::vector<size_t> widths(pieces_.size(), 0);
  size_t position = 0;
  for (const Piece& piece : pieces_) position += piece.width;
  // Ends of segments by depth: next_end[d] is the position of the next break at depth <= d.
  std::vector<size_t> next_end = {position};
  size_t next_any = position;
  int depth = 0;
  for (const Piece& piece : pieces_) {
    if (piece.kind == Piece::Kind::Open) ++depth;
    if (piece.kind == Piece::Kind::Close) --depth;
  }
  for (size_t i = pieces_.size(); i-- > 0;) {
    const Piece& piece = pieces_[i];
    position -= piece.width;
    const auto d = static_cast<size_t>(std::max(depth, 0));
    if (piece.kind == Piece::Kind::Close) {
      ++depth;
      next_end.push_back(next_end.back());
    } else if (piece.kind == Piece::Kind::Open) {
      --depth;
      if (next_end.size() > 1) next_end.pop_back();
    } else if (piece.kind == Piece::Kind::Space && piece.breakable) {
      const size_t end = piece.weak ? next_any : next_end[std::min(d, next_end.size() - 1)];
      widths[i] = end - (position + piece.width);
      next_any = position;
      next_end[std::min(d, next_end.size() - 1)] = position;
    }
  }
  return widths;
}

std::string LineLayout::str(size_t indent, size_t hang) const {
  const std::vector<size_t> widths = widths_to_next_break();
  std::string out(indent, ' ');
  size_t column = indent;
  std::vector<size_t> aligns = {hang};
  bool line_start = true;
  const auto new_line = [&] {
    out += '\n';
    out.append(aligns.back(), ' ');
    column = aligns.back();
    line_start = true;
  };
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    switch (piece.kind) {
      case Piece::Kind::Text:
        out += piece.text;
        column += piece.width;
        line_start = false;
        break;
      case Piece::Kind::Space:
        if (piece.hard && line_start) break;
        if (piece.hard ||
            (piece.breakable && !line_start && column + piece.width + widths[i] > kMaxColumns)) {
          new_line();
        } else if (!line_start) {
          out.append(piece.width, ' ');
          column += piece.width;
        }
        break;
      case Piece::Kind::Open:
        aligns.push_back(column <= kMaxAlign ? column : aligns.back() + 4);
        break;
      case Piece::Kind::Close:
        aligns.pop_back();
        break;
      case Piece::Kind::Comment:
        if (piece.own_line && !line_start) new_line();
        if (line_start)
          out += piece.text;
        else
          append_comment(out, piece.text, piece.column);
        line_start = false;
        break;
    }
  }
  return out;
}

}  // namespace netc::frontend
