// What a file declares and where each name is visible, from its syntax tree alone: the file at hand
// may have errors.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/ast.h"
#include "frontend/source.h"

namespace netc::tools::lsp {

enum class NameKind : uint8_t {
  Function,
  Layer,
  Model,
  Optimizer,
  Constant,  ///< let
  Setting,   ///< a compile-time argument of a layer or optimizer
  Argument,  ///< a tensor that a function or layer takes
  Input,
  Parameter,
  State,
  Output,
  Metric,
  Value,  ///< bound by a statement
  Size    ///< a name in the dims of a type
};
/// `layer`, `parameter` …
const char* word(NameKind kind);

struct Declaration {
  std::string name;
  NameKind kind = NameKind::Value;
  frontend::Span span;   ///< of the name
  frontend::Span scope;  ///< where it can be seen: an item, or the whole file
  uint32_t from = 0;     ///< byte from which it can be seen
  std::string detail;    ///< signature or type as written
  std::string doc;
  frontend::Span whole;                   ///< item or statement
  const frontend::Expr* value = nullptr;  ///< right-hand side, of a Value
};

/// Everything that `file` declares, in the order of the source. Points into `file`.
std::vector<Declaration> declarations(const frontend::File& file,
                                      const frontend::SourceSet& sources);

/// The declaration that `name` at byte `offset` means: of the body it stands in, the last before
/// it, else the file's; null when there is none.
const Declaration* find(const std::vector<Declaration>& list, const std::string& name,
                        uint32_t offset);

/// A signature's parameters: `n_in, n_out, bias: bool = true` -> three texts.
std::vector<std::string> signature_parameters(const std::string& signature);

}  // namespace netc::tools::lsp
