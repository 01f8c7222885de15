// Header parsing by nlohmann::json, with every fact of the header checked against the file.
#include "runtime/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "runtime/arena.h"
#include "runtime/checked.h"
#include "runtime/data/byte_source.h"
#include "runtime/limits.h"

namespace netc::runtime {
namespace {

using Json = nlohmann::json;

constexpr int kMaxDepth = 8;

const char* format_name(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "F32";
    case ElementType::f64:
      return "F64";
    case ElementType::i32:
      return "I32";
    case ElementType::i64:
      return "I64";
    case ElementType::u8:
      return "U8";
    case ElementType::boolean:
      return "BOOL";
  }
  return "";
}

struct FormatType {
  const char* name;
  int64_t bytes;
  std::optional<ElementType> type;
};

constexpr FormatType kFormatTypes[] = {
    {"F32", 4, ElementType::f32}, {"F64", 8, ElementType::f64}, {"I32", 4, ElementType::i32},
    {"I64", 8, ElementType::i64}, {"U8", 1, ElementType::u8},   {"BOOL", 1, ElementType::boolean},
    {"F16", 2, std::nullopt},     {"BF16", 2, std::nullopt},    {"I8", 1, std::nullopt},
    {"I16", 2, std::nullopt},     {"U16", 2, std::nullopt},     {"U32", 4, std::nullopt},
    {"U64", 8, std::nullopt},     {"F8_E4M3", 1, std::nullopt}, {"F8_E5M2", 1, std::nullopt},
};

/// Parses JSON that is an object with no key twice in any object and little nesting; else null.
Json parse_header(std::string_view text) {
  std::vector<std::set<std::string>> keys;
  bool good = true;
  auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) {
      keys.resize(std::max(keys.size(), static_cast<size_t>(depth) + 1));
      keys[static_cast<size_t>(depth)].clear();
    }
    if (event == Json::parse_event_t::key && depth >= 1) {
      good = good && keys[static_cast<size_t>(depth) - 1].insert(value.get<std::string>()).second;
    }
    good = good && depth <= kMaxDepth;
    // Once something is wrong nothing more is kept, so depth costs no memory.
    return good;
  };
  Json header = Json::parse(text, check, /*allow_exceptions=*/false);
  return good && header.is_object() ? header : Json();
}

std::optional<std::vector<int64_t>> integers(const Json& list) {
  if (!list.is_array()) return std::nullopt;
  std::vector<int64_t> result;
  for (const Json& item : list) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > INT64_MAX) return std::nullopt;
    result.push_back(static_cast<int64_t>(item.get<uint64_t>()));
  }
  return result;
}

struct Entry {
  std::string name;
  const FormatType* format;
  std::vector<int64_t> shape;
  int64_t begin, end;
};

Entry read_entry(const std::string& name, const Json& item, const ByteSource& source) {
  auto bad = [&](const std::string& what) {
    return source.error(fmt::format("tensor `{}`: {}", printable(name), what));
  };
  if (!item.is_object() || item.size() != 3 || !item.contains("dtype") || !item.contains("shape") ||
      !item.contains("data_offsets") || !item["dtype"].is_string()) {
    throw bad("malformed header entry");
  }
  const std::string dtype = item["dtype"];
  const auto* format = std::find_if(std::begin(kFormatTypes), std::end(kFormatTypes),
                                    [&](const FormatType& f) { return dtype == f.name; });
  if (format == std::end(kFormatTypes)) throw bad("unknown dtype " + printable(dtype));
  const auto shape = integers(item["shape"]);
  const auto offsets = integers(item["data_offsets"]);
  if (!shape || !offsets || offsets->size() != 2) throw bad("malformed shape or offsets");
  const std::optional<int64_t> count = element_count(*shape);
  const auto bytes = count ? checked_multiply(*count, format->bytes) : std::nullopt;
  const int64_t begin = (*offsets)[0], end = (*offsets)[1];
  if (!bytes || begin > end || end - begin != *bytes) {
    throw bad(
        fmt::format("its shape [{}] does not take {} bytes", fmt::join(*shape, ", "), end - begin));
  }
  return {name, format, *shape, begin, end};
}

void read_metadata(const Json& item, TensorFile& file, const ByteSource& source) {
  if (!item.is_object()) throw source.error("__metadata__ is not an object");
  for (const auto& [key, value] : item.items()) {
    if (!value.is_string()) throw source.error("__metadata__ holds something other than text");
    file.metadata[key] = value.get<std::string>();
  }
}

