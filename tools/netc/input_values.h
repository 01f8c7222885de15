// Values that people give for inputs: JSON records, and what to do about arrays that do not fit.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/slots.h"
#include "runtime/tensor.h"

namespace netc::tools {

/// Throws the runtime::Error about the values for an input, with a cure where one is known.
[[noreturn]] void bad_field(const std::string& input, const std::string& message,
                            const std::string& help = "");

/// A line of JSON that is an object. `place` names the line in errors.
nlohmann::json json_record(const std::string& line, const std::string& place);
/// The value of an input in such a record, as one row.
runtime::Tensor json_input(const nlohmann::json& record, const runtime::Slot& slot,
                           const std::string& place);

/// How to make a picture of shape [height, width] or [height, width, 3] one of `wanted`; empty when
/// no picture has that shape.
std::string picture_cure(const std::vector<int64_t>& shape, const std::vector<int64_t>& wanted);
/// How to make an array of numbers of kind `given` one that an input of type `wanted` takes.
std::string type_cure(const runtime::Tensor& given, runtime::ElementType wanted);

}  // namespace netc::tools
