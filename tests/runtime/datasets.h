// What tests of data loaders share.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/error.h"

namespace netc::runtime::toy {

/// The message of the Error that `function` throws; "no error" when it throws none.
inline std::string message(const std::function<void()>& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.message;
  }
  return "no error";
}

inline DataSource source(const std::string& directory, const std::string& loader,
                         std::vector<std::pair<std::string, LoaderValue>> args) {
  return {{loader, std::move(args)}, directory};
}

inline LoaderCall call(const char* name, std::vector<LoaderValue> args) {
  LoaderCall result{name, {}};
  for (LoaderValue& arg : args) result.args.emplace_back("", std::move(arg));
  return result;
}

inline std::vector<double> numbers(const Dataset& dataset, const char* name) {
  const Field& field = *dataset.splits[0].find(name);
  std::vector<double> result;
  for (int64_t i = 0; i < field.records * field.sample_bytes() / byte_size(field.type); ++i) {
    result.push_back(load_number(field.type, field.data() + i * byte_size(field.type)));
  }
  return result;
}

}  // namespace netc::runtime::toy
