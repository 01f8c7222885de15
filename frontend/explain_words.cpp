// The words that programs are made of, for `netc explain`.
#include <span>

#include "frontend/explain.h"

namespace netc::frontend {

std::span<const WordInfo> language_words() {
  static constexpr WordInfo kWords[] = {
      {"model", "A network: inputs, parameters, layers, outputs and a loss.",
       "model line {\n  input x: [batch, 1]\n  input y: [batch, 1]\n"
       "  output p = Linear(1, 1)(x)\n  loss mse(p, y)\n}"},
      {"input", "What a model reads: a field of the data of the same name, a batch of records.",
       "input image: u8[batch, 28, 28]"},
      {"param", "What training changes, with its type and the initialiser that it starts from.",
       "param w: [784, 10] = kaiming_normal()"},
      {"state", "What a layer or an optimizer keeps from step to step, with its start value.",
       "state v = 0.0"},
      {"output", "A result of a model: what `netc predict` prints.",
       "output logits = x |> Linear(784, 10)"},
      {"loss", "The one number that training makes smaller.", "loss cross_entropy(logits, label)"},
      {"metric", "A number that is shown beside the loss, and not trained for.",
       "metric accuracy(logits, label)"},
      {"fn", "A function of tensors; its gradient is derived, or stands in a `grad` block.",
       "fn double(x: [...s]) -> [...s] = 2 * x"},
      {"grad", "The gradient of a function, written by hand: of the results' cotangents.",
       "fn square2(x: [...s]) -> [...s] {\n  y = x * x\n  return y\n} grad (dy) {\n"
       "  return 2 * x * dy\n}"},
      {"layer", "A function that owns parameters: first its settings, then its tensors.",
       "layer Scale(n)(x: [..., n]) -> [..., n] {\n  param k: [n] = ones()\n  return k * x\n}"},
      {"optimizer", "How a parameter follows its gradient.",
       "optimizer plain()(p, g, lr, step) { return p - lr * g }"},
      {"let", "A constant of the file; `--set NAME=…` changes it.", "let hidden = 128"},
      {"use", "Brings in the functions, layers, optimizers and constants of another file.",
       "use \"attention.net\" as a"},
      {"dtype", "What `float` means in this file: `f32`, unless `dtype f64` stands at its top.",
       "dtype f64"},
      {"batch", "By custom the name of the first size of every input: any number of records.",
       "input x: [batch, 784]"},
  };
  return kWords;
}

}  // namespace netc::frontend
