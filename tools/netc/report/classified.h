// Models that choose classes: who was taken for whom, and the worst mistakes.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/netc/confusion.h"
#include "tools/netc/report/picture.h"
#include "tools/netc/report/regression.h"

namespace netc::tools {

/// What a record looks like to a reader: its first input that is a picture, else its numbers.
class RecordView {
 public:
  RecordView(const runtime::Plan& predict, const runtime::Split& split);
  const std::optional<PictureShape>& picture() const { return shape_; }
  /// The picture's `data:` address.
  std::string address(int64_t record) const;
  /// The first numbers of the first input.
  std::string numbers(int64_t record) const;

 private:
  const runtime::Field* field_ = nullptr;
  std::optional<PictureShape> shape_;
};

nlohmann::json classified_section(EntryRunner& predict, const Classification& kind,
                                  const runtime::Split& split,
                                  const std::vector<std::string>& names);
/// The same where the true numbers are 0 and 1 and one number is predicted: a probability when all
/// lie between 0 and 1, else a logit.
nlohmann::json yes_or_no_section(EntryRunner& predict, const Target& target,
                                 const Outcomes& outcomes, const runtime::Split& split);

}  // namespace netc::tools
