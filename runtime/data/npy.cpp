// NumPy's .npy, alone and in .npz archives: magic, version, a header that is a Python dict literal,
// values. The header is parsed, never evaluated; object arrays are refused.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "runtime/checked.h"
#include "runtime/data/byte_source.h"
#include "runtime/data/formats.h"
#include "runtime/data/loaders.h"
#include "runtime/durable_file.h"
#include "runtime/limits.h"

namespace netc::runtime {
namespace {

struct Header {
  std::string descr;
  bool fortran_order = false;
  std::vector<int64_t> shape;
};

/// Reads exactly the dict that NumPy writes: three keys, each once, in any order.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  std::optional<Header> parse() {
    Header header;
    unsigned seen = 0;
    if (!take('{')) return std::nullopt;
    while (!take('}')) {
      const std::optional<std::string> key = string();
      if (!key || !take(':')) return std::nullopt;
      const unsigned bit = *key == "descr"           ? 1
                           : *key == "fortran_order" ? 2
                           : *key == "shape"         ? 4
                                                     : 0;
      if (bit == 0 || (seen & bit) != 0 || !value(bit, header)) return std::nullopt;
      seen |= bit;
      if (!take(',') && !peek('}')) return std::nullopt;
    }
    space();
    return seen == 7 && at_ == text_.size() ? std::optional(header) : std::nullopt;
  }