/// torch.save writes a ZIP archive that holds `data.pkl`, and once wrote a bare pickle. To be asked
/// of files that are none of safetensors: the length of a header may look like the start of either.
bool is_torch_save(std::string_view content) {
  return content.starts_with("\x80\x02") ||
         (content.starts_with("PK\x03\x04") && content.find("data.pkl") != std::string_view::npos);
}

}  // namespace

const TensorView* TensorFile::find(std::string_view name) const {
  for (const TensorView& tensor : tensors) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

TensorFile read_safetensors(const std::string& path, Fault fault) {
  ByteSource source(path, fault);
  if (source.compressed()) throw source.error("is gzip data, not a safetensors file");
  const int64_t size = source.most_left();
  if (size > memory_limit()) throw source.error("is larger than the memory limit");
  TensorFile file;
  file.path = path;
  file.content = Buffer(static_cast<size_t>(size));
  source.read_exactly(file.content.span(), "its content");
  const std::string_view content(reinterpret_cast<const char*>(file.content.data.get()),
                                 file.content.size);
  uint64_t length = 0;
  if (size < 8) throw source.error(fmt::format("is truncated: {} bytes", size));
  std::memcpy(&length, file.content.data.get(), 8);
  const auto rest = static_cast<uint64_t>(size) - 8;
  const bool too_long = length > static_cast<uint64_t>(limits().file_header);
  if (too_long || length > rest) {
    if (too_long && is_torch_save(content)) {
      throw source.error("is a torch.save file, not a safetensors file")
          .help(
              "in Python: `safetensors.torch.save_file(torch.load(\"net.pt\"), "
              "\"net.safetensors\")`");
    }
    const bool cut = content.substr(8).starts_with('{');
    if (cut && length <= rest)
      throw source
          .error(fmt::format("its header takes {} bytes, the limit is {}", length,
                             limits().file_header))
          .help("`--max-header` raises the limit");
    if (!cut) throw source.error("is not a safetensors file");
    throw source.error(
        fmt::format("is truncated: its header would take {} of {} bytes", length, rest));
  }
  file.header_bytes = 8 + static_cast<size_t>(length);
  const Json header = parse_header(content.substr(8, static_cast<size_t>(length)));
  if (header.is_null()) throw source.error("its safetensors header is malformed");
  std::vector<Entry> entries;
  for (const auto& [name, item] : header.items()) {
    if (name == "__metadata__") {
      read_metadata(item, file, source);
    } else {
      entries.push_back(read_entry(name, item, source));
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  const int64_t values = size - static_cast<int64_t>(file.header_bytes);
  int64_t next = 0;
  for (Entry& entry : entries) {
    if (entry.begin != next) {
      throw source.error(fmt::format("tensor `{}`: bytes {} to {} overlap others or leave a hole",
                                     printable(entry.name), entry.begin, entry.end));
    }
    if (entry.end > values) {
      throw source.error(fmt::format("is truncated: its tensors take {} bytes, there are {}",
                                     entries.back().end, values));
    }
    next = entry.end;
    const std::span<const std::byte> bytes =
        file.content.span().subspan(file.header_bytes + static_cast<size_t>(entry.begin),
                                    static_cast<size_t>(entry.end - entry.begin));
    if (entry.format->type) {
      file.tensors.push_back({entry.name, *entry.format->type, std::move(entry.shape), bytes});
    } else {
      file.skipped.push_back(entry.name);
    }
  }
  if (next != values) {
    throw source.error("has bytes that belong to no tensor");
  }
  return file;
}

std::string safetensors_header(std::span<const TensorView> tensors, const Metadata& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t offset = 0;
  for (const TensorView& tensor : tensors) {
    header[tensor.name] = {{"dtype", format_name(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t length = text.size();
  text.insert(0, reinterpret_cast<const char*>(&length), 8);
  return text;
}

void write_safetensors(const std::string& path, std::span<const TensorView> tensors,
                       const Metadata& metadata) {
  const std::string header = safetensors_header(tensors, metadata);
  Pieces pieces{std::as_bytes(std::span(header))};
  for (const TensorView& tensor : tensors) pieces.push_back(tensor.bytes);
  replace_file(path, pieces);
}

}  // namespace netc::runtime
