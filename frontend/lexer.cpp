// Splits source text into tokens and comments. Relies on nothing but the text; bad bytes anywhere,
// comments included, are found in a first walk, so the rest can take UTF-8 for granted.
#include "frontend/lexer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <map>

#include "frontend/signature.h"

namespace netc::frontend {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

const std::map<std::string_view, Tok>& keywords() {
  static const std::map<std::string_view, Tok> words = {
      {"fn", Tok::KwFn},         {"layer", Tok::KwLayer},
      {"model", Tok::KwModel},   {"train", Tok::KwTrain},
      {"use", Tok::KwUse},       {"dtype", Tok::KwDType},
      {"let", Tok::KwLet},       {"grad", Tok::KwGrad},
      {"return", Tok::KwReturn}, {"true", Tok::KwTrue},
      {"false", Tok::KwFalse},   {"None", Tok::KwNone},
      {"and", Tok::KwAnd},       {"or", Tok::KwOr},
      {"not", Tok::KwNot},       {"for", Tok::Reserved},
      {"in", Tok::Reserved},     {"if", Tok::Reserved},
      {"else", Tok::Reserved},   {"while", Tok::Reserved},
      {"test", Tok::Reserved},   {"optimizer", Tok::KwOptimizer}};
  return words;
}

struct Punctuation {
  std::string_view text;
  Tok kind;
};
// Longer spellings before their prefixes.
constexpr std::array kPunctuation = {
    Punctuation{"...", Tok::Ellipsis}, Punctuation{"->", Tok::Arrow},
    Punctuation{"|>", Tok::Pipe},      Punctuation{"//", Tok::SlashSlash},
    Punctuation{"**", Tok::StarStar},  Punctuation{"<=", Tok::Le},
    Punctuation{">=", Tok::Ge},        Punctuation{"==", Tok::EqEq},
    Punctuation{"!=", Tok::NotEq},     Punctuation{"(", Tok::LParen},
    Punctuation{")", Tok::RParen},     Punctuation{"[", Tok::LBracket},
    Punctuation{"]", Tok::RBracket},   Punctuation{"{", Tok::LBrace},
    Punctuation{"}", Tok::RBrace},     Punctuation{",", Tok::Comma},
    Punctuation{";", Tok::Semicolon},  Punctuation{":", Tok::Colon},
    Punctuation{"=", Tok::Assign},     Punctuation{".", Tok::Dot},
    Punctuation{"+", Tok::Plus},       Punctuation{"-", Tok::Minus},
    Punctuation{"*", Tok::Star},       Punctuation{"/", Tok::Slash},
    Punctuation{"%", Tok::Percent},    Punctuation{"@", Tok::At},
    Punctuation{"<", Tok::Lt},         Punctuation{">", Tok::Gt}};

struct Foreign {
  std::string_view text;
  std::string_view help;
};
// What people type for things that netc spells otherwise.
constexpr std::array kForeign = {
    Foreign{"&&", "write `and`"},
    Foreign{"||", "write `or`"},
    Foreign{"&", "write `and`"},
    Foreign{"|", "write `or`; a pipe is `|>`"},
    Foreign{"^", "a power is written `**`"},
    Foreign{"!", "write `not`"},
    Foreign{"~", "write `not`"},
    Foreign{"\\",
            "a statement goes on after a binary operator, a comma or `=`, and inside brackets"},
    Foreign{"×", "write `*`"},
    Foreign{"·", "write `*`, or `@` for a matrix product"},
    Foreign{"÷", "write `/`"},
    Foreign{"−", "write `-`"},
    Foreign{"–", "write `-`"},
    Foreign{"≤", "write `<=`"},
    Foreign{"≥", "write `>=`"},
    Foreign{"≠", "write `!=`"},
    Foreign{"…", "write `...`"},
    Foreign{"“", "strings stand between `\"`"},
    Foreign{"”", "strings stand between `\"`"}};

// Length of the well-formed UTF-8 sequence at `i`, or 0.
size_t utf8_length(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) -> unsigned {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
  };
  const auto follows = [&](size_t k) { return (byte(k) & 0xC0) == 0x80; };
  const unsigned b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xC2 && b <= 0xDF) return follows(1) ? 2 : 0;
  if (b >= 0xE0 && b <= 0xEF) {
    const bool overlong = b == 0xE0 && byte(1) < 0xA0;
    const bool surrogate = b == 0xED && byte(1) > 0x9F;
    return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (b >= 0xF0 && b <= 0xF4) {
    const bool overlong = b == 0xF0 && byte(1) < 0x90;
    const bool too_large = b == 0xF4 && byte(1) > 0x8F;
    return follows(1) && follows(2) && follows(3) && !overlong && !too_large ? 4 : 0;
  }
  return 0;
}

