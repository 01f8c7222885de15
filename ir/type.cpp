// Names and text of types.
#include "ir/type.h"

namespace netc::ir {

const char* name(DType d) {
  switch (d) {
    case DType::f32:
      return "f32";
    case DType::f64:
      return "f64";
    case DType::i32:
      return "i32";
    case DType::i64:
      return "i64";
    case DType::u8:
      return "u8";
    case DType::boolean:
      return "bool";
  }
  return "?";
}

Dim element_count(const Shape& shape) {
  Dim count = 1;
  for (const Dim& size : shape) count = count * size;
  return count;
}

std::string str(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + shape[i].str();
  return text + "]";
}

std::string str(const Type& type) {
  return type.shape.empty() ? name(type.dtype) : name(type.dtype) + str(type.shape);
}

}  // namespace netc::ir
