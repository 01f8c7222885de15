// Programs from files: what they use, what overrides make of them, and how paths move with them.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "frontend/paths.h"
#include "frontend/program.h"

namespace netc::frontend {
namespace {

namespace fs = std::filesystem;

class LoadTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::temp_directory_path() /
        ("netc_load_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "lib");
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  Program load_file(const std::string& name, LoadOptions options = {}) {
    sources_ = {};
    diagnostics_ = {};
    return load((folder_ / name).string(), options, sources_, diagnostics_);
  }

  std::string errors() const {
    RenderOptions options;
    options.format = DiagnosticFormat::Short;
    std::string text = render(diagnostics_.all(), sources_, options);
    const std::string prefix = folder_.string() + "/";
    for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
    return text;
  }

  fs::path folder_;
  SourceSet sources_;
  Diagnostics diagnostics_;
};

const char* const kModel =
    "model m {\n"
    "  input  x: [batch, 3]\n"
    "  param  w: [3, 2] = load(\"w.npy\")\n"
    "  output p = x @ w\n"
    "  loss   mean(p)\n"
    "}\n";

TEST_F(LoadTest, a_missing_program_is_thrown) {
  EXPECT_THROW(load_file("none.net"), ir::DiagnosticError);
  EXPECT_THROW(load_file("lib"), ir::DiagnosticError);
}

TEST_F(LoadTest, reads_a_model_with_its_settings) {
  write("m.net", "## The model.\n" + std::string(kModel) +
                     "data  npy(x = \"x.npy\")\ntrain { epochs = 3; lr = 0.5 }\n");
  const Program p = load_file("m.net");
  ASSERT_FALSE(diagnostics_.has_errors()) << errors();
  ASSERT_EQ(p.models.size(), 1u);
  EXPECT_EQ(p.models[0].name, "m");
  EXPECT_EQ(p.train.epochs, 3);
  EXPECT_EQ(p.docstring, "The model.");
  ASSERT_TRUE(p.data);
  EXPECT_EQ(p.data->directory, folder_.string());
  ASSERT_EQ(p.module.items.size(), 2u);
  EXPECT_EQ(p.module.items[1], "train { epochs = 3; lr = 0.5 }");
}

TEST_F(LoadTest, the_effective_source_has_overrides_and_moved_paths) {
  write("m.net", "use \"lib/a.net\"\n" + std::string(kModel) +
                     "data  npy(x = \"d/x.npy\")  # data\ntrain { epochs = 3 }\n");
  write("lib/a.net", "fn twice(x) = x * 2\n");
  LoadOptions options;
  options.overrides = {{"train.epochs=7"}};
  options.output_directory = (folder_ / "runs" / "m-1").string();
  const Program p = load_file("m.net", options);
  ASSERT_FALSE(diagnostics_.has_errors()) << errors();
  EXPECT_NE(p.config_text.find("use \"../../lib/a.net\"\n"), std::string::npos) << p.config_text;
  EXPECT_NE(p.config_text.find("load(\"../../w.npy\")"), std::string::npos);
  EXPECT_NE(p.config_text.find("npy(x = \"../../d/x.npy\")  # data"), std::string::npos);
  EXPECT_NE(p.config_text.find("train { epochs = 7 }"), std::string::npos);
  EXPECT_EQ(p.module.items[0], "data  npy(x = \"../../d/x.npy\")");
  EXPECT_EQ(std::get<std::string>(p.data->args[0].second), "d/x.npy");
}

TEST_F(LoadTest, the_effective_source_loads_again) {
  fs::create_directories(folder_ / "out");
  write("m.net", "use \"lib/a.net\" as a\n" + std::string(kModel) + "let n = a.size\n");
  write("lib/a.net", "use \"b.net\"\nlet size = 3\n");
  write("lib/b.net", "fn f(x) = x\n");
  LoadOptions options;
  options.dtype = ir::DType::f64;
  options.output_directory = (folder_ / "out").string();
  const Program first = load_file("m.net", options);
  ASSERT_FALSE(diagnostics_.has_errors()) << errors();
  EXPECT_TRUE(first.config_text.starts_with("dtype f64\n")) << first.config_text;
  write("out/config.net", first.config_text);
  const Program second = load_file("out/config.net");
  ASSERT_FALSE(diagnostics_.has_errors()) << errors();
  EXPECT_EQ(second.config_text, first.config_text);
  EXPECT_EQ(second.module.default_float, ir::DType::f64);
}

TEST_F(LoadTest, a_circle_of_files_is_an_error_where_it_closes) {
  write("a.net", "use \"lib/b.net\"\n");
  write("lib/b.net", "let x = 1\nuse \"../a.net\"\n");
  load_file("a.net");
  EXPECT_EQ(diagnostics_.error_count(), 1u);
  EXPECT_TRUE(errors().starts_with("lib/b.net:2:5: error[E0210]: `use` goes round in a circle"))
      << errors();
}

TEST_F(LoadTest, a_file_used_twice_is_read_once) {
  write("a.net", "use \"lib/b.net\"\nuse \"lib/c.net\"\n");
  write("lib/b.net", "use \"d.net\"\n");
  write("lib/c.net", "use \"../lib/d.net\"\n");
  write("lib/d.net", "let x = )\n");
  load_file("a.net");
  EXPECT_EQ(diagnostics_.error_count(), 1u) << errors();
}

TEST_F(LoadTest, errors_of_settings_on_the_command_line_lie_there) {
  write("m.net", kModel);
  LoadOptions options;
  options.overrides = {{"train.epochs=0"}};
  load_file("m.net", options);
  ASSERT_EQ(diagnostics_.error_count(), 1u);
  const ir::Place place = diagnostics_.all().front().place;
  EXPECT_EQ(sources_[place.file].name, "<--set>");
}

TEST_F(LoadTest, further_items_replace_models_and_settings) {
  write("m.net", std::string("fn f(x: [n]) -> [n] = x * 2\n") + kModel + "train { epochs = 3 }\n");
  LoadOptions options;
  options.extra_source = "model check {\n  input x: [4]\n  loss sum(f(x))\n}\n";
  const Program p = load_file("m.net", options);
  ASSERT_FALSE(diagnostics_.has_errors()) << errors();
  ASSERT_EQ(p.models.size(), 1u);
  EXPECT_EQ(p.models[0].name, "check");
  EXPECT_FALSE(p.has_train);
}

TEST_F(LoadTest, the_size_limit_is_an_error_of_the_program) {
  write("m.net", kModel);
  LoadOptions options;
  options.max_source = 10;
  load_file("m.net", options);
  ASSERT_EQ(diagnostics_.error_count(), 1u);
  EXPECT_EQ(diagnostics_.all().front().code, "E0112");
}

TEST(PathsTest, move_with_the_file) {
  EXPECT_EQ(folder_of("a/b.net"), "a");
  EXPECT_EQ(folder_of("b.net"), ".");
  EXPECT_EQ(joined("a", "b.net"), "a/b.net");
  EXPECT_EQ(joined(".", "b.net"), "b.net");
  EXPECT_EQ(joined("a", "/b.net"), "/b.net");
  EXPECT_EQ(relocated("d/x", "/p/q", "/p/r/s"), "../../q/d/x");
  EXPECT_EQ(relocated("x", "/p", "/p"), "x");
  EXPECT_EQ(relocated("../x", "/p/q", "/p"), "x");
  EXPECT_EQ(relocated("/abs", "/p", "/q"), "/abs");
}

}  // namespace
}  // namespace netc::frontend
