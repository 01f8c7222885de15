// CSV by RFC 4180, with a header row where the first row is not numeric. Columns become fields of
// the type that the model's input of that name has; text in an integer column becomes class numbers
// in the sorted order of the texts.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <deque>
#include <limits>

#include "runtime/arena.h"
#include "runtime/data/byte_source.h"
#include "runtime/data/loaders.h"
#include "runtime/nearest.h"

namespace netc::runtime {
namespace {

constexpr size_t kBlock = 1 << 20;

std::string read_text(ByteSource& source) {
  const auto limit = static_cast<size_t>(memory_limit() / 4);
  std::string text;
  for (;;) {
    const size_t start = text.size();
    if (start >= limit) throw source.error("is larger than a quarter of the memory limit");
    // A plain file's size is known; compressed ones grow as they come.
    const size_t more =
        source.compressed() ? std::max(kBlock, start / 2) : static_cast<size_t>(source.most_left());
    if (more == 0) break;
    text.resize(start + more);
    const size_t count = source.read(std::as_writable_bytes(std::span(text).subspan(start)));
    text.resize(start + count);
    if (count < more) break;
  }
  return text;
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<double> parse_number(std::string_view cell) {
  cell = trim(cell);
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto [end, status] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (cell.empty() || end != cell.data() + cell.size()) return std::nullopt;
  if (status == std::errc::result_out_of_range) return std::nullopt;
  return status == std::errc() ? std::optional(value) : std::nullopt;
}

/// Splits a text into rows of cells. Cells are views of the text, quoted ones of `unquoted_`.
class Rows {
 public:
  Rows(std::string_view text, const ByteSource& source) : text_(text), source_(source) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    const std::string_view first = text_.substr(0, text_.find('\n'));
    for (const char candidate : {',', ';', '\t'}) {
      if (first.find(candidate) != std::string_view::npos) {
        separator_ = candidate;
        break;
      }
    }
  }

  /// The next row that is not blank; false at the end. `line()` is then the line it starts at.
  bool next(std::vector<std::string_view>& cells) {
    while (at_ < text_.size()) {
      cells.clear();
      line_ = next_line_;
      bool more = true;
      while (more) more = cell(cells);
      if (cells.size() > 1 || !trim(cells[0]).empty()) return true;
    }
    return false;
  }
  int64_t line() const { return line_; }

 private:
  /// Reads one cell and what follows it; true when another cell of the row follows.
  bool cell(std::vector<std::string_view>& cells) {
    if (at_ < text_.size() && text_[at_] == '"') {
      cells.push_back(quoted());
    } else {
      const size_t end = std::min(text_.find_first_of(ends_of_cell(), at_), text_.size());
      cells.push_back(text_.substr(at_, end - at_));
      at_ = end;
    }
    if (at_ == text_.size()) return false;
    const char c = text_[at_++];
    if (c == separator_) return true;
    if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
    if (c != '\n' && c != '\r') {
      throw source_.error(fmt::format("line {}: text after a closing quote", line_));
    }
    ++next_line_;
    return false;
  }

  std::string_view quoted() {
    std::string value;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        if (at_ + 1 == text_.size() || text_[at_ + 1] != '"') {
          ++at_;
          return unquoted_.emplace_back(std::move(value));
        }
        ++at_;
      }
      if (text_[at_] == '\n') ++next_line_;
      value += text_[at_];
    }
    throw source_.error(fmt::format("line {}: a quote is never closed", line_));
  }

  std::string_view ends_of_cell() const {
    return separator_ == ',' ? ",\r\n" : separator_ == ';' ? ";\r\n" : "\t\r\n";
  }

  std::string_view text_;
  const ByteSource& source_;
  char separator_ = ',';
  size_t at_ = 0;
  int64_t line_ = 1, next_line_ = 1;
  std::deque<std::string> unquoted_;
};

/// Columns that make up one field.
struct Columns {
  std::string field;
  std::vector<size_t> numbers;
  bool single = false;  ///< col(): no dim of its own
};

using Header = std::vector<std::string>;

size_t column_number(const LoaderArguments& arguments, const std::string& field, double number,
                     size_t width) {
  const double index = number < 0 ? number + static_cast<double>(width) : number;
  if (!(index >= 0) || index >= static_cast<double>(width) || index != std::floor(index)) {
    throw arguments.error(fmt::format("`{}`: there is no column {}; columns are 0 to {}",
                                      printable(field), number, width - 1));
  }
  return static_cast<size_t>(index);
}

