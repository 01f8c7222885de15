// E01: what the lexer and the parser refuse.
#include "frontend/explain.h"

namespace netc::frontend {

std::span<const CodeInfo> syntax_codes() {
  static const std::vector<CodeInfo> codes = {
      {"E0101", "a bracket is never closed",
       "A `(`, `[` or `{` has no partner. The place is the bracket; what was found instead of its "
       "partner is marked too.",
       R"(fn f(x: [n]) -> [n] {
  h = relu(square(x)
  return h
})",
       R"(fn f(x: [n]) -> [n] {
  h = relu(square(x))
  return h
})"},
      {"E0102", "something else is expected here",
       "The grammar wants one thing and the text has another. A new line ends a statement, except "
       "inside `( )` and `[ ]`, after a binary operator, a comma or `=`, and before a line that "
       "starts with `|>`.",
       R"(fn f(x: [n]) -> [n] {
  y = x *
  return y
})",
       R"(fn f(x: [n]) -> [n] {
  y = x *
    2
  return y
})"},
      {"E0103", "a character that the language does not use",
       "Names consist of A-Z, a-z, 0-9 and `_`; operators are `+ - * / // % ** @ < <= > >= == != "
       "|>` and the words `and or not`. Strings stand between double quotes.",
       "fn both(a: bool[n], b: bool[n]) -> bool[n] = a && b",
       "fn both(a: bool[n], b: bool[n]) -> bool[n] = a and b"},
      {"E0104", "the file is not UTF-8, or holds a NUL byte",
       "Source text is UTF-8, in comments too. Save the file in that encoding.",
       R"($ printf '# caf\351\n' >m.net      # Latin-1
$ netc check m.net)",
       R"($ printf '# caf\303\251\n' >m.net
$ netc check m.net)"},
      {"E0105", "a string is never closed", "A string starts and ends on one line.",
       "data mnist(\"data/mnist)", "data mnist(\"data/mnist\")"},
      {"E0106", "an unknown escape in a string", "Escapes are `\\n`, `\\t`, `\\\"` and `\\\\`.",
       "data mnist(\"C:\\data\")", "data mnist(\"C:\\\\data\")"},
      {"E0107", "a malformed number",
       "Numbers look like `3`, `1_000`, `0x1F`, `0.5`, `1e-4`; an underscore stands between two "
       "digits, and a number does not start with a 0 that means nothing.",
       "let n = 1__000", "let n = 1_000"},
      {"E0108", "a number is out of range",
       "Integers have 64 bits, floats are doubles. A float so small that it would become 0 is an "
       "error too.",
       "let big = 1e999", "let big = inf"},
      {"E0109", "a word that cannot be a name",
       "`for in if else while test` are reserved for later; `f32 f64 i32 i64 u8 bool float` are "
       "types.",
       "let test = 10", "let test_size = 10"},
      {"E0110", "comparisons do not chain",
       "`a < b < c` would compare a truth value with c. Write both comparisons out.",
       "fn inside(x: [n]) -> bool[n] = 0 < x < 1",
       "fn inside(x: [n]) -> bool[n] = 0 < x and x < 1"},
      {"E0111", "nested too deeply",
       "Brackets nest at most 256 deep, and an expression has at most 1024 steps in a row "
       "(`--max-nesting` changes both). Name inner parts with statements of their own.",
       R"(fn f(x: [n]) -> [n] = ((((x + 1) * 2) + 3) * 4)
$ netc check m.net --max-nesting 3)",
       R"(fn f(x: [n]) -> [n] {
  y = (x + 1) * 2
  return (y + 3) * 4
}
$ netc check m.net --max-nesting 3)"},
      {"E0112", "the source is too long",
       "A source file has at most 16 MiB; `--max-source` changes the limit.",
       R"(fn f(x: [n]) -> [n] = x + 1
$ netc check m.net --max-source 20)",
       R"(fn f(x: [n]) -> [n] = x + 1
$ netc check m.net --max-source 2000)"},
      {"E0113", "not a statement here",
       "A statement binds a name, returns, or starts with a word such as `param`. A value that "
       "nobody uses is a mistake. `input output loss metric` belong in a model.",
       R"(fn f(x: [n]) -> [n] {
  relu(x)
  return x
})",
       R"(fn f(x: [n]) -> [n] {
  y = relu(x)
  return y
})"},
      {"E0114", "only a name can be assigned",
       "Values never change. Elements cannot be assigned; a new value is built instead.",
       R"(fn f(x: [n]) -> [n] {
  x[0] = 1.0
  return x
})",
       R"(fn f(x: [n]) -> [n] {
  y = where(iota(n) == 0, 1.0, x)
  return y
})"},
      {"E0115", "a `}` too many", "No block is open where it stands.",
       "fn f(x: [n]) -> [n] = x + 1\n}", "fn f(x: [n]) -> [n] = x + 1"},
      {"E0117", "`...` stands twice in a type",
       "`...` is any run of dims; with two of them the sizes could not be told apart.",
       "fn f(x: [...a, n, ...b]) = x", "fn f(x: [...a, n, m]) = x"},
      {"E0118", "an unknown stage",
       "The first line of a dump says how far it has come: forward, backward, optimised, fused or "
       "plan.",
       R"(#@ stage fussed
fn m.predict(input x: f32[3]) -> (y: f32[3]) {
  y: f32[3] = relu(x)
  return y
})",
       R"(#@ stage forward
fn m.predict(input x: f32[3]) -> (y: f32[3]) {
  y: f32[3] = relu(x)
  return y
})"},
      {"E0119", "an optimizer takes four names",
       "After its settings an optimizer names one parameter, its gradient, the learning rate and "
       "the number of the step.",
       R"(optimizer plain()(p, g) {
  return p - 0.1 * g
})",
       R"(optimizer plain()(p, g, lr, step) {
  return p - lr * g
})"},
  };
  return codes;
}

}  // namespace netc::frontend
