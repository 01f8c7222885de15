// Matching of fields and inputs, index checks, and dispatch to the loaders.
#include "runtime/data/dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/checked.h"
#include "runtime/data/loaders.h"
#include "runtime/error.h"
#include "runtime/nearest.h"
#include "runtime/slots.h"

namespace netc::runtime {
namespace {

std::string describe(const Dataset& dataset) {
  std::string text = "fields: ";
  if (dataset.splits.empty()) return text + "none";
  bool first = true;
  for (const Field& field : dataset.splits[0].fields) {
    text += fmt::format("{}{} {}", first ? "" : ", ", printable(field.name),
                        type_text(field.type, field.shape));
    first = false;
  }
  return text;
}

/// The declaration that would take the field as it is.
std::string declaration(const Field& field) {
  std::vector<std::string> parts{"batch"};
  for (const int64_t dim : field.shape) parts.push_back(std::to_string(dim));
  return fmt::format("declare `input {}: {}[{}]`", printable(field.name), name(field.type),
                     fmt::join(parts, ", "));
}

Error mismatch(const Dataset& dataset, const Field& field, const InputSpec& input) {
  Error error(Fault::Field, fmt::format("dataset field `{}` is {} per sample, the model wants {}",
                                        printable(field.name), type_text(field.type, field.shape),
                                        type_text(input.type, input.shape)));
  std::string help = declaration(field);
  if (!is_floating(field.type) && is_floating(input.type)) {
    const bool flat = field.shape.size() > 1 && input.shape.size() == 1;
    help += fmt::format(" and convert in the graph:\n`{}`, so `predict` does it too",
                        flat ? fmt::format("flatten(float({}) / 255, 1)", printable(field.name))
                             : fmt::format("float({})", printable(field.name)));
  }
  error.for_input(input.name).help(std::move(help));
  error.data_label = describe(dataset);
  return error;
}

/// How to give `input` a field, by one that no input takes if there is such a one.
std::string missing_cure(const Dataset& dataset, const Split& split, const InputSpec& input,
                         std::span<const InputSpec> inputs) {
  std::vector<std::string> spare;
  std::string fitting;
  for (const Field& field : split.fields) {
    const bool taken = std::any_of(inputs.begin(), inputs.end(),
                                   [&](const InputSpec& i) { return i.name == field.name; });
    if (taken) continue;
    spare.push_back(field.name);
    if (fitting.empty() && field.type == input.type && field.shape == input.shape) {
      fitting = field.name;
    }
  }
  // csv gives a field the type of the input of its name, so a misnamed one has not got it.
  std::string field = nearest(input.name, spare);
  if (field.empty()) field = fitting;
  if (field.empty() && dataset.loader == "csv" && spare.size() == 1) field = spare[0];
  const std::string& loader = dataset.loader;
  const bool named_by_program = loader == "csv" || loader == "npy" || loader == "idx";
  if (!field.empty() && named_by_program) {
    return fmt::format("rename `{}` to `{}` in the `data` item, or call the input `{}`",
                       printable(field), input.name, printable(field));
  }
  if (!field.empty()) return fmt::format("call the input `{}`", printable(field));
  if (!named_by_program) return "";
  return fmt::format("add `{} = {}` to the `data` item", input.name,
                     loader == "csv" ? "col(…)" : "\"…\"");
}

Error missing(const Dataset& dataset, const Split& split, const InputSpec& input,
              std::span<const InputSpec> inputs) {
  Error error(Fault::Field,
              fmt::format("the dataset has no field `{}`, which the model takes as input",
                          printable(input.name)));
  error.for_input(input.name);
  error.data_label = describe(dataset);
  const std::string cure = missing_cure(dataset, split, input, inputs);
  return cure.empty() ? error : error.help(cure);
}

/// More classes have been met than the model tells apart: a mistyped name, or a model too small.
Error too_many_classes(const Field& field, const InputSpec& input) {
  std::vector<int64_t> counts(field.classes.size()), first(field.classes.size());
  with_type(field.type, [&]<typename T>(T) {
    const auto* values = reinterpret_cast<const T*>(field.data());
    for (int64_t i = field.records; i-- > 0;) {
      ++counts[static_cast<size_t>(values[i])];
      first[static_cast<size_t>(values[i])] = i;
    }
  });
  constexpr size_t kShown = 20;
  std::string list;
  for (size_t i = 0; i < std::min(kShown, counts.size()); ++i) {
    list += fmt::format("{}{} ({}", i ? ", " : "", printable(field.classes[i]), counts[i]);
    if (field.lines && counts[i] == 1) {
      list += fmt::format(", line {}", (*field.lines)[static_cast<size_t>(first[i])]);
    }
    list += ")";
  }
  const auto rarest =
      static_cast<size_t>(std::min_element(counts.begin(), counts.end()) - counts.begin());
  Error error(Fault::IndexData,
              fmt::format("{}: {} classes where the model takes {}{}", shown_path(field.origin),
                          counts.size(), input.index_range,
                          field.columns.empty() ? "" : ", in " + field.columns[0]));
  error.in_file(field.origin)
      .at_record(first[rarest])
      .for_input(input.name, fmt::format("used as an index into {} values", input.index_range))
      .note(fmt::format("classes: {}{}", list, counts.size() > kShown ? ", …" : ""))
      .help(fmt::format("is one of them misspelt? Else the model needs {} classes", counts.size()));
  return error;
}

template <typename T>
void check_range(const Field& field, const InputSpec& input) {
  const auto* values = reinterpret_cast<const T*>(field.data());
  const int64_t per_record = field.sample_bytes() / static_cast<int64_t>(sizeof(T));
  const int64_t low = input.index_wraps ? -input.index_range : 0;
  for (int64_t i = 0, n = field.records * per_record; i < n; ++i) {
    const auto value = static_cast<int64_t>(values[i]);
    if (value >= low && value < input.index_range) continue;
    if (value == input.index_ignore && input.index_ignore != -1) continue;
    const int64_t record = i / per_record;
    throw Error(Fault::IndexData,
                fmt::format("{}: {} {} is outside {}..{}", place_of(field, record, i % per_record),
                            printable(field.name), value, low, input.index_range - 1))
        .in_file(field.origin)
        .at_record(record)
        .for_input(input.name, fmt::format("used as an index into {} values", input.index_range));
  }
}

/// Numbers the classes of a field as the input says. The loader numbered the names it met, which
/// need not be all that the model was trained on.
void renumber_classes(Field& field, const InputSpec& input) {
  std::vector<int64_t> numbers;
  for (const std::string& name : field.classes) {
    const auto known = std::find(input.classes.begin(), input.classes.end(), name);
    numbers.push_back(known == input.classes.end() ? -1 : known - input.classes.begin());
  }
  with_type(field.type, [&]<typename T>(T) {
    auto* values = reinterpret_cast<T*>(field.buffer->data.get() + field.offset);
    for (int64_t i = 0; i < field.records && !numbers.empty(); ++i) {
      const auto old = static_cast<size_t>(values[i]);
      if (numbers[old] < 0) {
        throw Error(Fault::IndexData,
                    fmt::format("{}: `{}` is no class that the weights know", place_of(field, i, 0),
                                printable(field.classes[old])))
            .in_file(field.origin)
            .at_record(i)
            .for_input(input.name)
            .note("classes: " + printable(fmt::format("{}", fmt::join(input.classes, ", "))));
      }
      values[i] = static_cast<T>(numbers[old]);
    }
  });
  field.classes = input.classes;
}

/// What the loader reads, whether or not it fits the inputs.
Dataset read_fields(const DataSource& source, std::span<const InputSpec> inputs) {
  const LoaderArguments arguments(source);
  const std::string& loader = source.call.name;
  if (loader == "mnist") return load_mnist(arguments);
  if (loader == "idx") return load_idx(arguments);
  if (loader == "npy") return load_npy(arguments);
  if (loader == "csv") return load_csv(arguments, inputs);
  if (loader == "images") return load_images(arguments, inputs);
  if (loader == "random") return load_random(arguments, inputs);
  throw Error(Fault::DataFile, fmt::format("no data loader is called `{}`", printable(loader)))
      .help("loaders: mnist idx csv npy images random");
}

}  // namespace

int64_t Field::sample_bytes() const {
  // Checked when the field was made: the product of all dims is within limits.
  return element_count(shape).value_or(0) * byte_size(type);
}

const Field* Split::find(std::string_view field) const {
  for (const Field& candidate : fields) {
    if (candidate.name == field) return &candidate;
  }
  return nullptr;
}

const Split* Dataset::find(std::string_view split) const {
  for (const Split& candidate : splits) {
    if (candidate.name == split) return &candidate;
  }
  return nullptr;
}

std::vector<InputSpec> input_specs(std::span<const Plan* const> plans) {
  std::vector<InputSpec> specs;
  for (const Plan* plan : plans) {
    for (const Slot& slot : plan->slots) {
      if (slot.role != SlotRole::Input || !slot.batched) continue;
      auto known = std::find_if(specs.begin(), specs.end(),
                                [&](const InputSpec& spec) { return spec.name == slot.name; });
      if (known == specs.end()) {
        specs.push_back({slot.name,
                         slot.type,
                         sample_dims(slot),
                         slot.index_range,
                         slot.index_ignore,
                         slot.index_wraps,
                         {}});
      } else if (slot.index_range > 0 &&
                 (known->index_range == 0 || slot.index_range < known->index_range)) {
        known->index_range = slot.index_range;
        known->index_ignore = slot.index_ignore;
        known->index_wraps = slot.index_wraps;
      }
    }
  }
  return specs;
}

std::string place_of(const Field& field, int64_t record, int64_t number) {
  if (!field.lines) return fmt::format("{}: record {}", shown_path(field.origin), record);
  return fmt::format("{}: line {}, {}", shown_path(field.origin),
                     (*field.lines)[static_cast<size_t>(record)],
                     field.columns[static_cast<size_t>(number)]);
}

void check_fields(const Dataset& dataset, std::span<const InputSpec> inputs) {
  for (const Split& split : dataset.splits) {
    for (const InputSpec& input : inputs) {
      const Field* field = split.find(input.name);
      if (!field) throw missing(dataset, split, input, inputs);
      if (field->type != input.type || field->shape != input.shape) {
        throw mismatch(dataset, *field, input);
      }
    }
  }
}

void check_indices(const Dataset& dataset, std::span<const InputSpec> inputs) {
  for (const Split& split : dataset.splits) {
    for (const InputSpec& input : inputs) {
      const Field* field = split.find(input.name);
      if (!field || input.index_range <= 0 || is_floating(field->type)) continue;
      if (static_cast<int64_t>(field->classes.size()) > input.index_range) {
        throw too_many_classes(*field, input);
      }
      with_type(field->type, [&](auto sample) { check_range<decltype(sample)>(*field, input); });
    }
  }
}

Metadata class_metadata(const Split& split) {
  Metadata metadata;
  for (const Field& field : split.fields) {
    if (field.classes.empty()) continue;
    metadata["classes." + field.name] =
        nlohmann::json(field.classes)
            .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return metadata;
}

std::vector<std::string> class_names(const Metadata& metadata, const std::string& field) {
  std::vector<std::string> names;
  const auto found = metadata.find("classes." + field);
  if (found == metadata.end()) return names;
  const nlohmann::json list = nlohmann::json::parse(found->second, nullptr, false);
  if (!list.is_array()) return names;
  for (const nlohmann::json& name : list) {
    names.push_back(name.is_string() ? name.get<std::string>() : std::string());
  }
  return names;
}

Split slice(const Split& split, std::string name, int64_t first, int64_t count) {
  Split part{std::move(name), split.fields, count};
  for (Field& field : part.fields) {
    field.offset += static_cast<size_t>(first * field.sample_bytes());
    field.records = count;
  }
  return part;
}

Field as_field(Tensor tensor, std::string field, std::string origin) {
  if (tensor.shape.empty()) {
    throw Error(Fault::DataFile,
                fmt::format("{}: holds one number, not records", shown_path(origin)))
        .in_file(origin);
  }
  Field result{std::move(field),
               tensor.type,
               {tensor.shape.begin() + 1, tensor.shape.end()},
               tensor.shape[0],
               std::make_shared<Buffer>(std::move(tensor.bytes)),
               0,
               std::move(origin),
               nullptr,
               {},
               {}};
  return result;
}

Dataset one_split(std::string loader, std::vector<Field> fields) {
  Split split{"train", std::move(fields), 0};
  split.records = split.fields.empty() ? 0 : split.fields[0].records;
  for (const Field& field : split.fields) {
    if (field.records == split.records) continue;
    throw Error(Fault::DataFile,
                fmt::format("{} has {} records, {} has {}", shown_path(field.origin), field.records,
                            shown_path(split.fields[0].origin), split.records))
        .in_file(field.origin);
  }
  return {std::move(loader), {std::move(split)}};
}

Dataset load_dataset(const DataSource& source, std::span<const InputSpec> inputs) {
  try {
    Dataset dataset = read_fields(source, inputs);
    check_fields(dataset, inputs);
    for (Split& split : dataset.splits) {
      for (Field& field : split.fields) {
        for (const InputSpec& input : inputs) {
          if (input.name == field.name && !input.classes.empty()) renumber_classes(field, input);
        }
      }
    }
    check_indices(dataset, inputs);
    return dataset;
  } catch (Error& error) {
    if (error.data_label.empty()) error.data_label = "read by this loader";
    throw;
  }
}

const LoaderValue* LoaderArguments::find(size_t position, std::string_view name) const {
  size_t positional = 0;
  for (const auto& [key, value] : source_.call.args) {
    if (!name.empty() && key == name) return &value;
    if (key.empty() && positional++ == position) return &value;
  }
  return nullptr;
}

std::string LoaderArguments::resolve(const std::string& path) const {
  if (path.empty() || path[0] == '/' || source_.directory.empty()) return path;
  return source_.directory + "/" + path;
}

Error LoaderArguments::error(const std::string& message) const {
  return Error(Fault::DataFile, fmt::format("data {}: {}", printable(source_.call.name), message));
}

std::string LoaderArguments::path(size_t position, std::string_view name) const {
  const LoaderValue* value = find(position, name);
  const std::string* text = value ? std::get_if<std::string>(value) : nullptr;
  if (!text) throw error(fmt::format("needs a path: `{}(\"…\")`", source_.call.name));
  return resolve(*text);
}

std::optional<std::string> LoaderArguments::only_path() const {
  const bool single = source_.call.args.size() == 1 && source_.call.args[0].first.empty();
  return single ? std::optional(path(0, "")) : std::nullopt;
}

std::optional<double> LoaderArguments::number(size_t position, std::string_view name) const {
  const LoaderValue* value = find(position, name);
  if (!value) return std::nullopt;
  const double* number = std::get_if<double>(value);
  if (!number || !std::isfinite(*number) || *number < 0 || *number != std::floor(*number) ||
      *number > 0x1p53) {
    throw error(fmt::format("`{}` must be an integer from 0", name));
  }
  return *number;
}

std::vector<std::pair<std::string, const LoaderValue*>> LoaderArguments::fields(
    std::vector<std::string_view> reserved) const {
  std::vector<std::pair<std::string, const LoaderValue*>> result;
  for (const auto& [key, value] : source_.call.args) {
    if (key.empty() || std::find(reserved.begin(), reserved.end(), key) != reserved.end()) continue;
    result.emplace_back(key, &value);
  }
  return result;
}

std::vector<std::pair<std::string, std::string>> LoaderArguments::files() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [key, value] : source_.call.args) {
    const std::string* text = std::get_if<std::string>(&value);
    if (key.empty() || !text) {
      throw error(fmt::format("takes named files: `{}(x = \"…\")`", source_.call.name));
    }
    result.emplace_back(key, resolve(*text));
  }
  if (result.empty()) throw error("needs at least one file");
  return result;
}

void LoaderArguments::allow(size_t positional, std::vector<std::string_view> names) const {
  size_t count = 0;
  for (const auto& [key, value] : source_.call.args) {
    if (key.empty() ? ++count > positional
                    : std::find(names.begin(), names.end(), key) == names.end()) {
      throw error(key.empty() ? "has too many arguments"
                              : fmt::format("has no argument `{}`", printable(key)));
    }
  }
}

}  // namespace netc::runtime
