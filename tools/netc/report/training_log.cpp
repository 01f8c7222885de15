#include "tools/netc/report/training_log.h"

namespace netc::tools {

namespace {
void join(StepCurve::Point& a, const StepCurve::Point& b) {
  a.step += b.step, a.loss += b.loss, a.lr += b.lr, a.grad_norm += b.grad_norm;
  a.count += b.count;
}
}  // namespace

void StepCurve::add(const runtime::StepEvent& event) {
  const Point point{double(event.step), event.loss, event.lr, event.grad_norm.value_or(0), 1};
  if (!sums_.empty() && sums_.back().count < span_) {
    join(sums_.back(), point);
    return;
  }
  if (sums_.size() == kMostPoints) {
    for (size_t i = 0; i < kMostPoints / 2; ++i) {
      sums_[i] = sums_[2 * i];
      join(sums_[i], sums_[2 * i + 1]);
    }
    sums_.resize(kMostPoints / 2);
    span_ *= 2;
  }
  sums_.push_back(point);
}

std::vector<StepCurve::Point> StepCurve::points() const {
  std::vector<Point> means = sums_;
  for (Point& p : means) {
    const auto n = double(p.count);
    p.step /= n, p.loss /= n, p.lr /= n, p.grad_norm /= n;
  }
  return means;
}

}  // namespace netc::tools
