// Transposition by interleaving: log2(lanes) rounds, each of which moves one bit of the row number
// into the lane number.
#include "backend/transpose.h"

namespace netc::backend {

std::vector<llvm::Value*> transpose(Emitter& e, std::vector<llvm::Value*> rows) {
  auto lanes = static_cast<int>(rows.size());
  std::vector<int> low, high;  // first halves, second halves of two vectors, element by element
  for (int i = 0; i < lanes / 2; ++i) {
    low.insert(low.end(), {i, lanes + i});
    high.insert(high.end(), {lanes / 2 + i, lanes + lanes / 2 + i});
  }
  for (int round = 1; round < lanes; round *= 2) {
    std::vector<llvm::Value*> next;
    for (int i = 0; i < lanes / 2; ++i) {
      llvm::Value *a = rows[size_t(i)], *b = rows[size_t(i + lanes / 2)];
      next.push_back(e.b.CreateShuffleVector(a, b, low));
      next.push_back(e.b.CreateShuffleVector(a, b, high));
    }
    rows = std::move(next);
  }
  return rows;
}

}  // namespace netc::backend
