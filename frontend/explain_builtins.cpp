// What the functions that the compiler carries do, with their gradient and an example each. The
// elementwise ones take both texts from the table of scalar primitives.
#include <fmt/format.h>

#include "frontend/elaborate_state.h"
#include "frontend/explain.h"
#include "ir/op.h"

namespace netc::frontend {

namespace {

const std::vector<BuiltinInfo>& infos() {
  static const std::vector<BuiltinInfo> list = {
      {"where",
       "a where c holds, b elsewhere, elementwise. A condition known at compile time leaves one "
       "branch, which alone is elaborated.",
       "dy to the branch that was taken, 0 to the other, even where its own derivative is not "
       "finite",
       "where(iota(3) > 1, 10, iota(3))"},
      {"sum",
       "The sum over `dim` (an int or a list, negative from the end; all by default), which "
       "`keepdim` leaves as 1. bool is counted as i64; of nothing it is 0.",
       "dy, repeated", "sum(iota(6).reshape(2, 3), 1)"},
      {"prod", "The product over `dim`; of nothing it is 1.", "dy times the product of the others",
       "prod(iota(6).reshape(2, 3) + 1, dim = 0)"},
      {"max", "The largest over `dim`; NaN where there is one. (The elementwise one is `maximum`.)",
       "dy, split equally among the largest", "max(iota(6).reshape(2, 3), dim = [0, 1])"},
      {"min", "The smallest over `dim`; NaN where there is one.",
       "dy, split equally among the smallest", "min(iota(6).reshape(2, 3), -1, keepdim = true)"},
      {"any", "Whether some element over `dim` is true (not 0); of nothing it is false.", "none",
       "any(iota(4) == 2)"},
      {"all", "Whether all elements over `dim` are true (not 0); of nothing it is true.", "none",
       "all(iota(4).reshape(2, 2) > 0, 1)"},
      {"argmax",
       "The place of the largest over one `dim`, or in row-major order over all; the first "
       "of several. i64.",
       "none", "argmax(iota(6).reshape(2, 3) % 5, 1)"},
      {"argmin", "The place of the smallest, as `argmax`.", "none", "argmin(2 - iota(3))"},
      {"spread",
       "What a reduction of x over `dim` gave, repeated to the shape of x: how the gradient "
       "of a reduction is written.",
       "the sum over the dims", "spread(iota(2), iota(6).reshape(2, 3), 1)"},
      {"size",
       "The number of elements of x along `dim` (all dims by default): a compile-time size.",
       "none", "size(iota(6).reshape(2, 3), 1)"},
      {"rank", "The number of dims of x, at compile time.", "none", "rank(iota(6).reshape(2, 3))"},
      {"is_float", "Whether x is floating point, at compile time.", "none",
       "where(is_float(iota(2)), 1, 0)"},
      {"require", "`value`; an error with this message where the compile-time condition is false.",
       "none of its own", "require(true, \"never said\", 3)"},
      {"random_like",
       "Uniform integers in [0, 2^32) as i64, one for each element of x, drawn anew each "
       "step from (seed, place in the model, step, index).",
       "none", "random_like(float(iota(2))).shape[0]"},
      {"einsum",
       "Sums of products by labels, as in NumPy: any number of operands, `...`, repeated "
       "labels, implicit results. The order of many operands is chosen by the work.",
       "einsums with the labels of the result and of one operand exchanged",
       "einsum(\"ij,jk->ik\", iota(4).reshape(2, 2), iota(2).reshape(2, 1))"},
      {"reshape", "The elements in row-major order under another shape; one size may be -1.",
       "dy in the shape of x", "reshape(iota(6), 2, -1)"},
      {"flatten", "All dims from `start` on as one.", "dy in the shape of x",
       "flatten(iota(8).reshape(2, 2, 2), 1)"},
      {"transpose", "Two dims exchanged.", "dy with them exchanged back",
       "transpose(iota(6).reshape(2, 3), 0, 1)"},
      {"permute", "The dims in another order.", "dy in the former order",
       "permute(iota(6).reshape(1, 2, 3), 2, 0, 1)"},
      {"unsqueeze", "A dim of size 1 before dim `i`.", "dy without it", "unsqueeze(iota(3), 0)"},
      {"squeeze", "Without dim `i` of size 1 (an int or a list); without all such dims by default.",
       "dy with the dims", "squeeze(iota(3).reshape(1, 3, 1))"},
      {"expand", "x repeated to a shape, as in broadcasting; -1 leaves a size.",
       "the sum over what was repeated", "expand(iota(2), 3, 2)"},
      {"broadcast", "x repeated to a shape given as a list: the explicit form in dumps.",
       "the sum over what was repeated", "broadcast(iota(2), [2, 2])"},
      {"concat", "Tensors one after another along `dim`.", "each gets its part",
       "concat([iota(2), iota(3)], dim = 0)"},
      {"stack", "Tensors of one shape side by side along a new `dim`.", "each gets its part",
       "stack([iota(2), iota(2) + 5], dim = 1)"},
      {"pad", "`value` around x: a pair [before, after] for each dim.", "the inner part of dy",
       "pad(iota(2), [[1, 2]], value = 9)"},
      {"slice", "Elements start, start + step, … before stop of one dim: `x[start:stop:step]`.",
       "dy among zeros", "slice(iota(6), 0, 1, 6, 2)"},
      {"diagonal", "The elements whose indices in dims i and j are equal.",
       "dy on the diagonal of zeros", "diagonal(iota(9).reshape(3, 3))"},
      {"pair", "v as [v, v]; a list of two as it is: how sizes of windows are given.", "none",
       "reshape(iota(4), pair(2))"},
      {"windows",
       "What windows of k elements see at each of their places along the last dims: "
       "[…, places, …, k, …].",
       "fold_windows", "windows(iota(4), [2], [1], [1])"},
      {"fold_windows", "Windows added where they were read from: the transpose of `windows`.",
       "windows", "fold_windows(windows(iota(4), [2], [1], [1]), [4], [1], [1])"},
      {"gather", "Along `dim` the elements that the integers i name; i has the rank of x.",
       "dy added at those places", "gather(iota(6).reshape(2, 3), iota(2).reshape(2, 1) + 1, 1)"},
      {"scatter_add", "Zeros of `size` along `dim`, to which `source` is added at the places i.",
       "dy picked at those places", "scatter_add(iota(3) % 2, float(iota(3)) + 1, 0, 2)"},
      {"index",
       "i, promised to lie in 0..n-1 (with `wrap`: -n..n-1, made positive). Inputs are checked "
       "when data is loaded, computed values as the step runs.",
       "none", "index(iota(3), 3)"},
      {"iota", "The integers 0, 1, … n - 1 as i64.", "none", "iota(4)"},
      {"random",
       "Uniform integers in [0, 2^32) by Philox4x32-10 from (seed, site) and (step, index): "
       "what `random_like` becomes.",
       "none", "random(1, 2, shape = [3], site = \"a\").shape[0]"},
  };
  return list;
}

/// `(g * y, none)` of the table, with g for dy.
std::string gradient_text(const ir::ScalarInfo& row) {
  std::string text = row.partials_text;
  return text.substr(1, text.size() - 2) + "   (g: the gradient of the result y)";
}

}  // namespace

std::optional<BuiltinInfo> builtin_info(std::string_view name) {
  for (const BuiltinInfo& info : infos())
    if (info.name == name) return info;
  const auto op = ir::find_op(name);
  if (!op || !ir::def(*op).scalar) return {};
  const ir::OpDef& d = ir::def(*op);
  const char* arguments = d.scalar->arity == 1 ? "float(iota(3)) + 1" : "float(iota(3)) + 1, 2.0";
  return BuiltinInfo{std::string(name), fmt::format("{}, elementwise.", d.doc),
                     gradient_text(*d.scalar), fmt::format("{}({})", name, arguments)};
}

}  // namespace netc::frontend
