// Writes random well-typed programs as source text. What there is to write is asked of the tables:
// scalar primitives of scalar.def, reductions of ReduceKind, functions, layers and optimizers of
// the standard library; views and indexing follow the rules of the language page.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "tests/fuzz/choices.h"
#include "tests/fuzz/library.h"

namespace netc::fuzz {

/// An expression with its type. `lo` and `hi` estimate the range of a float's elements.
struct Term {
  std::string text;  ///< binds as tightly as a name
  ir::Type type;
  double lo = -4, hi = 4;
};

/// A whole program: functions and layers, one model `m`, often a `train` block.
std::string generate(const Bytes& bytes);

class Generator {
 public:
  explicit Generator(Choices& choices) : c_(choices) {}
  std::string program();

 private:
  using Result = std::optional<Term>;
  struct Production {
    int weight;
    Result (Generator::*make)();
  };

  Choices& c_;
  ir::DType float_ = ir::DType::f32;  ///< the program's default
  bool trains_ = false;               ///< inputs have the batch in front and nowhere else
  bool may_declare_ = true;           ///< in the model: new inputs and parameters
  std::string items_, declarations_, body_;
  std::vector<Term> values_;
  int numbers_ = 0;  ///< of names given so far
  bool has_parameter_ = false;

  // The program (generator.cpp).
  std::string fresh(const char* prefix) { return prefix + std::to_string(numbers_++); }
  void statement();
  void bind(const Term& value);
  void outputs();
  void loss();
  std::string train_block();

  // Leaves and operands (operands.cpp).
  ir::Dim size();
  ir::Shape shape(int most_dims = 5);
  std::string type_text(const ir::Type& type);
  Result leaf(ir::DType dtype, const ir::Shape& shape);
  /// A value that `fits`, the latest first; absent: there is none.
  Result pick(const std::function<bool(const ir::Type&)>& fits);
  /// A value of one of the dtypes, made when there is none.
  Result operand(const std::vector<ir::DType>& dtypes);
  Result floats();
  /// A value of exactly this type.
  Result exactly(const ir::Type& type);
  /// An operand that broadcasts with `a`, of its dtype.
  Result partner(const Term& a);
  /// Integers in 0 … n - 1.
  Result index_into(const ir::Dim& n, const ir::Shape& shape);
  std::string literal(ir::DType dtype);
  /// Something of `t` that stays within lo … hi.
  Term squash(const Term& t, double lo, double hi);
  bool fits_domain(const Term& t, const ir::ScalarInfo& row) const;

  // Elementwise (scalars.cpp).
  Result scalar();
  Result chain();
  Term apply(ir::Op op, std::vector<Term> args, ir::DType dtype, ir::Shape shape);
  std::string spelled(ir::Op op, const std::vector<Term>& args);
  Result choose();
  Result cast();

  // Reductions and contractions (contractions.cpp).
  Result reduction();
  Result product();
  Result einsum();

  // Views and indexing (views.cpp).
  Result reshape();
  Result flatten();
  Result transpose();
  Result unsqueeze();
  Result squeeze();
  Result expand();
  Result join();
  Result pad();
  Result slice();
  Result subscript();
  Result diagonal();
  Result gather();
  Result scatter();
  Result counter();
  std::string bound(int64_t size);
  int64_t dim_of(const Term& t, std::string* text);

  // The standard library and the user's functions (calls.cpp).
  Result library_function();
  Result library_layer();
  Result own_function();
  Result own_gradient();
  Result own_layer();
  /// Arguments of a call, as they stand in it and with the tensors called a0, a1, ….
  struct Arguments {
    std::vector<std::string> texts, probe;
    std::vector<Term> tensors;
    void add(const std::string& prefix, const Term& tensor);
    void add(const std::string& text);
  };
  std::optional<Arguments> arguments(const std::vector<Parameter>& parameters,
                                     std::map<std::string, ir::Dim>& sizes,
                                     std::map<std::string, ir::Shape>& runs);
  void setting(const Parameter& p, Arguments& a);
  Result tensor_for(const Parameter& p, std::map<std::string, ir::Dim>& sizes,
                    std::map<std::string, ir::Shape>& runs, const Arguments& so_far);
  /// The call `before(arguments)`, when the compiler finds it well-typed: functions without types
  /// do not say beforehand what they take.
  Result probed(const std::string& before, const Arguments& a);
  std::string settings_text(const LibraryItem& item, Arguments& a,
                            const std::map<std::string, ir::Dim>& sizes);

  static const std::vector<Production>& productions();
};

}  // namespace netc::fuzz