 private:
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool peek(char c) {
    space();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    if (!peek(c)) return false;
    ++at_;
    return true;
  }
  bool word(std::string_view expected) {
    space();
    if (text_.substr(at_, expected.size()) != expected) return false;
    at_ += expected.size();
    return true;
  }
  std::optional<std::string> string() {
    space();
    if (at_ >= text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return std::nullopt;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string result(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return result;
  }
  bool value(unsigned key, Header& header) {
    if (key == 1) {
      const std::optional<std::string> descr = string();
      if (descr) header.descr = *descr;
      return descr.has_value();
    }
    if (key == 2) {
      header.fortran_order = word("True");
      return header.fortran_order || word("False");
    }
    return shape(header.shape);
  }
  bool shape(std::vector<int64_t>& dims) {
    if (!take('(')) return false;
    while (!take(')')) {
      space();
      int64_t dim = 0;
      const char* start = text_.data() + at_;
      const auto [end, status] = std::from_chars(start, text_.data() + text_.size(), dim);
      if (status != std::errc() || dim < 0 || dims.size() == 32) return false;
      dims.push_back(dim);
      at_ += static_cast<size_t>(end - start);
      if (at_ < text_.size() && text_[at_] == 'L') ++at_;
      if (!take(',') && !peek(')')) return false;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::optional<ElementType> npy_type(std::string_view descr) {
  const std::string_view kind = descr.substr(std::min<size_t>(1, descr.size()));
  if (kind == "f4") return ElementType::f32;
  if (kind == "f8") return ElementType::f64;
  if (kind == "i4") return ElementType::i32;
  if (kind == "i8") return ElementType::i64;
  if (kind == "u1") return ElementType::u8;
  if (kind == "b1") return ElementType::boolean;
  return std::nullopt;
}

const char* npy_name(ElementType type) {
  switch (type) {
    case ElementType::f32:
      return "<f4";
    case ElementType::f64:
      return "<f8";
    case ElementType::i32:
      return "<i4";
    case ElementType::i64:
      return "<i8";
    case ElementType::u8:
      return "|u1";
    case ElementType::boolean:
      return "|b1";
  }
  return "";
}

Header read_header(ByteSource& source) {
  uint8_t start[10];
  source.read_exactly(std::as_writable_bytes(std::span(start)), "the npy header");
  if (std::memcmp(start, "\x93NUMPY", 6) != 0) {
    throw wrong_format(source, std::as_bytes(std::span(start)), "a .npy file");
  }
  const uint8_t version = start[6];
  if (version < 1 || version > 3) {
    throw source.error(fmt::format("npy version {} is not supported", version));
  }
  size_t length = static_cast<size_t>(start[8] | start[9] << 8);
  if (version >= 2) {
    uint8_t high[2];
    source.read_exactly(std::as_writable_bytes(std::span(high)), "the npy header");
    length |= static_cast<size_t>(high[0]) << 16 | static_cast<size_t>(high[1]) << 24;
  }
  if (static_cast<int64_t>(length) > source.most_left())
    throw source.error(fmt::format("its npy header declares {} bytes", length));
  if (static_cast<int64_t>(length) > limits().file_header)
    throw source
        .error(fmt::format("its npy header takes {} bytes, the limit is {}", length,
                           limits().file_header))
        .help("`--max-header` raises the limit");
  std::string text(length, '\0');
  source.read_exactly(std::as_writable_bytes(std::span(text)), "the npy header");
  const std::optional<Header> header = HeaderParser(text).parse();
  if (!header) throw source.error("has a malformed npy header");
  return *header;
}

Tensor read_array(ByteSource& source) {
  Header header = read_header(source);
  const std::optional<ElementType> type = npy_type(header.descr);
  const char order = header.descr.empty() ? '\0' : header.descr[0];
  if (!type || (order != '<' && order != '>' && order != '|' && order != '=')) {
    throw source
        .error(fmt::format("values of type `{}` are not supported", printable(header.descr)))
        .help("save it as float32, float64, int32, int64, uint8 or bool");
  }
  const std::optional<int64_t> count = element_count(header.shape);
  const std::optional<int64_t> bytes =
      count ? checked_multiply(*count, byte_size(*type)) : std::nullopt;
  if (!bytes || *bytes > source.most_left()) {
    throw source.error(fmt::format("is truncated: its header declares {}, there are {} bytes",
                                   type_text(*type, header.shape), source.most_left()));
  }
  if (header.fortran_order) std::reverse(header.shape.begin(), header.shape.end());
  Tensor tensor = make_tensor(*type, std::move(header.shape));
  source.read_exactly(tensor.bytes.span(), "its data");
  if (!source.at_end()) throw source.error("has bytes after the array that its header declares");
  if (order == '>') {
    const auto width = static_cast<size_t>(byte_size(*type));
    for (size_t i = 0; i < tensor.bytes.size; i += width) {
      std::reverse(tensor.bytes.data.get() + i, tensor.bytes.data.get() + i + width);
    }
  }
  if (*type == ElementType::boolean) {
    for (uint8_t& value : tensor.as<uint8_t>()) value = value != 0;
  }
  return header.fortran_order ? transpose(tensor) : std::move(tensor);
}

/// `a/data.npz/x` as the archive and the name in it; no value when no part ends in `.npz`.
std::optional<std::pair<std::string, std::string>> archive_path(const std::string& path) {
  const size_t at = path.rfind(".npz/");
  if (at == std::string::npos) return std::nullopt;
  return std::pair(path.substr(0, at + 4), path.substr(at + 5));
}

/// The array `name` of an archive; numpy.savez appends `.npy` to names. No name is an error that
/// lists them.
Tensor read_member(const std::string& archive, const std::string& name) {
  std::string names;
  for (const ArchiveMember& member : read_zip_directory(archive)) {
    if (member.name == name || member.name == name + ".npy") {
      ByteSource source(member);
      return read_array(source);
    }
    const size_t dot = member.name.ends_with(".npy") ? member.name.size() - 4 : std::string::npos;
    names += (names.empty() ? "" : ", ") + printable(member.name.substr(0, dot));
  }
  const std::string what =
      name.empty() ? "is an archive of arrays" : fmt::format("has no array `{}`", printable(name));
  throw Error(Fault::DataFile, fmt::format("{} {}", shown_path(archive), what))
      .in_file(archive)
      .note("arrays: " + (names.empty() ? "none" : names))
      .help("name one as `FILE.npz/ARRAY`");
}

}  // namespace

Tensor read_npy(const std::string& path, Fault fault) {
  if (const auto place = archive_path(path)) return read_member(place->first, place->second);
  if (path.ends_with(".npz")) return read_member(path, "");
  ByteSource source(path, fault);
  return read_array(source);
}

void write_npy(const std::string& path, const Tensor& tensor) {
  std::string dims;
  for (const int64_t dim : tensor.shape) dims += fmt::format("{}, ", dim);
  if (tensor.shape.size() > 1) dims.resize(dims.size() - 2);
  if (tensor.shape.size() == 1) dims.resize(dims.size() - 1);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   npy_name(tensor.type), dims);
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string start("\x93NUMPY\x01\x00", 8);
  start += static_cast<char>(header.size() & 0xff);
  start += static_cast<char>(header.size() >> 8);
  start += header;
  replace_file(path, {std::as_bytes(std::span(start)), tensor.bytes.span()});
}

Dataset load_npy(const LoaderArguments& arguments) {
  std::vector<Field> fields;
  if (const std::optional<std::string> archive = arguments.only_path()) {
    for (const ArchiveMember& member : read_zip_directory(*archive)) {
      if (!member.name.ends_with(".npy")) continue;
      ByteSource source(member);
      fields.push_back(
          as_field(read_array(source), member.name.substr(0, member.name.size() - 4), *archive));
    }
    return one_split("npy", std::move(fields));
  }
  for (const auto& [field, path] : arguments.files()) {
    const bool whole = path.ends_with(".npz");
    fields.push_back(as_field(whole ? read_member(path, field) : read_npy(path), field, path));
  }
  return one_split("npy", std::move(fields));
}

}  // namespace netc::runtime
