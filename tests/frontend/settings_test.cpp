// What the `train` and `data` items and --set make of each other.
#include "frontend/settings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "frontend/const_eval.h"
#include "frontend/format.h"
#include "frontend/overrides.h"
#include "frontend/parse.h"

namespace netc::frontend {
namespace {

struct Read {
  SourceSet sources;
  Diagnostics diagnostics;
  std::vector<Unit> units;
  Program program;
  std::string text;  // after overrides
};

Read read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  Read out;
  out.sources.add("t.net", "t.net", text);
  out.units.push_back({parse(out.sources, 0, out.diagnostics), {}});
  std::vector<Override> list;
  for (const std::string& override : overrides) list.push_back({override});
  apply_overrides(list, out.sources, out.diagnostics, out.units);
  read_settings(out.units, out.sources, out.diagnostics, out.program);
  out.text = format(out.units[0].ast, out.sources);
  return out;
}

std::string errors(const Read& r) { return render(r.diagnostics.all(), r.sources, {}); }

TEST(SettingsTest, have_defaults) {
  const Read r = read("train { }");
  const TrainSettings& t = r.program.train;
  EXPECT_TRUE(r.program.has_train);
  EXPECT_EQ(t.epochs, 1);
  EXPECT_EQ(t.batch, 32);
  EXPECT_EQ(t.seed, 0u);
  EXPECT_TRUE(t.shuffle);
  EXPECT_FALSE(t.drop_last);
  EXPECT_EQ(t.lr.name, "constant");
  EXPECT_EQ(t.lr.args.at("lr"), 1e-3);
  EXPECT_EQ(t.save, "best");
  EXPECT_EQ(t.optimizer_text, "sgd()");
  EXPECT_EQ(t.place.line, 1u);
  EXPECT_FALSE(read("let a = 1").program.has_train);
  EXPECT_EQ(read("let a = 1").program.train.place.line, 0u);
}

TEST(SettingsTest, read_every_key) {
  const Read r = read(
      "let n = 2\n"
      "train {\n"
      "  epochs = 2 * n + 1; batch = 2 ** 9; seed = 7; shuffle = not true; drop_last = true\n"
      "  lr = 1e-3 / n; optimizer = adam(beta1 = 0.8); clip = norm(1.0); valid = 0.1\n"
      "  patience = 5; save = all; accumulate = 1; freeze = [\"a.*\"]\n"
      "  groups = [group(\"head.*\", 10.0)]; precision = f32; log_every = 100\n"
      "}\n");
  EXPECT_TRUE(r.diagnostics.all().empty()) << errors(r);
  const TrainSettings& t = r.program.train;
  EXPECT_EQ(t.epochs, 5);
  EXPECT_EQ(t.batch, 512);
  EXPECT_EQ(t.seed, 7u);
  EXPECT_FALSE(t.shuffle);
  EXPECT_TRUE(t.drop_last);
  EXPECT_EQ(t.lr.args.at("lr"), 5e-4);
  EXPECT_EQ(t.optimizer_text, "adam(beta1 = 0.8)");
  EXPECT_EQ(t.valid_fraction, 0.1);
  EXPECT_EQ(t.patience, 5);
  EXPECT_EQ(t.save, "all");
  EXPECT_EQ(t.log_every, 100);
  EXPECT_EQ(read("train { valid = \"test\" }").program.train.valid_split, "test");
  const auto optimizer = [](const std::string& text) {
    return read(text).program.train.optimizer_text;
  };
  EXPECT_EQ(optimizer("train { optimizer = sgd(0.01, 0.5, nesterov = false) }"),
            "sgd(momentum = 0.01, dampening = 0.5, nesterov = false)");
  EXPECT_EQ(optimizer("optimizer mine(rate = 1.0)(p, g, lr, step) { return p }\n"
                      "train { optimizer = mine(2.0) }"),
            "mine(rate = 2.0)");
  EXPECT_EQ(optimizer("train { optimizer = unknown(2.0) }"), "unknown(2.0)");
}

TEST(SettingsTest, fill_in_schedules) {
  const auto schedule = [](const std::string& lr) {
    const Read r = read("train { valid = 0.1; lr = " + lr + " }");
    EXPECT_TRUE(r.diagnostics.all().empty()) << errors(r);
    return r.program.train.lr;
  };
  using Args = std::map<std::string, double>;
  EXPECT_EQ(schedule("0.5").name, "constant");
  EXPECT_EQ(schedule("constant(0.5)").args, (Args{{"lr", 0.5}}));
  EXPECT_EQ(schedule("step(0.1, every = 50, gamma = 0.5)").args,
            (Args{{"lr", 0.1}, {"every", 50}, {"gamma", 0.5}}));
  EXPECT_EQ(schedule("exponential(0.1, 0.9)").args, (Args{{"lr", 0.1}, {"gamma", 0.9}}));
  EXPECT_EQ(schedule("linear(0.1)").args, (Args{{"lr", 0.1}, {"end", 0}}));
  EXPECT_EQ(schedule("cosine(1e-3, warmup = 500)").args, (Args{{"lr", 1e-3}, {"warmup", 500}}));
  EXPECT_EQ(schedule("cosine(lr = 1e-3)").args, (Args{{"lr", 1e-3}, {"warmup", 0}}));
  EXPECT_EQ(schedule("one_cycle(0.1)").args, (Args{{"lr", 0.1}}));
  EXPECT_EQ(schedule("plateau(0.1)").args, (Args{{"lr", 0.1}, {"factor", 0.1}, {"patience", 5}}));
}

TEST(SettingsTest, read_loaders_as_written) {
  const Read r = read("let dir = \"d\"\ndata csv(dir, x = cols(0, 30), y = col(\"label\"))");
  ASSERT_TRUE(r.program.data) << errors(r);
  const DataSpec& data = *r.program.data;
  EXPECT_EQ(data.loader, "csv");
  EXPECT_EQ(std::get<std::string>(data.args[0].second), "d");
  const auto& columns = std::get<SettingCall>(data.args[1].second);
  EXPECT_EQ(columns.name, "cols");
  EXPECT_EQ(std::get<double>(columns.args[1].second), 30);
  EXPECT_EQ(data.args[2].first, "y");
  EXPECT_TRUE(read("data mnist(\"d\")").program.data);
  EXPECT_TRUE(read("data idx(image = \"a\", label = \"b\")").program.data);
  EXPECT_TRUE(read("data random(10, seed = 3)").program.data);
}

TEST(OverrideTest, replaces_adds_and_reaches_into_calls) {
  const Read r = read(
      "let hidden = 3\n\ndata  mnist(\"a\")\n# how\ntrain { epochs = 3; optimizer = rmsprop(0.9, "
      "eps = "
      "1e-6) }  # end\n",
      {"train.epochs=4", "train.lr=cosine(1e-3)", "train.lr.warmup=10", "hidden = 512",
       "train.optimizer.momentum=0.95", "data.dir=\"b\"", "train.epochs=5"});
  EXPECT_TRUE(r.diagnostics.all().empty()) << errors(r);
  EXPECT_EQ(r.program.train.epochs, 5);
  EXPECT_EQ(r.program.train.lr.args.at("warmup"), 10);
  EXPECT_EQ(
      r.text,
      "let hidden = 512\n\ndata  mnist(\"b\")\n# how\n"
      "train { epochs = 5; optimizer = rmsprop(0.95, eps = 1e-6); lr = cosine(1e-3, warmup = 10) }"
      "  # end\n");
}

TEST(OverrideTest, makes_items_that_are_missing) {
  const Read r = read("let a = 1\n", {"train.epochs=4", "data=random(n = 5, seed = 1)"});
  EXPECT_TRUE(r.diagnostics.all().empty()) << errors(r);
  EXPECT_EQ(r.program.train.epochs, 4);
  EXPECT_EQ(r.program.data->loader, "random");
  EXPECT_EQ(r.text, "let a = 1\ntrain { epochs = 4 }\ndata  random(n = 5, seed = 1)\n");
}

TEST(OverrideTest, marks_typos_in_the_argument) {
  const Read r = read("train { }", {"train.learning_rate=3e-4"});
  EXPECT_EQ(errors(r), R"(error[E0501]: `train` has no setting `learning_rate`
 --> <--set>:1:7
1 | train.learning_rate=3e-4
  |       ^^^^^^^^^^^^^ unknown setting
  = help: did you mean `train.lr`?  (`netc explain train` lists all settings)
)");
}

TEST(OverrideTest, knows_the_settings_of_the_programs_own_optimizer) {
  const std::string text =
      "optimizer mine(rate = 1.0)(p, g, lr, step) {\n  return p - lr * g\n}\n"
      "train { optimizer = mine() }\n";
  EXPECT_TRUE(read(text, {"train.optimizer.rate=2.0"}).diagnostics.all().empty());
  EXPECT_TRUE(read(text, {"train.optimizer.rat=2.0"}).diagnostics.has_errors());
}

TEST(OverrideTest, lists_its_paths) {
  SourceSet sources;
  Diagnostics diagnostics;
  sources.add("t", "", "let hidden = 3\ndata csv(\"a\", x = col(1))");
  const std::vector<std::string> paths = override_paths(parse(sources, 0, diagnostics));
  for (const char* path : {"hidden", "data.path", "data.x", "train.lr"}) {
    EXPECT_NE(std::find(paths.begin(), paths.end(), path), paths.end()) << path;
  }
}

std::string evaluated(const std::string& text, const std::string& lets = "") {
  SourceSet sources;
  Diagnostics diagnostics;
  std::vector<Unit> units;
  sources.add("t.net", "", lets);
  units.push_back({parse(sources, 0, diagnostics), {}});
  sources.add("e", "", text);
  const ExprPtr e = parse_expression(sources, 1, 0, diagnostics);
  const auto value = ConstantEvaluator(units, sources, diagnostics).evaluate(*e);
  if (!value) return diagnostics.all().front().code;
  if (const auto* i = std::get_if<int64_t>(&*value)) return std::to_string(*i);
  if (const auto* b = std::get_if<bool>(&*value)) return *b ? "true" : "false";
  if (const auto* s = std::get_if<std::string>(&*value)) return *s;
  return fmt::format("{:.6f}f", std::get<double>(*value));
}

TEST(ConstantTest, integers_are_exact_and_the_rest_is_f64) {
  EXPECT_EQ(evaluated("7 // -2"), "-4");
  EXPECT_EQ(evaluated("7 % -2"), "-1");
  EXPECT_EQ(evaluated("-7 // 2"), "-4");
  EXPECT_EQ(evaluated("2 ** 62"), "4611686018427387904");
  EXPECT_EQ(evaluated("2 ** 63"), "E0509");
  EXPECT_EQ(evaluated("9223372036854775807 + 1"), "E0509");
  EXPECT_EQ(evaluated("-(-9223372036854775808)"), "E0509");
  EXPECT_EQ(evaluated("-9223372036854775808 // -1"), "E0509");
  EXPECT_EQ(evaluated("1 // 0"), "E0509");
  EXPECT_EQ(evaluated("3 / 2"), "1.500000f");
  EXPECT_EQ(evaluated("2 ** -1"), "0.500000f");
  EXPECT_EQ(evaluated("1 < 2 and not 2.0 == 3"), "true");
  EXPECT_EQ(evaluated("\"a\" == \"a\""), "true");
  EXPECT_EQ(evaluated("a * 2", "let a = b + 1\nlet b = 2"), "6");
  EXPECT_EQ(evaluated("a", "let a = b\nlet b = a"), "E0509");
  EXPECT_EQ(evaluated("x", "let a = b\nlet b = a"), "E0202");
  EXPECT_EQ(evaluated("1 + true"), "E0502");
  EXPECT_EQ(evaluated("not 1"), "E0502");
}

TEST(ConstantTest, many_constants_take_no_time) {
  std::string lets = "let a0 = 1\n";
  for (int i = 1; i <= 150; ++i) {
    lets += fmt::format("let a{} = (a{} + a{}) % 1000\n", i, i - 1, i - 1);
  }
  EXPECT_EQ(evaluated("a150 * 0", lets), "0");
  std::string chain;
  for (int i = 0; i < 50'000; ++i) {
    chain += fmt::format("let a{} = a{}\n", i, i + 1);
  }
  EXPECT_EQ(evaluated("a0", chain), "E0509");
}

}  // namespace
}  // namespace netc::frontend
