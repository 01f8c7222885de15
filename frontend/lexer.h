// Text to tokens and comments. Newlines are no tokens: a token knows whether one stands before it,
// and the parser decides whether it ends a statement.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontend/diagnostics.h"
#include "frontend/source.h"

namespace netc::frontend {

enum class Tok : uint8_t {
  End,
  Newline,
  Error,
  Name,
  Number,
  String,
  Reserved,
  KwFn,
  KwLayer,
  KwModel,
  KwOptimizer,
  KwTrain,
  KwUse,
  KwDType,
  KwLet,
  KwGrad,
  KwReturn,
  KwTrue,
  KwFalse,
  KwNone,
  KwAnd,
  KwOr,
  KwNot,
  LParen,
  RParen,
  LBracket,
  RBracket,
  LBrace,
  RBrace,
  Comma,
  Semicolon,
  Colon,
  Assign,
  Dot,
  Ellipsis,
  Arrow,
  Pipe,
  Plus,
  Minus,
  Star,
  Slash,
  SlashSlash,
  Percent,
  StarStar,
  At,
  Lt,
  Le,
  Gt,
  Ge,
  EqEq,
  NotEq
};

/// A token: bytes [begin, end) of its file. `Newline` is never lexed; the parser uses it for the
/// end of a statement. `Error` stands for text that was already reported.
struct Token {
  Tok kind = Tok::End;
  bool newline_before = false;  ///< never set on `|>`: a line that starts so goes on
  uint32_t begin = 0;
  uint32_t end = 0;
};

/// A comment: `#` Plain, `##` Doc, `#@` Note.
struct Comment {
  enum class Kind : uint8_t { Plain, Doc, Note } kind = Kind::Plain;
  bool own_line = false;    ///< nothing but space stands before it on its line
  uint32_t begin = 0;       ///< of the `#`
  uint32_t end = 0;         ///< of the text, trailing space left out
  uint32_t next_token = 0;  ///< index of the token after it
};

struct Tokens {
  std::vector<Token> tokens;  ///< ends with one End
  std::vector<Comment> comments;
};

/// Splits a file into tokens from byte `begin` on. Reports bad bytes, characters, numbers and
/// strings (E0103 to E0108).
Tokens lex(const SourceSet& sources, uint32_t file, uint32_t begin, Diagnostics& diagnostics);

/// The value of a number token that lex() accepted. Of integers, 2^63 alone wraps (to -2^63); the
/// parser permits it only behind a minus sign.
Number number_value(std::string_view text);
/// The value of a string token that lex() accepted: escapes replaced, quotes removed.
std::string string_value(std::string_view text);
/// `text` as a string literal, quotes and escapes added.
std::string quote(std::string_view text);

/// Is `word` one of f32 f64 i32 i64 u8 bool float?
bool is_dtype_name(std::string_view word);
/// May `word` be used as a name: an identifier that is no keyword, reserved word or dtype?
bool is_plain_name(std::string_view word);
/// A keyword, reserved word or name: what may follow a dot.
bool is_word(Tok kind);
/// Does a statement go on in the next line when this token ends a line?
bool continues_line(Tok kind);

}  // namespace netc::frontend
