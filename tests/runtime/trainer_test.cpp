// The training loop on a toy model: it learns, threads do not matter, and a run that is stopped
// anywhere and resumed ends with the same bits.
#include "runtime/trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>

#include "runtime/error.h"
#include "tests/runtime/toy.h"

namespace netc::runtime {
namespace {

using testing::HasSubstr;

struct Recorder : TrainingListener {
  void start(const StartEvent& event) override { starts.push_back(event); }
  void step(const StepEvent& event) override {
    ++steps;
    if (signal_at == event.step) raise(signal);
  }
  void epoch(const EpochEvent& event) override { epochs.push_back(event); }
  void notice(const std::string& text) override { notices.push_back(text); }

  std::vector<StartEvent> starts;
  std::vector<EpochEvent> epochs;
  std::vector<std::string> notices;
  int64_t steps = 0, signal_at = -1;
  int signal = SIGINT;
};

TEST(Trainer, LearnsAndReports) {
  const toy::TemporaryDirectory directory;
  const Dataset data = toy::dataset(200, 50);
  toy::Session session;
  Recorder recorder;
  TrainerSettings settings = toy::settings(directory.path(), 30);
  settings.valid_fraction = 0.1;
  settings.log_every = 100;
  const EndEvent end = session.run(data, settings, false, recorder);
  EXPECT_EQ(end.reason, StopReason::Finished);
  EXPECT_EQ(end.epochs, 30);
  EXPECT_EQ(end.steps, 30 * 12);
  ASSERT_EQ(recorder.epochs.size(), 30u);
  EXPECT_EQ(recorder.steps, 360);
  EXPECT_LT(recorder.epochs.back().train.loss, 0.02 * recorder.epochs.front().train.loss);
  EXPECT_EQ(recorder.epochs.back().train.rows, 180);
  EXPECT_EQ(recorder.epochs.back().valid->rows, 20);
  EXPECT_EQ(recorder.epochs.back().test->rows, 50);
  EXPECT_EQ(recorder.epochs.back().train.metrics[0].first, "error");
  const std::string jsonl = toy::read(directory.file("metrics.jsonl"));
  EXPECT_EQ(std::count(jsonl.begin(), jsonl.end(), '\n'), 1 + 30 + 3 + 1);
  EXPECT_THAT(jsonl, HasSubstr("{\"event\":\"epoch\",\"epoch\":1,\"train\":{\"loss\":"));
  const std::string csv = toy::read(directory.file("metrics.csv"));
  EXPECT_THAT(csv, testing::StartsWith("epoch,lr,seconds,train_loss,train_error,valid_loss,"
                                       "valid_error,test_loss,test_error,samples_per_second,"
                                       "data_seconds,step_seconds\n1,"));
  for (const char* file :
       {"last.state", "last.state.1", "last.safetensors", "best.safetensors", "config.net"}) {
    EXPECT_TRUE(std::filesystem::exists(directory.file(file))) << file;
  }
}

TEST(Trainer, ThreadsDoNotChangeBits) {
  const Dataset data = toy::dataset(100);
  toy::Session one(1);
  one.run(data, toy::settings("", 5));
  for (const int threads : {2, 3, 8, 16}) {
    toy::Session many(threads);
    many.run(data, toy::settings("", 5));
    EXPECT_EQ(many.weights(), one.weights()) << threads;
  }
}

TEST(Trainer, ResumesBitExactlyFromAnyStep) {
  const Dataset data = toy::dataset(100, 20);
  toy::Session whole;
  Recorder expected;
  TrainerSettings settings = toy::settings("", 4);
  settings.valid_fraction = 0.25;
  whole.run(data, settings, false, expected);
  for (int64_t stop = 1; stop < 20; ++stop) {
    const toy::TemporaryDirectory directory;
    settings.directory = directory.path();
    settings.step_limit = stop;
    toy::Session first;
    const EndEvent end = first.run(data, settings);
    EXPECT_EQ(end.reason, StopReason::StepLimit);
    EXPECT_EQ(end.steps, stop);
    EXPECT_EQ(end.so_far.has_value(), stop % 5 != 0);
    if (end.so_far) {
      EXPECT_EQ(end.so_far->rows, stop % 5 * 16);
    }
    settings.step_limit = -1;
    toy::Session second(1, 99);  // other initial weights: all must come from the file
    Recorder recorder;
    second.run(data, settings, true, recorder);
    EXPECT_EQ(second.weights(), whole.weights()) << stop;
    EXPECT_EQ(recorder.starts[0].resumed_step, stop);
    EXPECT_EQ(recorder.epochs.back().train.loss, expected.epochs.back().train.loss);
    const size_t skipped = expected.epochs.size() - recorder.epochs.size();
    EXPECT_EQ(recorder.epochs[0].train.loss, expected.epochs[skipped].train.loss) << stop;
    const std::string csv = toy::read(directory.file("metrics.csv"));
    EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5) << csv;
  }
}

TEST(Trainer, SignalsSaveAndResumeBitExactly) {
  const Dataset data = toy::dataset(100);
  toy::Session whole;
  whole.run(data, toy::settings("", 4));
  for (const int signal : {SIGINT, SIGTERM}) {
    const toy::TemporaryDirectory directory;
    toy::Session session;
    Recorder recorder;
    recorder.signal_at = 9;
    recorder.signal = signal;
    const EndEvent end = session.run(data, toy::settings(directory.path(), 4), false, recorder);
    EXPECT_EQ(end.reason, StopReason::Signal);
    EXPECT_EQ(end.signal, signal);
    EXPECT_EQ(end.steps, 9);
    toy::Session resumed(1, 7);
    resumed.run(data, toy::settings(directory.path(), 4), true);
    EXPECT_EQ(resumed.weights(), whole.weights());
  }
}

TEST(Trainer, ASignalBeforeTheEvaluationKeepsTheEpochOpen) {
  const toy::TemporaryDirectory directory;
  const Dataset data = toy::dataset(64, 32);
  toy::Session whole, session, resumed;
  Recorder expected, stopped, rest;
  whole.run(data, toy::settings("", 2), false, expected);
  stopped.signal_at = 4;  // the last step of the first epoch
  session.run(data, toy::settings(directory.path(), 2), false, stopped);
  EXPECT_TRUE(stopped.epochs.empty());
  EXPECT_EQ(newest_checkpoint(directory.path()).state.sample, 64);
  resumed.run(data, toy::settings(directory.path(), 2), true, rest);
  ASSERT_EQ(rest.epochs.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rest.epochs[i].lr, expected.epochs[i].lr);
    EXPECT_EQ(rest.epochs[i].train.loss, expected.epochs[i].train.loss);
    EXPECT_EQ(rest.epochs[i].test->loss, expected.epochs[i].test->loss);
  }
}

