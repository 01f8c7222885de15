// Operators on two plain numbers, for all that computes at compile time.
#pragma once

#include <cmath>
#include <optional>

#include "frontend/ast.h"

namespace netc::frontend {

/// `a op b` for the comparisons; false for other operators.
template <class T>
bool ordered(BinaryOp op, const T& a, const T& b) {
  switch (op) {
    case BinaryOp::Lt:
      return a < b;
    case BinaryOp::Le:
      return a <= b;
    case BinaryOp::Gt:
      return a > b;
    case BinaryOp::Ge:
      return a >= b;
    case BinaryOp::Eq:
      return a == b;
    case BinaryOp::Ne:
      return a != b;
    case BinaryOp::Add:
    case BinaryOp::Sub:
    case BinaryOp::Mul:
    case BinaryOp::Div:
    case BinaryOp::FloorDiv:
    case BinaryOp::Mod:
    case BinaryOp::MatMul:
    case BinaryOp::Pow:
    case BinaryOp::And:
    case BinaryOp::Or:
      break;
  }
  return false;
}

/// `a op b` in f64 for the arithmetic operators; nothing for others.
inline std::optional<double> float_arithmetic(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::Add:
      return a + b;
    case BinaryOp::Sub:
      return a - b;
    case BinaryOp::Mul:
      return a * b;
    case BinaryOp::Div:
      return a / b;
    case BinaryOp::FloorDiv:
      return std::floor(a / b);
    case BinaryOp::Mod:
      return a - b * std::floor(a / b);
    case BinaryOp::Pow:
      return std::pow(a, b);
    case BinaryOp::MatMul:
    case BinaryOp::Lt:
    case BinaryOp::Le:
    case BinaryOp::Gt:
    case BinaryOp::Ge:
    case BinaryOp::Eq:
    case BinaryOp::Ne:
    case BinaryOp::And:
    case BinaryOp::Or:
      break;
  }
  return std::nullopt;
}

}  // namespace netc::frontend