size_t column_named(const LoaderArguments& arguments, const std::string& field,
                    const std::string& name, const Header& header) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) return static_cast<size_t>(found - header.begin());
  if (header.empty()) {
    throw arguments.error(
        fmt::format("`{}`: the file has no header row with column names", printable(field)));
  }
  Error error =
      arguments
          .error(fmt::format("`{}`: there is no column `{}`", printable(field), printable(name)))
          .note(fmt::format("columns: {}", printable(fmt::format("{}", fmt::join(header, ", ")))));
  if (const std::string near = nearest(name, header); !near.empty()) {
    error.help(fmt::format("did you mean `{}`?", printable(near)));
  }
  throw error;
}

Columns select(const LoaderArguments& arguments, const std::string& field, const LoaderValue& value,
               const Header& header, size_t width) {
  Columns columns{field, {}, false};
  auto add = [&](const LoaderValue& item) {
    if (const double* number = std::get_if<double>(&item)) {
      columns.numbers.push_back(column_number(arguments, field, *number, width));
    } else if (const std::string* text = std::get_if<std::string>(&item)) {
      columns.numbers.push_back(column_named(arguments, field, *text, header));
    } else {
      throw arguments.error(fmt::format("`{}`: a column is a number or a name", printable(field)));
    }
  };
  const LoaderCall* call = std::get_if<LoaderCall>(&value);
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) {
    for (const std::string& name : *names) add(name);
    return columns;
  }
  if (!call || call->name == "col") {
    if (call && call->args.size() != 1) throw arguments.error("`col` takes one column");
    add(call ? call->args[0].second : value);
    columns.single = true;
    return columns;
  }
  if (call->name != "cols" || call->args.empty()) {
    throw arguments.error(fmt::format("`{}` must be `col(…)` or `cols(…)`", printable(field)));
  }
  const double* first = std::get_if<double>(&call->args[0].second);
  const double* stop =
      call->args.size() == 2 ? std::get_if<double>(&call->args[1].second) : nullptr;
  if (!first || !stop) {
    for (const auto& [key, item] : call->args) add(item);
    return columns;
  }
  // cols(first, stop) is a range like a slice: stop is not in it, and may be the width.
  const size_t begin = column_number(arguments, field, *first, width);
  const size_t end =
      *stop == static_cast<double>(width) ? width : column_number(arguments, field, *stop, width);
  for (size_t i = begin; i < end; ++i) columns.numbers.push_back(i);
  if (begin >= end) throw arguments.error(fmt::format("`{}` has no columns", printable(field)));
  return columns;
}

bool is_header(const std::vector<std::string_view>& first,
               const std::vector<std::string_view>& second) {
  bool all_text = true;
  for (size_t i = 0; i < first.size(); ++i) {
    const bool text = !parse_number(first[i]);
    all_text = all_text && text;
    // A name above a number: the label column of data without a header is text in both rows.
    if (text && i < second.size() && parse_number(second[i])) return true;
  }
  return all_text;
}

/// The cells of a file by row, all rows of one width.
struct Table {
  Header header;
  size_t width = 0;
  std::vector<std::string_view> cells;
  std::vector<int64_t> lines;  ///< line of each row

  std::string_view cell(size_t row, size_t column) const { return cells[row * width + column]; }
  size_t rows() const { return lines.size(); }
  /// `column `y``; without a header as the program counts columns: `col(1)`.
  std::string name(size_t column) const {
    if (header.empty() || header[column].empty()) return fmt::format("col({})", column);
    return fmt::format("column `{}`", printable(header[column]));
  }
};

Table read_table(Rows& rows, const ByteSource& source) {
  Table table;
  std::vector<std::string_view> row;
  while (rows.next(row)) {
    if (table.width == 0) table.width = row.size();
    if (row.size() != table.width) {
      throw source
          .error(fmt::format("line {}: {} cells, the first row has {}", rows.line(), row.size(),
                             table.width))
          .at_record(static_cast<int64_t>(table.rows()));
    }
    table.cells.insert(table.cells.end(), row.begin(), row.end());
    table.lines.push_back(rows.line());
  }
  if (table.width == 0) throw source.error("has no rows");
  const auto width = static_cast<ptrdiff_t>(table.width);
  const std::vector<std::string_view> first(table.cells.begin(), table.cells.begin() + width);
  std::vector<std::string_view> second;
  if (table.rows() > 1) {
    second.assign(table.cells.begin() + width, table.cells.begin() + 2 * width);
  }
  if (is_header(first, second)) {
    for (const std::string_view name : first) table.header.emplace_back(trim(name));
    table.cells.erase(table.cells.begin(), table.cells.begin() + width);
    table.lines.erase(table.lines.begin());
  }
  if (table.rows() == 0) throw source.error("has a header row and no records below it");
  return table;
}