TEST(Trainer, LongEpochsAreSavedInTheirMiddle) {
  struct Observer : TrainingListener {
    explicit Observer(std::string path) : directory(std::move(path)) {}
    void step(const StepEvent& event) override {
      // The save of a step comes after its event.
      if (event.step == 3) saved = newest_checkpoint(directory).state.sample;
    }
    std::string directory;
    int64_t saved = 0;
  };
  const toy::TemporaryDirectory directory;
  const Dataset data = toy::dataset(100);
  toy::Session session;
  Observer observer(directory.path());
  TrainerSettings settings = toy::settings(directory.path(), 1);
  settings.save_interval = 0;
  session.run(data, settings, false, observer);
  EXPECT_EQ(observer.saved, 32);
}

TEST(Trainer, StopsWhenTheLossIsNotFinite) {
  const toy::TemporaryDirectory directory;
  const Dataset data = toy::dataset(64);
  toy::Session session;
  TrainerSettings settings = toy::settings(directory.path(), 500);
  settings.lr = {"constant", {{"lr", 30.0}}};
  try {
    session.run(data, settings);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(code(error.fault), "R0606");
    EXPECT_THAT(error.message, testing::AnyOf(HasSubstr("loss is"), HasSubstr("weights are")));
    EXPECT_THAT(error.notes[0], HasSubstr("the checkpoint after epoch"));
  }
  const Checkpoint kept = newest_checkpoint(directory.path());
  EXPECT_GT(kept.state.epoch, 0);
  for (const TensorView& tensor : kept.file.tensors) {
    const auto* values = reinterpret_cast<const float*>(tensor.bytes.data());
    for (int64_t i = 0; i < toy::kFeatures; ++i) EXPECT_TRUE(std::isfinite(values[i]));
  }
}

