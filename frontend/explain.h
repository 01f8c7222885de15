// `netc explain`: what an error code, a function, a layer, an optimizer or a setting means.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "frontend/ast.h"
#include "frontend/source.h"

namespace netc::frontend {

/// An error code: what it stands for, why it is an error, a program that has it and one that
/// does not.
struct CodeInfo {
  std::string code;
  std::string title;
  std::string cause;
  std::string wrong;
  std::string right;
};
std::span<const CodeInfo> syntax_codes();    ///< E01
std::span<const CodeInfo> name_codes();      ///< E02
std::span<const CodeInfo> type_codes();      ///< E03
std::span<const CodeInfo> gradient_codes();  ///< E04
std::span<const CodeInfo> setting_codes();   ///< E05
std::span<const CodeInfo> run_codes();       ///< R06, I99
std::vector<const CodeInfo*> all_codes();

/// A word of the language: what it stands for, and an example.
struct WordInfo {
  std::string_view word, about, example;
};
std::span<const WordInfo> language_words();

/// A function that the compiler carries.
struct BuiltinInfo {
  std::string name;
  std::string about;     ///< what it gives, shapes included
  std::string gradient;  ///< what its operands receive for dy; `none`
  std::string example;   ///< an expression that needs no inputs
};
std::optional<BuiltinInfo> builtin_info(std::string_view name);

/// An example of an item or a function.
struct ReferenceExample {
  std::string name, expression;
  std::string result;  ///< value or type; empty when the expression is wrong
};
/// The examples of all items and functions, of which a test runs each.
std::vector<ReferenceExample> reference_examples();
/// docs/reference.md: every function, layer, loss, optimizer, setting, schedule and loader.
std::string reference_page();

/// The optimizers of the standard library.
std::vector<std::string> std_optimizers();

/// Text about a code (`E0301`), an item of the standard library (with its source), a function the
/// compiler carries, `train`, `data`, a setting (`lr`, `train.lr`), a schedule or a loader. Empty
/// when nothing is known.
std::string explain(std::string_view name);
/// The same about an item of a file: its docstring and its source. Empty when there is no such one.
std::string explain_item(std::string_view name, const File& file, const SourceSet& sources);
/// All that explain() knows, for suggestions and completion.
std::vector<std::string> explainable_names();

}  // namespace netc::frontend