Error bad_cell(const Table& table, const ByteSource& source, size_t row, size_t column,
               const std::string& what) {
  return source.error(fmt::format("line {}, {}: {}", table.lines[row], table.name(column), what))
      .at_record(static_cast<int64_t>(row));
}

template <typename T>
void fill_field(const Table& table, const Columns& columns, const ByteSource& source,
                ElementType type, std::span<T> out) {
  size_t next = 0;
  for (size_t row = 0; row < table.rows(); ++row) {
    for (const size_t column : columns.numbers) {
      const std::string_view cell = trim(table.cell(row, column));
      auto bad = [&](const std::string& what) {
        return bad_cell(table, source, row, column, what);
      };
      const std::optional<double> value = parse_number(cell);
      if (cell.empty()) throw bad("the cell is empty");
      if (!value) throw bad(fmt::format("`{}` is not a number", printable(cell)));
      if constexpr (std::is_integral_v<T>) {
        constexpr T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
        if (*value != std::floor(*value) || *value < static_cast<double>(least) ||
            *value > static_cast<double>(most) || std::abs(*value) > 0x1p53) {
          throw bad(fmt::format("{} cannot be {}: input `{}` takes whole numbers from {} to {}",
                                printable(cell), name(type), printable(columns.field), least,
                                most));
        }
      }
      out[next++] = static_cast<T>(*value);
    }
  }
}

/// The names in a column of classes, sorted; empty when the column is one of numbers. Where most
/// cells are numbers the others are mistakes, which fill_field finds.
std::vector<std::string> categories(const Table& table, size_t column) {
  size_t numbers = 0;
  for (size_t row = 0; row < table.rows(); ++row) {
    numbers += parse_number(table.cell(row, column)).has_value();
  }
  if (2 * numbers > table.rows()) return {};
  std::vector<std::string> names;
  for (size_t row = 0; row < table.rows(); ++row) names.emplace_back(trim(table.cell(row, column)));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// The numbers of the names in a column.
template <typename T>
void fill_classes(const Table& table, size_t column, const ByteSource& source,
                  const std::vector<std::string>& names, std::span<T> out) {
  for (size_t row = 0; row < table.rows(); ++row) {
    const std::string_view cell = trim(table.cell(row, column));
    if (cell.empty()) throw bad_cell(table, source, row, column, "the cell is empty");
    out[row] = static_cast<T>(std::lower_bound(names.begin(), names.end(), cell) - names.begin());
  }
}

Field make_field(const Table& table, const Columns& columns, const InputSpec* input,
                 const ByteSource& source) {
  std::vector<std::string> names;
  if (columns.single && !(input && is_floating(input->type))) {
    names = categories(table, columns.numbers[0]);
    if (names.size() > 256) names.clear();
  }
  // A field that no input takes is read all the same: the error is that it is misnamed.
  const ElementType type = input           ? input->type
                           : names.empty() ? ElementType::f64
                                           : ElementType::i64;
  std::vector<int64_t> shape{static_cast<int64_t>(table.rows())};
  // One column serves an input of [batch] and one of [batch, 1].
  const bool column_vector = input && input->shape == std::vector<int64_t>{1};
  if (!columns.single || column_vector) {
    shape.push_back(static_cast<int64_t>(columns.numbers.size()));
  }
  Tensor tensor = make_tensor(type, shape);
  with_type(type, [&]<typename T>(T) {
    const std::span<T> values = tensor.as<T>();
    if (names.empty()) {
      fill_field(table, columns, source, type, values);
    } else {
      fill_classes(table, columns.numbers[0], source, names, values);
    }
  });
  Field field = as_field(std::move(tensor), columns.field, source.path());
  field.classes = std::move(names);
  for (const size_t column : columns.numbers) field.columns.push_back(table.name(column));
  return field;
}

}  // namespace

Dataset load_csv(const LoaderArguments& arguments, std::span<const InputSpec> inputs) {
  ByteSource source(arguments.path(0, ""));
  const std::string text = read_text(source);
  Rows rows(text, source);
  const Table table = read_table(rows, source);
  const auto lines = std::make_shared<const std::vector<int64_t>>(table.lines);
  std::vector<Field> fields;
  for (const auto& [field, value] : arguments.fields({})) {
    const Columns columns = select(arguments, field, *value, table.header, table.width);
    const auto input = std::find_if(inputs.begin(), inputs.end(),
                                    [&](const InputSpec& spec) { return spec.name == field; });
    fields.push_back(make_field(table, columns, input == inputs.end() ? nullptr : &*input, source));
    fields.back().lines = lines;
  }
  if (fields.empty()) throw arguments.error("names no columns: `csv(\"…\", x = cols(0, 4))`");
  return one_split("csv", std::move(fields));
}

}  // namespace netc::runtime