class Lexer {
 public:
  Lexer(const SourceSet& sources, uint32_t file, uint32_t begin, Diagnostics& diagnostics)
      : sources_(sources),
        text_(sources[file].text),
        file_(file),
        pos_(begin),
        diagnostics_(diagnostics) {}

  Tokens run() {
    if (is_text()) check_encoding();
    while (skip_space(), pos_ < text_.size()) next();
    push(Tok::End, pos_, newline_);
    return std::move(out_);
  }

 private:
  static constexpr size_t kMaxReports = 200;

  void report(const char* code, size_t begin, size_t end, std::string message, std::string label,
              std::string help = {}) {
    if (++reports_ > kMaxReports) return;
    ir::Diagnostic d;
    d.code = code;
    d.message = std::move(message);
    d.place = sources_.place({file_, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
    d.label = std::move(label);
    if (!help.empty()) d.helps.push_back(std::move(help));
    diagnostics_.add(std::move(d));
  }

  // A file of another kind gets one error, not one a line.
  bool is_text() {
    const std::string_view mark = text_.substr(0, 2);
    const bool utf16 = mark == "\xFF\xFE" || mark == "\xFE\xFF";
    const size_t nul = text_.find('\0');
    if (utf16)
      report("E0104", 0, 2, "this file is UTF-16", "its byte order mark", "save it as UTF-8");
    else if (nul != std::string_view::npos)
      report("E0104", nul, nul + 1, "a NUL byte: this is no text file", "a byte of value 0",
             "a program is a text file in UTF-8");
    else
      return true;
    text_ = {};
    pos_ = 0;
    return false;
  }

  // Reports the first bad byte of each line.
  void check_encoding() {
    bool line_reported = false;
    for (size_t i = pos_; i < text_.size();) {
      if (text_[i] == '\n') line_reported = false;
      const size_t length = utf8_length(text_, i);
      if (length > 0) {
        i += length;
        continue;
      }
      if (!line_reported)
        report("E0104", i, i + 1,
               fmt::format("invalid UTF-8: byte 0x{:02X}", static_cast<unsigned char>(text_[i])),
               "not a character", "save the file as UTF-8");
      line_reported = true;
      ++i;
    }
  }

  char at(size_t i) const { return i < text_.size() ? text_[i] : '\0'; }
  std::string_view from(size_t begin) const { return text_.substr(begin, pos_ - begin); }

  void push(Tok kind, size_t begin, bool newline) {
    out_.tokens.push_back({kind, newline && kind != Tok::Pipe, static_cast<uint32_t>(begin),
                           static_cast<uint32_t>(pos_)});
    newline_ = false;
    line_is_blank_ = false;
  }

  void skip_space() {
    for (; pos_ < text_.size(); ++pos_) {
      const char c = text_[pos_];
      if (c == '\n') {
        newline_ = line_is_blank_ = true;
      } else if (c == '#') {
        comment();
        --pos_;
      } else if (c != ' ' && c != '\t' && !(c == '\r' && at(pos_ + 1) == '\n')) {
        return;
      }
    }
  }

  void comment() {
    const size_t begin = pos_;
    pos_ = std::min(text_.find('\n', pos_), text_.size());
    size_t end = pos_;
    while (end > begin &&
           (text_[end - 1] == ' ' || text_[end - 1] == '\t' || text_[end - 1] == '\r')) {
      --end;
    }
    const char second = at(begin + 1);
    const auto kind = second == '#'   ? Comment::Kind::Doc
                      : second == '@' ? Comment::Kind::Note
                                      : Comment::Kind::Plain;
    out_.comments.push_back({kind, line_is_blank_, static_cast<uint32_t>(begin),
                             static_cast<uint32_t>(end),
                             static_cast<uint32_t>(out_.tokens.size())});
  }

  void next() {
    const size_t begin = pos_;
    const char c = text_[pos_];
    if (is_name_start(c)) return name();
    if (is_digit(c) || (c == '.' && is_digit(at(pos_ + 1)))) return number();
    if (c == '"') return string('"');
    if (c == '\'') return string('\'');
    for (const Punctuation& p : kPunctuation) {
      if (text_.substr(pos_).starts_with(p.text)) {
        pos_ += p.text.size();
        return push(p.kind, begin, newline_);
      }
    }
    bad_character();
  }

  void name() {
    const size_t begin = pos_;
    while (is_name_part(at(pos_))) ++pos_;
    const auto word = keywords().find(from(begin));
    push(word == keywords().end() ? Tok::Name : word->second, begin, newline_);
  }

  void bad_character() {
    const size_t begin = pos_;
    for (const Foreign& f : kForeign) {
      if (!text_.substr(pos_).starts_with(f.text)) continue;
      pos_ += f.text.size();
      report("E0103", begin, pos_, fmt::format("unexpected `{}`", f.text), "not used in netc",
             std::string(f.help));
      return push(Tok::Error, begin, newline_);
    }
    bool already_reported = false;  // bytes that are not UTF-8
    do {
      const size_t length = utf8_length(text_, pos_);
      already_reported |= length == 0;
      pos_ += std::max<size_t>(1, length);
    } while (pos_ < text_.size() && static_cast<unsigned char>(text_[pos_]) >= 0x80);
    if (!already_reported) {
      report("E0103", begin, pos_, fmt::format("unexpected character `{}`", from(begin)),
             "not used in netc", "names consist of A-Z, a-z, 0-9 and `_`");
    }
    push(Tok::Error, begin, newline_);
  }

  void number() {
    const size_t begin = pos_;
    bool good = true;
    bool is_float = false;
    if (at(pos_) == '0' && (at(pos_ + 1) == 'x' || at(pos_ + 1) == 'X')) {
      pos_ += 2;
      good = digits(is_hex);
    } else {
      if (is_digit(at(pos_))) good = digits(is_digit);
      if (at(pos_) == '.' && at(pos_ + 1) != '.' && !is_name_start(at(pos_ + 1))) {
        is_float = true;
        ++pos_;
        if (is_digit(at(pos_))) good = digits(is_digit) && good;
      }
      if (at(pos_) == 'e' || at(pos_) == 'E') {
        is_float = true;
        ++pos_;
        if (at(pos_) == '+' || at(pos_) == '-') ++pos_;
        good = digits(is_digit) && good;
      }
    }
    while (is_name_part(at(pos_))) {
      good = false;
      ++pos_;
    }
    const std::string_view text = from(begin);
    const bool octal = !is_float && text.size() > 1 && text[0] == '0' && is_digit(text[1]) &&
                       text.find_first_not_of("0_") != std::string_view::npos;
    if (!good || octal) {
      report("E0107", begin, pos_, fmt::format("`{}` is not a number", text),
             octal ? "a number does not start with 0" : "malformed",
             "numbers look like `3`, `1_000`, `0x1F`, `0.5`, `1e-4`");
      return push(Tok::Error, begin, newline_);
    }
    if (!in_range(text, is_float)) {
      report("E0108", begin, pos_, fmt::format("the number `{}` is out of range", text),
             is_float ? "floats lie between 5e-324 and 1.797e308 in size"
                      : "integers go up to 9223372036854775807");
      return push(Tok::Error, begin, newline_);
    }
    push(Tok::Number, begin, newline_);
  }

  // Digits with single underscores between them.
  template <class Predicate>
  bool digits(Predicate is_one) {
    bool good = is_one(at(pos_));
    while (is_one(at(pos_)) || at(pos_) == '_') {
      if (at(pos_) == '_') good = good && is_one(at(pos_ - 1)) && is_one(at(pos_ + 1));
      ++pos_;
    }
    return good;
  }

  static bool in_range(std::string_view text, bool is_float) {
    const Number n = number_value(text);
    if (!is_float) return n.is_int;
    const bool has_digit = text.substr(0, text.find_first_of("eE")).find_first_of("123456789") !=
                           std::string_view::npos;
    return std::isfinite(n.real) && (n.real != 0 || !has_digit);
  }

  void string(char quote_mark) {
    const size_t begin = pos_++;
    bool good = true;
    while (pos_ < text_.size() && text_[pos_] != quote_mark && text_[pos_] != '\n') {
      if (text_[pos_] == '\\')
        good = escape() && good;
      else
        ++pos_;
    }
    if (at(pos_) != quote_mark || pos_ >= text_.size()) {
      while (pos_ > begin + 1 && (text_[pos_ - 1] == '\r' || text_[pos_ - 1] == ' ')) --pos_;
      report("E0105", begin, pos_, "this string is never closed", "starts here",
             fmt::format("add `{}` at its end, on the same line", quote_mark));
      return push(Tok::Error, begin, newline_);
    }
    ++pos_;
    if (quote_mark == '\'') {
      report("E0103", begin, pos_, "unexpected `'`", "not a string in netc",
             fmt::format("write `{}`", quote(text_.substr(begin + 1, pos_ - begin - 2))));
      good = false;
    }
    push(good ? Tok::String : Tok::Error, begin, newline_);
  }

  bool escape() {
    const size_t begin = pos_++;
    const char c = at(pos_);
    if (pos_ >= text_.size() || c == '\n') return true;  // the string is reported as never closed
    if (c == 'n' || c == 't' || c == '"' || c == '\\') {
      ++pos_;
      return true;
    }
    pos_ += std::max<size_t>(1, utf8_length(text_, pos_));
    report("E0106", begin, pos_, fmt::format("unknown escape `{}` in a string", from(begin)),
           "not an escape", "escapes are `\\n`, `\\t`, `\\\"` and `\\\\`");
    return false;
  }

  const SourceSet& sources_;
  std::string_view text_;
  uint32_t file_;
  size_t pos_;
  Diagnostics& diagnostics_;
  Tokens out_;
  bool newline_ = false;       // a line ended since the last token
  bool line_is_blank_ = true;  // no token on this line yet
  size_t reports_ = 0;
};

}  // namespace

Tokens lex(const SourceSet& sources, uint32_t file, uint32_t begin, Diagnostics& diagnostics) {
  return Lexer(sources, file, begin, diagnostics).run();
}

Number number_value(std::string_view text) {
  Number n;
  n.text = text;
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits += c;
  }
  const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
  const char* first = digits.data() + (hex ? 2 : 0);
  const char* last = digits.data() + digits.size();
  if (hex || digits.find_first_of(".eE") == std::string::npos) {
    uint64_t value = 0;
    const auto end = std::from_chars(first, last, value, hex ? 16 : 10);
    n.is_int = end.ec == std::errc() && end.ptr == last && value <= (uint64_t{1} << 63);
    n.integer = static_cast<int64_t>(value);
    n.real = static_cast<double>(value);
  } else if (std::from_chars(first, last, n.real).ec == std::errc::result_out_of_range) {
    n.real = digits.find("e-") == std::string::npos && digits.find("E-") == std::string::npos
                 ? HUGE_VAL
                 : 0;
  }
  return n;
}

