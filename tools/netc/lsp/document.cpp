// UTF-8 text under UTF-16 positions.
#include "tools/netc/lsp/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace netc::tools::lsp {

namespace {
using nlohmann::json;

/// Bytes of the code point that starts with `c`; 1 for what starts none.
size_t width(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
}  // namespace

json to_json(Position p) { return {{"line", p.line}, {"character", p.character}}; }

json range_json(Position start, Position end) {
  return {{"start", to_json(start)}, {"end", to_json(end)}};
}

Position position_from(const json& j) {
  return {j.at("line").get<uint32_t>(), j.at("character").get<uint32_t>()};
}

uint32_t utf16_length(std::string_view text) {
  uint32_t units = 0;
  for (size_t at = 0; at < text.size(); at += width(text[at]))
    units += width(text[at]) == 4 ? 2 : 1;
  return units;
}

Document::Document(std::string text) : text_(std::move(text)) {
  if (text_.starts_with("\xEF\xBB\xBF")) text_.erase(0, 3);
  index_lines();
}

void Document::index_lines() {
  line_starts_ = {0};
  for (size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') line_starts_.push_back(i + 1);
}

size_t Document::offset(Position p) const {
  if (p.line >= line_starts_.size()) return text_.size();
  size_t at = line_starts_[p.line];
  size_t end = p.line + 1 < line_starts_.size() ? line_starts_[p.line + 1] - 1 : text_.size();
  if (end > at && text_[end - 1] == '\r' && end < text_.size()) --end;
  for (uint32_t units = 0; at < end && units < p.character; at += width(text_[at]))
    units += width(text_[at]) == 4 ? 2 : 1;
  return std::min(at, end);
}

Position Document::position(size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = size_t(after - line_starts_.begin()) - 1;
  const std::string_view before =
      std::string_view(text_).substr(line_starts_[line], offset - line_starts_[line]);
  return {uint32_t(line), utf16_length(before)};
}

void Document::change(const json& change) {
  std::string text = change.at("text").get<std::string>();
  if (!change.contains("range") || change["range"].is_null()) {
    *this = Document(std::move(text));
    return;
  }
  const size_t begin = offset(position_from(change["range"].at("start")));
  const size_t end = offset(position_from(change["range"].at("end")));
  text_.replace(begin, std::max(begin, end) - begin, text);
  index_lines();
}

std::string path_of(const std::string& uri) {
  constexpr std::string_view kScheme = "file://";
  if (!uri.starts_with(kScheme)) return uri;
  std::string path;
  for (size_t i = uri.find('/', kScheme.size()); i < uri.size(); ++i) {
    auto hex = [&](size_t at) { return at < uri.size() && std::isxdigit(uint8_t(uri[at])); };
    if (uri[i] == '%' && hex(i + 1) && hex(i + 2)) {
      path += char(std::stoi(uri.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      path += uri[i];
    }
  }
  return path;
}

std::string uri_of(const std::string& path) {
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).lexically_normal().string();
  std::string uri = "file://";
  for (char c : error ? path : absolute) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || std::string_view("/-._~").find(c) != std::string_view::npos)
      uri += c;
    else
      uri += fmt::format("%{:02X}", byte);
  }
  return uri;
}

}  // namespace netc::tools::lsp
