// Pictures, tables and archives of data in, confusion matrices out, as a user would.
#include <gtest/gtest.h>
#include <png.h>

#include <nlohmann/json.hpp>

#include "tests/tools/shell.h"

namespace netc::test {
namespace {

using nlohmann::json;

/// A grey picture with one bright row, which says its class.
void write_png(const Scratch& s, const std::string& file, int row, int shade) {
  std::vector<uint8_t> pixels(64, uint8_t(shade));
  for (int i = 0; i < 8; ++i) pixels[size_t(8 * row + i)] = 250;
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = image.height = 8;
  image.format = PNG_FORMAT_GRAY;
  ASSERT_TRUE(png_image_write_to_file(&image, s.path(file).c_str(), 0, pixels.data(), 0, nullptr));
}

const char* kPictures = R"(
model shapes {
  input  image: u8[batch, 8, 8]
  input  label: i32[batch]
  output logits = float(image) / 255 |> Flatten(1) |> Linear(64, 3)
  loss   cross_entropy(logits, label)
  metric accuracy(logits, label)
}
data  images("pictures")
train { epochs = 30; batch = 8; lr = 0.05; optimizer = adam() }
)";

TEST(Pictures, AreTrainedOnEvaluatedAndPredicted) {
  Scratch s;
  s.write("shapes.net", kPictures);
  const char* names[] = {"high", "low", "middle"};
  for (const char* split : {"train", "test"})
    for (int c = 0; c < 3; ++c) {
      const std::string folder = std::string("pictures/") + split + "/" + names[c];
      std::filesystem::create_directories(s.path(folder));
      for (int i = 0; i < 6; ++i)
        write_png(s, folder + "/" + std::to_string(i) + ".png",
                  c == 0   ? 1
                  : c == 1 ? 6
                           : 3,
                  20 * i);
    }
  auto r = s.netc({"train", "shapes.net", "-o", "run", "-q"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  r = s.netc({"eval", "run", "--confusion"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(r.out.substr(r.out.find('\n') + 1),
            "true      high     low  middle  recall\n"
            "high         6       0       0  1.0000\n"
            "low          0       6       0  1.0000\n"
            "middle       0       0       6  1.0000\n");
  r = s.netc({"predict", "run", "--in", "image=pictures/test/low/2.png", "--top", "1"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(json::parse(r.out)["logits"][0][0], 1);
  s.write("broken.png", "\x89PNG\r\n\x1a\n");
  r = s.netc({"predict", "run", "--in", "image=broken.png"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("broken.png: is a damaged PNG picture"), std::string::npos) << r.err;
}

TEST(Tables, TextColumnsAreClasses) {
  Scratch s;
  std::string table = "height,width,kind\n";
  for (int i = 0; i < 12; ++i) {
    table += std::to_string(i % 3) + ".5," + std::to_string(2 - i % 3) + ",";
    table += i % 3 == 0 ? "flat\n" : i % 3 == 1 ? "square\n" : "tall\n";
  }
  s.write("kinds.csv", table);
  s.write("kinds.net", R"(
model kinds {
  input  x: [batch, 2]
  input  kind: i64[batch]
  output logits = Linear(2, 3)(x)
  loss   cross_entropy(logits, kind)
  metric accuracy(logits, kind)
}
data  csv("kinds.csv", x = cols("height", "width"), kind = col("kind"))
train { epochs = 300; batch = 12; lr = 0.1; optimizer = adam() }
)");
  auto r = s.netc({"train", "kinds.net", "-o", "run"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_NE(r.err.find("classes of kind: 0 flat, 1 square, 2 tall\n"), std::string::npos) << r.err;
  r = s.netc({"train", "kinds.net", "--json", "--epochs", "1"});
  EXPECT_EQ(json::parse(lines(r.out)[0])["data"]["classes"],
            json({{"kind", {"flat", "square", "tall"}}}));
  r = s.netc({"eval", "run"});
  EXPECT_EQ(r.exit_code, 3);
  EXPECT_NE(r.err.find("choose another: `netc eval run --split train`"), std::string::npos)
      << r.err;
  r = s.netc({"eval", "run", "--split", "train", "--confusion", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json found = json::parse(r.out);
  EXPECT_EQ(found["accuracy"], 1);
  EXPECT_EQ(found["confusion"]["classes"], json({"flat", "square", "tall"}));
  EXPECT_EQ(found["confusion"]["counts"], json({{4, 0, 0}, {0, 4, 0}, {0, 0, 4}}));
  // The weights remember the numbers: other data need not have every class.
  s.write("tall.csv", "2.5,0,tall\n2.5,0,tall\n");
  r = s.netc({"eval", "run", "--data", "csv(\"tall.csv\", x = cols(0, 2), kind = col(2))",
              "--confusion", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(json::parse(r.out)["confusion"]["counts"], json({{0, 0, 0}, {0, 0, 0}, {0, 0, 2}}));
  r = s.netc({"eval", "run", "--data", "csv(\"tall.csv\", x = cols(0, 2), kind = col(2))"});
  EXPECT_EQ(r.out.rfind("data  loss ", 0), 0u) << r.out;
  r = s.netc({"predict", "run", "--in", "-", "--top", "1"}, "{\"x\": [2.5, 0]}\n");
  ASSERT_EQ(r.exit_code, 0) << r.err;
  EXPECT_EQ(json::parse(r.out)["logits"][0][2], "tall") << r.out;
}

TEST(Tables, MistakesInThemAreFoundByLineAndColumn) {
  Scratch s;
  s.write("kinds.net",
          "model kinds {\n  input x: [batch, 1]\n  input kind: i64[batch]\n"
          "  output logits = Linear(1, 2)(x)\n  loss cross_entropy(logits, kind)\n}\n"
          "data csv(\"kinds.csv\", x = cols(\"size\"), kind = col(\"name\"))\n"
          "train { epochs = 1; batch = 4; lr = 0.1; optimizer = sgd() }\n");
  const std::pair<const char*, std::vector<const char*>> tables[] = {
      {"size,name\n1,cat\n2,dog\n3,dgo\n4,dog\n5,cat\n",
       {"error[R0603]: kinds.csv: 3 classes where the model takes 2, in column `name`\n",
        "note: classes: cat (2), dgo (1, line 4), dog (2)\n"}},
      {"size,name\n1,0\n2,1\n3,2\n",
       {"error[R0603]: kinds.csv: line 4, column `name`: kind 2 is outside 0..1\n"}},
      {"size,name\n1,cat\n,dog\n",
       {"error[R0602]: kinds.csv: line 3, column `size`: the cell is empty\n"}},
      {"size,name\n1,cat\nnan,dog\n", {"note: kinds.csv: line 3, column `size`: nan\n"}},
      {"size,name\n",
       {"error[R0602]: kinds.csv: has a header row and no records below it\n",
        "read by this loader"}},
  };
  for (const auto& [table, texts] : tables) {
    s.write("kinds.csv", table);
    const auto r = s.netc({"train", "kinds.net", "-o", "run"});
    EXPECT_EQ(r.exit_code, 3) << table;
    for (const char* text : texts)
      EXPECT_NE(r.err.find(text), std::string::npos) << text << "\n" << r.err;
  }
}

TEST(Pictures, ThatDoNotFitAreNamedWithTheirFolders) {
  Scratch s;
  s.write("shapes.net", kPictures);
  for (const char* folder : {"pictures/a", "pictures/b"})
    std::filesystem::create_directories(s.path(folder));
  write_png(s, "pictures/a/1.png", 1, 20);
  const std::pair<std::string, const char*> files[] = {
      {"", "error[R0602]: pictures/b/1.png: is empty, not a PNG picture"},
      {"\xff\xd8\xff\xe0", "error[R0602]: pictures/b/1.png: is a JPEG picture"},
      {"\x89PNG\r\n\x1a\n", "error[R0602]: pictures/b/1.png: is a damaged PNG picture"},
      {"P6 8 8 255\n" + std::string(192, 'x'),
       "error[R0602]: pictures/b/1.png is 8 x 8 coloured, pictures/a/1.png is 8 x 8 grey\n"}};
  for (const auto& [content, text] : files) {
    s.write("pictures/b/1.png", content);
    const auto r = s.netc({"train", "shapes.net", "-o", "run"});
    EXPECT_EQ(r.exit_code, 3);
    EXPECT_NE(r.err.find(text), std::string::npos) << text << "\n" << r.err;
  }
}

TEST(Confusion, IsNoWiderThanTheTerminal) {
  Scratch s;
  s.example("mnist.net", 100, 40);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "run", "--epochs", "1", "-q"}).exit_code, 0);
  for (const int columns : {45, 80}) {
    const std::string text = terminal(s, "netc eval run --confusion", columns);
    for (const std::string& line : lines(text)) EXPECT_LE(line.size(), size_t(columns)) << text;
    // Every class has its column, in whichever part of the table.
    for (const char* name : {"     0 ", "     9 ", "  recall\n"})
      EXPECT_NE(text.find(name), std::string::npos) << text;
  }
}

TEST(Confusion, NeedsAModelThatClassifies) {
  Scratch s;
  s.example("two_layer.net");
  ASSERT_EQ(s.netc({"train", "two_layer.net", "-o", "run", "--epochs", "1"}).exit_code, 0);
  auto r = s.netc({"eval", "run", "--split", "train", "--confusion"});
  EXPECT_EQ(r.exit_code, 2);
  EXPECT_NE(r.err.find("needs a model that classifies"), std::string::npos) << r.err;
}

TEST(Confusion, CountsWhatAccuracyCounts) {
  Scratch s;
  s.example("mnist.net", 300, 77);
  ASSERT_EQ(s.netc({"train", "mnist.net", "-o", "run", "--steps", "4"}).exit_code, 0);
  auto r = s.netc({"eval", "run", "--confusion", "--json"});
  ASSERT_EQ(r.exit_code, 0) << r.err;
  const json found = json::parse(r.out);
  int64_t right = 0, all = 0;
  for (size_t i = 0; i < 10; ++i)
    for (size_t k = 0; k < 10; ++k) {
      const int64_t count = found["confusion"]["counts"][i][k];
      all += count;
      if (i == k) right += count;
    }
  EXPECT_EQ(all, 77);
  EXPECT_NEAR(double(right) / 77, found["accuracy"], 1e-6);
}

TEST(Augmentation, DrawsTheSameInBothBackendsAndIsGoneInPredict) {
  Scratch s;
  s.example("augment.net");
  s.npy_u8("image.npy", {6, 28, 28}, 256);
  s.npy_u8("label.npy", {6}, 10);
  std::vector<std::string> losses;
  for (const char* backend : {"jit", "interp"})
    for (const char* entry : {"step", "loss"}) {
      auto r = s.netc({"run", "augment.net", "--dtype", "f64", "--entry", entry, "--backend",
                       backend, "--in", "image=image.npy", "--in", "label=label.npy", "--json"});
      ASSERT_EQ(r.exit_code, 0) << r.err;
      for (const std::string& line : lines(r.out))
        if (line.find("\"loss\"") != std::string::npos) losses.push_back(line);
    }
  ASSERT_EQ(losses.size(), 4u);
  EXPECT_NE(losses[0], losses[1]);
  EXPECT_EQ(losses[0].substr(0, 60), losses[2].substr(0, 60));
  auto r = s.netc({"dump", "augment.net", "--stage", "optimised", "--entry", "predict"});
  EXPECT_EQ(r.out.find("random("), std::string::npos) << r.out;
}

}  // namespace
}  // namespace netc::test
