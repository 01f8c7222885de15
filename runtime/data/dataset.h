// A dataset in memory: named splits of named fields, and how fields are matched to a model's
// inputs.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/plan.h"
#include "runtime/safetensors.h"
#include "runtime/tensor.h"

namespace netc::runtime {

/// What a model wants of an input, per sample.
struct InputSpec {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;  ///< without the batch
  int64_t index_range = 0;     ///< as in Slot
  int64_t index_ignore = -1;
  bool index_wraps = false;
  std::vector<std::string> classes = {};  ///< names by number; none: the data's own
};

/// The inputs of plans by name, each once, with the narrowest index range any plan asks for.
std::vector<InputSpec> input_specs(std::span<const Plan* const> plans);

/// One named column of a split: `records` samples of equal type and shape, row-major.
struct Field {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<int64_t> shape;  ///< per sample
  int64_t records = 0;
  std::shared_ptr<Buffer> buffer;
  size_t offset = 0;                                  ///< of record 0 in the buffer
  std::string origin;                                 ///< file it came from, for error messages
  std::shared_ptr<const std::vector<int64_t>> lines;  ///< of its records, in a file that has lines
  std::vector<std::string> columns = {};  ///< of a record's numbers, in a file that has lines
  std::vector<std::string> classes = {};  ///< names of class numbers, where the data has names

  const std::byte* data() const { return buffer->data.get() + offset; }
  int64_t sample_bytes() const;
};

/// train, valid, test ….
struct Split {
  std::string name;
  std::vector<Field> fields;
  int64_t records = 0;

  const Field* find(std::string_view field) const;
};

struct Dataset {
  std::string loader;
  std::vector<Split> splits;

  const Split* find(std::string_view split) const;
};

/// `data csv("wdbc.csv", x = cols(0, 30))` as values. Names empty: positional.
struct LoaderCall;
using LoaderValue = std::variant<double, bool, std::string, std::vector<std::string>, LoaderCall>;
struct LoaderCall {
  std::string name;
  std::vector<std::pair<std::string, LoaderValue>> args;
};
struct DataSource {
  LoaderCall call;
  std::string directory;  ///< relative paths start here
};

/// Reads a dataset and checks it against the inputs: every input has a field of its name, type and
/// shape, and values used as indices are in range. `inputs` also tells csv and random the types to
/// produce, and how the classes that have names are numbered.
Dataset load_dataset(const DataSource& source, std::span<const InputSpec> inputs);

/// The checks of load_dataset on their own.
void check_fields(const Dataset& dataset, std::span<const InputSpec> inputs);
void check_indices(const Dataset& dataset, std::span<const InputSpec> inputs);

/// Where number `number` of a record stands: `d.csv: line 5, column `y`` in a file that has lines,
/// else `d.npy: record 3`.
std::string place_of(const Field& field, int64_t record, int64_t number);

/// The names of classes as metadata of a weight file: `classes.FIELD` is a JSON list by number.
Metadata class_metadata(const Split& split);
/// The names that class_metadata wrote for a field; none when it wrote none.
std::vector<std::string> class_names(const Metadata& metadata, const std::string& field);

/// Records [first, first + count) of a split, sharing its memory.
Split slice(const Split& split, std::string name, int64_t first, int64_t count);

}  // namespace netc::runtime