TEST(Trainer, PatienceStopsAndKeepsTheBest) {
  const toy::TemporaryDirectory directory;
  const Dataset data = toy::dataset(64);
  toy::Session session;
  TrainerSettings settings = toy::settings(directory.path(), 200);
  settings.lr = {"constant", {{"lr", 0.0}}};
  settings.valid_fraction = 0.25;
  settings.patience = 3;
  const EndEvent end = session.run(data, settings);
  EXPECT_EQ(end.reason, StopReason::Patience);
  EXPECT_EQ(end.epochs, 4);
  EXPECT_EQ(end.best_epoch, 1);
}

TEST(Trainer, DropLastAndNoShuffle) {
  const Dataset data = toy::dataset(40);
  toy::Session session;
  Recorder recorder;
  TrainerSettings settings = toy::settings("", 2);
  settings.drop_last = true;
  settings.shuffle = false;
  session.run(data, settings, false, recorder);
  EXPECT_EQ(recorder.steps, 4);
  EXPECT_EQ(recorder.epochs[0].train.rows, 32);
}

TEST(Trainer, SaysThatABatchIsMoreThanThereIs) {
  for (const int64_t records : {15, 16}) {
    const Dataset data = toy::dataset(records);
    toy::Session session;
    Recorder recorder;
    session.run(data, toy::settings("", 1), false, recorder);
    ASSERT_EQ(recorder.notices.size(), records < 16 ? 1u : 0u);
    if (records < 16) {
      EXPECT_THAT(recorder.notices[0], HasSubstr("a batch of 16 is more than the 15 records"));
    }
  }
}

TEST(Trainer, ExplainsSettingsThatTheDataCannotServe) {
  const Dataset data = toy::dataset(8);
  auto message = [&](auto change) {
    toy::Session session;
    TrainerSettings settings = toy::settings("", 2);
    change(settings);
    try {
      session.run(data, settings);
    } catch (const Error& error) {
      EXPECT_EQ(error.fault, Fault::Split);
      return error.message;
    }
    return std::string("none");
  };
  EXPECT_THAT(message([](auto& s) { s.drop_last = true; }), HasSubstr("leaves no step"));
  EXPECT_THAT(message([](auto& s) { s.valid_split = "val"; }), HasSubstr("no split `val`"));
  EXPECT_THAT(message([](auto& s) { s.valid_fraction = 0.1; }), HasSubstr("no records are left"));
  EXPECT_THAT(message([](auto& s) { s.valid_fraction = 1.0; }), HasSubstr("no records to train"));
  EXPECT_THAT(message([](auto& s) { s.patience = 3; }), HasSubstr("needs validation data"));
}

TEST(Trainer, NeverSavesOverAnotherModelsCheckpoint) {
  const toy::TemporaryDirectory directory;
  const Dataset data = toy::dataset(32);
  toy::Session session;
  session.run(data, toy::settings(directory.path(), 1));
  toy::Session other;
  TrainerSettings settings = toy::settings(directory.path(), 2);
  settings.model = "cnn";
  const std::vector<float> before = other.weights();
  EXPECT_THROW(other.run(data, settings, true), Error);
  EXPECT_EQ(other.weights(), before);
}

}  // namespace
}  // namespace netc::runtime
