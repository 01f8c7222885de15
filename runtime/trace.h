// What a run did at which moment. Everything is kept in memory until the run is over, so that
// watching costs it little; once a part is full, it counts what it leaves out.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/executor.h"

namespace netc::runtime {

/// Collects the activities of the thread that trains, and the chunks that its threads run.
class Trace : public ChunkObserver {
 public:
  static constexpr size_t kMostChunks = 50'000;       ///< of each plan
  static constexpr size_t kMostActivities = 100'000;  ///< that come once a step or batch
  static constexpr size_t kMostStages = 20'000;       ///< epochs, evaluations, checkpoints …

  /// A thing the training thread was busy with; they nest. Times are steady_clock nanoseconds.
  struct Span {
    const char* name;    ///< `step`
    std::string of;      ///< `mnist.train`; may be empty
    const char* counts;  ///< what `number` counts: `rows`; null: nothing
    int64_t number, start, end;
  };
  /// One execution of a plan whose chunks are known.
  struct Run {
    const Plan* plan;
    int64_t rows;
  };
  struct Chunk {
    ChunkTiming timing;
    size_t run;  ///< in runs()
  };
  /// How often a plan was run, and how many of those runs are in runs().
  struct PlanRuns {
    const Plan* plan;
    int64_t runs = 0, kept = 0;
    size_t chunks = 0;     ///< of those kept
    int64_t left_out = 0;  ///< when the first run was left out; 0: none was
  };

  /// For a pool of at most `threads` threads. Plans that are run must outlive the trace.
  explicit Trace(int threads) : chunks_(size_t(threads)), origin_(now()) {}

  bool starts(const Plan& plan, int64_t batch) override;
  void finished(const ChunkTiming& timing) override;

  const std::vector<Span>& spans() const { return spans_; }
  const std::vector<Run>& runs() const { return runs_; }
  /// By thread, in the order in which they ended.
  const std::vector<std::vector<Chunk>>& chunks() const { return chunks_; }
  const std::vector<PlanRuns>& plans() const { return plans_; }
  int64_t spans_left_out() const { return spans_left_out_; }
  int64_t origin() const { return origin_; }  ///< when it was made

 private:
  friend class Activity;
  static constexpr size_t kLeftOut = SIZE_MAX;
  static int64_t now();
  size_t open(const char* name, const char* counts, int64_t number, std::string_view of,
              bool is_stage);

  std::vector<Span> spans_;
  std::vector<Run> runs_;
  std::vector<std::vector<Chunk>> chunks_;
  std::vector<PlanRuns> plans_;
  size_t stages_ = 0;
  int64_t spans_left_out_ = 0;
  int64_t origin_;
};

/// Records its own lifetime as a span. Without a trace it does nothing.
class Activity {
 public:
  enum class Kind : uint8_t { Stage, Detail };  ///< Detail: comes once a step or batch
  Activity(Trace* trace, Kind kind, const char* name, const char* counts = nullptr,
           int64_t number = 0, std::string_view of = {})
      : trace_(trace),
        span_(trace ? trace->open(name, counts, number, of, kind == Kind::Stage) : 0) {}
  ~Activity() {
    if (trace_ && span_ != Trace::kLeftOut) trace_->spans_[span_].end = Trace::now();
  }
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

 private:
  Trace* trace_;
  size_t span_;
};

}  // namespace netc::runtime
