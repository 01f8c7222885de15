// The loop. A step allocates nothing; everything that a run needs to go on is in state_ and the
// persistent slots.
#include "runtime/trainer.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <stdexcept>

#include "runtime/checksum.h"
#include "runtime/durable_file.h"
#include "runtime/error.h"
#include "runtime/interrupt.h"
#include "runtime/shuffle.h"
#include "runtime/simd/numbers.h"
#include "runtime/slots.h"
#include "runtime/stopwatch.h"

namespace netc::runtime {
namespace {

void check_same_slots(const Plan& train, const Plan& eval) {
  for (const Slot* slot : persistent_slots(eval)) {
    const Slot* other = find_slot(train, slot->role, slot->name);
    if (other && other->offset == slot->offset && other->leading_stride == slot->leading_stride &&
        other->panel == slot->panel) {
      continue;
    }
    throw std::logic_error("plans " + train.name + " and " + eval.name + " keep " + slot->name +
                           " in different places");
  }
}

std::string program_hash(const std::string& text) {
  Checksum checksum;
  checksum.update(std::as_bytes(std::span(text)));
  return checksum.digest();
}

}  // namespace

TrainingSplits training_splits(const Dataset& data, double valid_fraction,
                               const std::string& valid_split) {
  const auto of_data = [](std::string message) {
    Error error(Fault::Split, std::move(message));
    error.data_label = "read by this loader";
    return error;
  };
  const Split* train = data.find("train");
  if (!train) throw of_data("the dataset has no `train` split");
  TrainingSplits splits{*train, std::nullopt, data.find("test")};
  if (!valid_split.empty()) {
    const Split* valid = data.find(valid_split);
    if (!valid) {
      Error error(Fault::Split, fmt::format("`train.valid`: the dataset has no split `{}`",
                                            printable(valid_split)));
      std::string names;
      for (const Split& split : data.splits) names += (names.empty() ? "" : ", ") + split.name;
      throw Error(error.note("splits: " + names));
    }
    splits.valid = *valid;
  } else if (valid_fraction > 0) {
    const auto count =
        static_cast<int64_t>(std::floor(static_cast<double>(train->records) * valid_fraction));
    splits.train = slice(*train, "train", 0, train->records - count);
    splits.valid = slice(*train, "valid", train->records - count, count);
  } else if (const Split* valid = data.find("valid")) {
    splits.valid = *valid;
  }
  if (splits.train.records == 0) throw of_data("there are no records to train on");
  if (splits.valid && splits.valid->records == 0) {
    throw of_data(
        fmt::format("`train.valid`: no records are left for validation ({} in the train split)",
                    train->records));
  }
  return splits;
}

Trainer::Trainer(const TrainerParts& parts, TrainerSettings settings, TrainingListener& listener)
    : parts_(parts),
      settings_(std::move(settings)),
      listener_(listener),
      splits_(training_splits(parts.data, settings_.valid_fraction, settings_.valid_split)),
      training_step_(parts.train, parts.accumulate, splits_.train, settings_.metrics,
                     settings_.batch, parts.trace),
      averages_(parts.train),
      gradient_stats_(parts.train),
      saver_(settings_.directory, settings_.save, parts.train, parts.arena,
             class_metadata(splits_.train)),
      schedule_(settings_.lr, settings_.epochs * steps_per_epoch()) {
  check_same_slots(parts.train, parts.eval);
  if (parts.accumulate) check_same_slots(parts.train, *parts.accumulate);
  if ((settings_.accumulate > 1) != (parts.accumulate != nullptr)) {
    throw std::logic_error("micro-batches without a plan for them, or the other way round");
  }
  if (settings_.batch > parts.train.batch_capacity) throw std::logic_error("batch over capacity");
  if (steps_per_epoch() == 0) {
    throw Error(Fault::Split, fmt::format("`drop_last` leaves no step: {} records, {} a step",
                                          splits_.train.records, step_records()));
  }
  if (splits_.train.records > UINT32_MAX) {
    throw Error(Fault::Split, "more than 2^32 records to train on");
  }
  if (!splits_.valid && (settings_.patience > 0 || schedule_.needs_validation())) {
    throw Error(Fault::Split, fmt::format("`{}` needs validation data",
                                          settings_.patience > 0 ? "patience" : "plateau"))
        .help("set `train.valid`, for example `valid = 0.1`");
  }
  state_.model = settings_.model;
  state_.program_hash = program_hash(settings_.config_text);
  state_.seed = settings_.seed;
  state_.batch = settings_.batch;
  state_.records = splits_.train.records;
  state_.running.reset(running_sums());
  order_.resize(static_cast<size_t>(splits_.train.records));
}

int64_t Trainer::steps_per_epoch() const {
  const int64_t records = splits_.train.records, size = step_records();
  return settings_.drop_last ? records / size : (records + size - 1) / size;
}

int64_t Trainer::epoch_records() const {
  return std::min(splits_.train.records, steps_per_epoch() * step_records());
}

size_t Trainer::running_sums() const {
  return 1 + settings_.metrics.size() + (training_step_.has_norm() ? 1 : 0);
}

void Trainer::resume(const Checkpoint& checkpoint) {
  const TrainingState& state = checkpoint.state;
  auto refuse = [&](const std::string& message) {
    return Error(Fault::Checkpoint, fmt::format("{}: {}", file_name(checkpoint.file.path), message))
        .in_file(checkpoint.file.path);
  };
  if (state.model != settings_.model) {
    throw refuse(fmt::format("the checkpoint is of model `{}`, this is `{}`",
                             printable(state.model), settings_.model));
  }
  if (state.sample > 0 && state.records != state_.records) {
    throw refuse(fmt::format("it stopped within an epoch of {} records, now there are {}",
                             state.records, state_.records));
  }
  if (state.sample > 0 && state.running.sums.size() != running_sums()) {
    throw refuse("it stopped within an epoch with other metrics");
  }
  const std::vector<const Slot*> slots = persistent_slots(parts_.train);
  for (const std::string& warning :
       load_tensors(checkpoint.file, WeightLayout::InOut, slots, parts_.arena, Fault::Checkpoint)) {
    listener_.notice(warning);
  }
  if (!checkpoint.note.empty()) saver_.newest_is_damaged();
  auto changed = [&](const char* what, auto before, auto after) {
    if (before == after) return;
    listener_.notice(
        fmt::format("{} was {} when the run began, now it is {}", what, before, after));
  };
  changed("seed", state.seed, state_.seed);
  changed("batch", state.batch, state_.batch);
  changed("number of train records", state.records, state_.records);
  const TrainingState now = std::exchange(state_, state);
  state_.program_hash = now.program_hash;
  state_.seed = now.seed;
  state_.batch = now.batch;
  state_.records = now.records;
  if (state_.sample == 0) state_.running.reset(running_sums());
  schedule_.plateau = state_.plateau;
  resumed_ = true;
}

EndEvent Trainer::run() {
  const Stopwatch watch;
  const InterruptScope interrupts;
  MetricsLog log(settings_.directory, resumed_, state_.epoch, state_.step);
  end_.resumed_at_end = resumed_at_end();
  begin(log);
  try {
    train(log);
    describe_end(watch.seconds());
    if (!end_.resumed_at_end) log.write(end_);
  } catch (const std::exception& failure) {
    describe_failure(failure, watch.seconds());
    listener_.end(end_);
    if (end_.reason == StopReason::NonFinite) log.write(end_);
    throw;
  }
  listener_.end(end_);
  return end_;
}

void Trainer::train(MetricsLog& log) {
  try {
    while (state_.epoch < settings_.epochs && !must_stop()) {
      const Activity epoch = stage("epoch", "epoch", state_.epoch + 1);
      if (train_epoch(log) == EpochOutcome::Stopped || !end_epoch(log)) {
        const Activity saving = stage("checkpoint");
        saver_.save_now(state_);
        break;
      }
    }
  } catch (const Error& error) {
    // A failed write must not be tried again here: it would hide the first message.
    if (error.fault != Fault::Output) saver_.flush();
    throw;
  }
  const Activity saving = stage("checkpoint");
  saver_.finish(state_);
}

void Trainer::describe_end(double seconds) {
  end_.reason = requested_signal() != 0           ? StopReason::Signal
                : stop_for_patience_              ? StopReason::Patience
                : state_.epoch < settings_.epochs ? StopReason::StepLimit
                                                  : StopReason::Finished;
  end_.signal = requested_signal();
  end_.epochs = state_.epoch;
  end_.steps = state_.step;
  end_.seconds = seconds;
  if (state_.sample > 0) end_.so_far = scores(state_.running, settings_.metrics);
  end_.directory = settings_.directory;
  end_.weights = saver_.weights_path();
  end_.best_epoch = state_.best_epoch;
}

void Trainer::describe_failure(const std::exception& failure, double seconds) {
  describe_end(seconds);
  const auto* error = dynamic_cast<const Error*>(&failure);
  const bool nonfinite = error != nullptr && error->fault == Fault::NonFinite;
  end_.reason = nonfinite ? StopReason::NonFinite : StopReason::Failed;
  end_.error = failure.what();
  end_.so_far.reset();
}

void Trainer::begin(MetricsLog& log) {
  if (!resumed_at_end()) write_config();
  if (resumed_) saver_.export_loaded(state_);
  start_nonfinite_ = nonfinite_weights();
  StartEvent event;
  event.model = settings_.model;
  for (const Slot& slot : parts_.train.slots) {
    if (slot.role != SlotRole::Param) continue;
    event.parameters += dense_bytes(slot, 0) / byte_size(slot.type);
    event.parameter_bytes += dense_bytes(slot, 0);
  }
  event.loader = parts_.data.loader;
  event.splits.emplace_back("train", splits_.train.records);
  if (splits_.valid) event.splits.emplace_back("valid", splits_.valid->records);
  if (splits_.test) event.splits.emplace_back("test", splits_.test->records);
  for (const Field& field : splits_.train.fields) {
    if (!field.classes.empty()) event.classes.emplace_back(field.name, field.classes);
  }
  event.settings = settings_.shown;
  event.directory = settings_.directory;
  event.epochs = settings_.epochs;
  event.batch = settings_.batch;
  event.steps_per_epoch = steps_per_epoch();
  event.seed = settings_.seed;
  event.lr = schedule_.base();
  event.schedule = settings_.lr.name;
  event.threads = parts_.executor.pool().threads();
  event.resumed_epoch = resumed_ ? state_.epoch : 0;
  event.resumed_step = resumed_ ? state_.step : 0;
  if (!resumed_at_end()) log.write(event);
  listener_.start(event);
  if (settings_.batch > splits_.train.records && !resumed_at_end())
    listener_.notice(
        fmt::format("a batch of {} is more than the {} records of the train split: "
                    "every step takes all of them",
                    settings_.batch, splits_.train.records));
}

void Trainer::write_config() const {
  if (settings_.directory.empty() || settings_.config_text.empty()) return;
  const std::string path = settings_.directory + "/config.net";
  // A resumed run needs the program that is there: a failure must not take it away.
  if (resumed_) {
    replace_file(path, {std::as_bytes(std::span(settings_.config_text))});
  } else {
    write_file(path, settings_.config_text);
  }
}

bool Trainer::must_stop() const {
  return requested_signal() != 0 || stop_for_patience_ ||
         (settings_.step_limit >= 0 && steps_here_ >= settings_.step_limit);
}

void Trainer::order_epoch() {
  if (settings_.shuffle) {
    epoch_order(settings_.seed, state_.epoch, order_);
  } else {
    std::iota(order_.begin(), order_.end(), 0u);
  }
}

int64_t Trainer::next_rows() const {
  return std::min(step_records(), splits_.train.records - state_.sample);
}

Trainer::EpochOutcome Trainer::train_epoch(MetricsLog& log) {
  order_epoch();
  if (state_.sample == 0) state_.running.reset(running_sums());
  // Resumed after the last step of an epoch, there is none left to set it.
  if (state_.sample > 0) last_rate_ = schedule_.rate(state_.step - 1, state_.epoch);
  const Stopwatch watch;
  const StepSeconds before = training_step_.seconds();
  clock_ = {state_.running.rows, 0, {}};
  StepEvent event;
  event.earlier_rows = clock_.earlier_rows;
  event.epoch = state_.epoch + 1;
  event.epochs = settings_.epochs;
  event.steps_in_epoch = steps_per_epoch();
  event.running = &state_.running;
  event.metrics = &settings_.metrics;
  while (state_.sample < epoch_records()) {
    if (must_stop()) return EpochOutcome::Stopped;
    event.loss = step(next_rows());
    check_loss(event.loss);
    clock_.seconds = watch.seconds();
    clock_.steps.data = training_step_.seconds().data - before.data;
    clock_.steps.compute = training_step_.seconds().compute - before.compute;
    event.step = state_.step;
    event.step_in_epoch = (state_.sample + step_records() - 1) / step_records();
    event.lr = last_rate_;
    event.seconds = clock_.seconds;
    if (training_step_.has_norm()) event.grad_norm = training_step_.norm();
    const bool logged = settings_.log_every > 0 && state_.step % settings_.log_every == 0;
    if (logged) log.write(event);
    const bool epoch_over = state_.sample >= epoch_records();
    if (settings_.log_every > 0 ? logged : epoch_over) log_gradients(log);
    listener_.step(event);
    if (saver_.overdue(settings_.save_interval)) {
      const Activity saving = stage("checkpoint");
      check_weights();
      saver_.save_now(state_);
    }
  }
  return EpochOutcome::Ended;
}

double Trainer::step(int64_t rows) {
  const std::span<const uint32_t> left =
      std::span(order_).subspan(static_cast<size_t>(state_.sample));
  const auto count = static_cast<size_t>(rows);
  const Activity activity(parts_.trace, Activity::Kind::Detail, "step", "step", state_.step + 1);
  last_rate_ = schedule_.rate(state_.step, state_.epoch);
  const double loss = training_step_.run(left.first(count), left.subspan(count),
                                         {last_rate_, state_.step + 1, settings_.seed},
                                         parts_.arena, parts_.executor, state_.running);
  ++state_.step;
  ++steps_here_;
  state_.sample += rows;
  return loss;
}

void Trainer::log_gradients(MetricsLog& log) {
  if (!gradient_stats_.any()) return;
  const Activity measuring = stage("gradient statistics");
  log.write(gradient_stats_.measure(parts_.arena, state_.epoch + 1, state_.step));
}

bool Trainer::evaluate_all(EpochEvent& event) {
  auto score = [&](const Split& split, std::optional<Scores>& out) {
    if (split.records == 0) return true;
    out = evaluate(parts_.eval, split, settings_.metrics, parts_.executor, parts_.arena,
                   parts_.trace);
    return out.has_value();
  };
  auto score_splits = [&](std::optional<Scores>& valid, std::optional<Scores>& test) {
    return (!splits_.valid || score(*splits_.valid, valid)) &&
           (!splits_.test || score(*splits_.test, test));
  };
  if (!score_splits(event.valid, event.test)) return false;
  if (!averages_.any()) return true;
  averages_.exchange(parts_.arena);
  const bool done = score_splits(event.average_valid, event.average_test);
  averages_.exchange(parts_.arena);
  return done;
}

bool Trainer::end_epoch(MetricsLog& log) {
  const Stopwatch watch;
  check_weights();
  EpochEvent event;
  if (!evaluate_all(event)) return false;
  event.epoch = ++state_.epoch;
  event.epochs = settings_.epochs;
  event.lr = last_rate_;
  event.earlier_rows = clock_.earlier_rows;
  event.training_seconds = clock_.seconds;
  event.data_seconds = clock_.steps.data;
  event.step_seconds = clock_.steps.compute;
  event.seconds = clock_.seconds + watch.seconds();
  event.train = scores(state_.running, settings_.metrics);
  if (training_step_.has_norm()) event.grad_norm = state_.running.mean(running_sums() - 1);
  if (event.valid) {
    event.improved = event.valid->loss < state_.best_loss;
    if (event.improved) {
      state_.best_loss = event.valid->loss;
      state_.best_epoch = state_.epoch;
    }
    state_.stale_epochs = event.improved ? 0 : state_.stale_epochs + 1;
    stop_for_patience_ = settings_.patience > 0 && state_.stale_epochs >= settings_.patience;
    schedule_.epoch_ended(event.valid->loss);
    state_.plateau = schedule_.plateau;
  }
  state_.sample = 0;
  log.write(event);
  listener_.epoch(event);
  {
    const Activity saving = stage("checkpoint");
    saver_.epoch_ended(state_, event.improved);
  }
  end_.last = std::move(event);
  return true;
}

int64_t Trainer::nonfinite_values(const Slot& slot) const {
  if (!is_floating(slot.type)) return 0;
  std::vector<Buffer> storage;
  const Slot* pointer = &slot;
  const TensorView view = view_slots({&pointer, 1}, parts_.arena, false, storage)[0];
  const size_t size = view.bytes.size() / static_cast<size_t>(byte_size(slot.type));
  return slot.type == ElementType::f32
             ? count_nonfinite({reinterpret_cast<const float*>(view.bytes.data()), size})
             : count_nonfinite({reinterpret_cast<const double*>(view.bytes.data()), size});
}

int64_t Trainer::nonfinite_weights() const {
  int64_t count = 0;
  for (const Slot& slot : parts_.train.slots)
    if (slot.role == SlotRole::Param) count += nonfinite_values(slot);
  return count;
}

void Trainer::check_loss(double loss) {
  if (std::isfinite(loss)) return;
  stop_nonfinite(fmt::format("the loss is {} at step {} (epoch {})",
                             std::isnan(loss) ? std::abs(loss) : loss, state_.step,
                             state_.epoch + 1));
}

void Trainer::check_weights() {
  // The last update can ruin the weights after a loss that was still finite. Masks that hold
  // infinities from the start are fine.
  if (nonfinite_weights() <= start_nonfinite_) return;
  stop_nonfinite(fmt::format("the weights are not finite after step {} (epoch {})", state_.step,
                             state_.epoch + 1));
}

void Trainer::stop_nonfinite(const std::string& what) {
  Error error(Fault::NonFinite, what);
  if (!settings_.directory.empty()) {
    error.note(saver_.last_good_epoch()
                   ? fmt::format("the checkpoint after epoch {} is kept in {}",
                                 *saver_.last_good_epoch(), printable(settings_.directory))
                   : "no epoch was finished, so there is no checkpoint");
  }
  error.help("try a smaller `lr`, or `clip = norm(1.0)`");
  throw Error(error);
}

}  // namespace netc::runtime
