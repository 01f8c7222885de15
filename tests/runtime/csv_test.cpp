// Tables: columns, class names, and errors that name the line and the column.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/data/dataset.h"
#include "runtime/error.h"
#include "tests/runtime/datasets.h"
#include "tests/runtime/toy.h"

namespace netc::runtime {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using toy::call;
using toy::message;
using toy::numbers;
using toy::source;
using toy::TemporaryDirectory;

Dataset csv(const TemporaryDirectory& directory, const std::string& text,
            std::vector<std::pair<std::string, LoaderValue>> columns,
            const std::vector<InputSpec>& inputs) {
  toy::write(directory.file("d.csv"), text);
  columns.insert(columns.begin(), {"", LoaderValue(std::string("d.csv"))});
  return load_dataset(source(directory.path(), "csv", std::move(columns)), inputs);
}

const std::vector<InputSpec> kCsvInputs{{"x", ElementType::f64, {2}}, {"y", ElementType::f64, {}}};

TEST(Csv, ColumnsByNumberAndByName) {
  const TemporaryDirectory directory;
  for (const char* text : {"1,2,3\n4,5,6\n",
                           "\xEF\xBB\xBF"
                           "a,b,c\r\n1,2,3\r\n4,5,6",
                           "a;b;c\n1;2;3\n\n4;5;6\n", "\"a\",\"b\",c\n1, 2 ,\"3\"\n+4,5e0,6\n\n"}) {
    const Dataset data = csv(
        directory, text, {{"x", call("cols", {0.0, 2.0})}, {"y", call("col", {2.0})}}, kCsvInputs);
    EXPECT_THAT(numbers(data, "x"), ElementsAre(1, 2, 4, 5)) << text;
    EXPECT_THAT(numbers(data, "y"), ElementsAre(3, 6));
  }
  const Dataset named =
      csv(directory, "a,b,c\n1,2,3\n4,5,6\n",
          {{"x", call("cols", {std::string("c"), std::string("a")})}, {"y", call("col", {-2.0})}},
          kCsvInputs);
  EXPECT_THAT(numbers(named, "x"), ElementsAre(3, 1, 6, 4));
  EXPECT_THAT(numbers(named, "y"), ElementsAre(2, 5));
}

TEST(Csv, TextInIntegerColumnsBecomesClassNumbers) {
  const TemporaryDirectory directory;
  const std::vector<InputSpec> inputs{{"x", ElementType::f32, {2}}, {"y", ElementType::u8, {}, 3}};
  // No header: the label column is text in the first row as in the others.
  const Dataset data =
      csv(directory, "1,2,virginica\n3,4,setosa\n5,6,\"versi,color\"\n7,8,setosa\n",
          {{"x", call("cols", {0.0, 2.0})}, {"y", call("col", {2.0})}}, inputs);
  EXPECT_EQ(data.splits[0].records, 4);
  EXPECT_THAT(numbers(data, "y"), ElementsAre(2, 0, 1, 0));
  EXPECT_THAT(data.splits[0].find("y")->classes, ElementsAre("setosa", "versi,color", "virginica"));

  // Weights know other classes as well.
  std::vector<InputSpec> known = inputs;
  known[1].index_range = 4;
  known[1].classes = {"aster", "setosa", "versi,color", "virginica"};
  const LoaderCall x = call("cols", {0.0, 2.0}), y = call("col", {2.0});
  const Dataset later = csv(directory, "1,2,virginica\n3,4,setosa\n", {{"x", x}, {"y", y}}, known);
  EXPECT_THAT(numbers(later, "y"), ElementsAre(3, 1));
  EXPECT_EQ(later.splits[0].find("y")->classes, known[1].classes);
  EXPECT_EQ(class_names(class_metadata(later.splits[0]), "y"), known[1].classes);
  EXPECT_EQ(message([&] { csv(directory, "1,2,aster\n3,4,rose\n", {{"x", x}, {"y", y}}, known); }),
            directory.file("d.csv") + ": line 2, col(2): `rose` is no class that the weights know");
}

TEST(Csv, AMisspeltClassIsAmongThoseThatAreListed) {
  const TemporaryDirectory directory;
  const std::vector<InputSpec> inputs{{"y", ElementType::i64, {}, 2}};
  for (const std::string stray : {"setsoa", "7"}) {
    try {
      csv(directory, "kind\nsetosa\naster\nsetosa\n" + stray + "\naster\n",
          {{"y", call("col", {std::string("kind")})}}, inputs);
      FAIL() << stray;
    } catch (const Error& error) {
      EXPECT_EQ(error.message,
                directory.file("d.csv") + ": 3 classes where the model takes 2, in column `kind`");
      EXPECT_THAT(error.notes.at(0), HasSubstr(stray + " (1, line 5)"));
      EXPECT_EQ(error.record, 3);
    }
  }
}

TEST(Csv, AStrayCellDoesNotMakeAColumnOfClasses) {
  const TemporaryDirectory directory;
  const std::vector<InputSpec> inputs{{"y", ElementType::u8, {}}};
  auto read = [&](const char* text) {
    return message([&] { csv(directory, text, {{"y", call("col", {std::string("y")})}}, inputs); });
  };
  EXPECT_THAT(read("y\n0\n1\n2\n10\n9\n1o\n"),
              EndsWith("/d.csv: line 7, column `y`: `1o` is not a number"));
  EXPECT_THAT(read("y,z\ncat,1\n,1\ndog,1\n"),
              EndsWith("/d.csv: line 3, column `y`: the cell is empty"));
  EXPECT_EQ(read("y,z\ncat,1\n7,1\ndog,1\n"), "no error");
}

TEST(Csv, OneColumnServesAColumnVector) {
  const TemporaryDirectory directory;
  const std::vector<InputSpec> inputs{{"y", ElementType::f32, {1}}};
  EXPECT_THAT(numbers(csv(directory, "1\n2\n", {{"y", call("col", {0.0})}}, inputs), "y"),
              ElementsAre(1, 2));
}

TEST(Csv, ErrorsNameLineAndColumn) {
  const TemporaryDirectory directory;
  auto error = [&](const std::string& text, LoaderValue x = call("cols", {0.0, 2.0}),
                   LoaderValue y = call("col", {2.0})) {
    return message([&] { csv(directory, text, {{"x", x}, {"y", y}}, kCsvInputs); });
  };
  EXPECT_THAT(error("1,2,3\n4,5\n"), HasSubstr("d.csv: line 2: 2 cells, the first row has 3"));
  EXPECT_THAT(error("1,2,3\n4,abc,6\n"), HasSubstr("line 2, col(1): `abc` is not a number"));
  EXPECT_THAT(error("1,2,3\n4, ,6\n"), HasSubstr("line 2, col(1): the cell is empty"));
  EXPECT_THAT(error("a,b,c\n1,2,3\n4,abc,6\n"),
              HasSubstr("d.csv: line 3, column `b`: `abc` is not a number"));
  EXPECT_THAT(error("1,2,3\n4,\"5\n6\n"), HasSubstr("line 2: a quote is never closed"));
  EXPECT_THAT(error("1,2,3\n4,\"5\"x,6\n"), HasSubstr("line 2: text after a closing quote"));
  EXPECT_THAT(error(""), HasSubstr("d.csv: has no rows"));
  EXPECT_THAT(error("a,b,c\n"), HasSubstr("d.csv: has a header row and no records"));
  EXPECT_THAT(error("1,2,3\n", call("cols", {0.0, 9.0})), HasSubstr("there is no column 9"));
  EXPECT_THAT(error("1,2,3\n", call("cols", {0.5, 2.0})), HasSubstr("no column 0.5"));
  EXPECT_THAT(error("1,2,3\n", call("cols", {2.0, 0.0})), HasSubstr("has no columns"));
  EXPECT_THAT(error("a,b,c\n1,2,3\n", call("cols", {0.0, 2.0}), call("col", {std::string("z")})),
              HasSubstr("there is no column `z`"));
  EXPECT_THAT(error("1,2,3\n", call("cols", {0.0, 2.0}), call("col", {std::string("z")})),
              HasSubstr("no header row"));
  EXPECT_THAT(error("1,2,3\n", true), HasSubstr("a column is a number or a name"));
}

TEST(Csv, IntegersMustFit) {
  const TemporaryDirectory directory;
  const std::vector<InputSpec> inputs{{"y", ElementType::u8, {}}};
  for (const char* cell : {"256", "-1", "1.5", "nan", "inf", "1e300"}) {
    EXPECT_THAT(message([&] {
                  csv(directory, std::string("1\n") + cell, {{"y", call("col", {0.0})}}, inputs);
                }),
                HasSubstr(std::string("line 2, col(0): ") + cell +
                          " cannot be u8: input `y` takes whole numbers from 0 to 255"))
        << cell;
  }
}

TEST(Csv, NearNamesOfColumnsAndFilesAreSuggested) {
  const TemporaryDirectory directory;
  toy::write(directory.file("points.csv"), "height,width\n1,2\n");
  auto help = [&](const char* file, const char* column) {
    try {
      load_dataset(source(directory.path(), "csv",
                          {{"", std::string(file)}, {"x", call("col", {std::string(column)})}}),
                   {});
    } catch (const Error& error) {
      return error.helps.empty() ? std::string() : error.helps[0];
    }
    return std::string("no error");
  };
  EXPECT_EQ(help("points.csv", "Height"), "did you mean `height`?");
  EXPECT_EQ(help("points.csv", "depth"), "");
  EXPECT_EQ(help("point.csv", "height"), "did you mean `points.csv`?");
  EXPECT_EQ(help("other.csv", "height"), "");
}

TEST(Csv, WrongIndicesNameLineAndColumn) {
  const TemporaryDirectory directory;
  const auto error = [&](const char* text, LoaderValue columns, std::vector<int64_t> shape) {
    const std::vector<InputSpec> inputs{{"y", ElementType::u8, std::move(shape), 3}};
    return message([&] { csv(directory, text, {{"y", std::move(columns)}}, inputs); });
  };
  EXPECT_EQ(error("z\n1\n\n5\n", call("col", {std::string("z")}), {}),
            directory.file("d.csv") + ": line 4, column `z`: y 5 is outside 0..2");
  EXPECT_THAT(error("0,1,2\n0,1,1\n0,1,9\n", call("cols", {1.0, 3.0}), {2}),
              EndsWith("/d.csv: line 3, col(2): y 9 is outside 0..2"));
}

}  // namespace
}  // namespace netc::runtime
