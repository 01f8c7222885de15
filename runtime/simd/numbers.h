// Whole-tensor questions about floating-point values.
#pragma once

#include <cstdint>
#include <span>

namespace netc::runtime {

/// How many of the values are infinite or NaN.
int64_t count_nonfinite(std::span<const float> values);
int64_t count_nonfinite(std::span<const double> values);

/// Sum of a[i] * b[i]: 8 interleaved partial sums, added as ((0+4)+(2+6))+((1+5)+(3+7)), so that
/// the bits are the same on every CPU. Arrays of equal size.
double dot_product(std::span<const double> a, std::span<const double> b);

/// target[i] -= factor * source[i], rounded twice. Arrays of equal size that do not overlap.
void subtract_multiple(std::span<double> target, double factor, std::span<const double> source);

}  // namespace netc::runtime