std::string string_value(std::string_view text) {
  std::string value;
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    ++i;
    value += text[i] == 'n' ? '\n' : text[i] == 't' ? '\t' : text[i];
  }
  return value;
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else
      quoted += c;
  }
  return quoted + '"';
}

std::vector<std::string_view> keyword_names() {
  std::vector<std::string_view> names;
  for (const auto& [word, kind] : keywords()) names.push_back(word);
  return names;
}

bool is_dtype_name(std::string_view word) {
  return word == "f32" || word == "f64" || word == "i32" || word == "i64" || word == "u8" ||
         word == "bool" || word == "float";
}

bool is_plain_name(std::string_view word) {
  if (word.empty() || !is_name_start(word[0]) || is_dtype_name(word)) return false;
  for (const char c : word) {
    if (!is_name_part(c)) return false;
  }
  return !keywords().contains(word);
}

bool is_word(Tok kind) {
  return kind == Tok::Name || (kind >= Tok::Reserved && kind <= Tok::KwNot);
}

bool continues_line(Tok kind) {
  return kind == Tok::Comma || kind == Tok::Assign || kind == Tok::KwAnd || kind == Tok::KwOr ||
         kind == Tok::Pipe || (kind >= Tok::Plus && kind <= Tok::NotEq);
}

}  // namespace netc::frontend
