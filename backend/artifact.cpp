// Artifacts as bytes: numbers of eight bytes, lists with their length before them. One description
// of each structure serves both directions.
#include "backend/artifact.h"

#include <cstring>
#include <type_traits>

namespace netc::backend {
namespace {

class Writer {
 public:
  std::string bytes;

  template <class T>
    requires std::is_arithmetic_v<T>
  void number(const T& n) {
    auto wide = std::conditional_t<std::is_floating_point_v<T>, double, int64_t>(n);
    bytes.append(reinterpret_cast<const char*>(&wide), sizeof wide);
  }
  size_t size(size_t n) {
    number(int64_t(n));
    return n;
  }
  void raw(std::string& text) { bytes += text; }
};

/// Reads until something does not fit; then every number is 0.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
    requires std::is_arithmetic_v<T>
  void number(T& n) {
    std::conditional_t<std::is_floating_point_v<T>, double, int64_t> wide = 0;
    if (take(sizeof wide)) std::memcpy(&wide, taken_.data(), sizeof wide);
    n = T(wide);
  }
  size_t size(size_t) {
    int64_t n = 0;
    number(n);
    if (n >= 0 && size_t(n) <= rest_.size()) return size_t(n);  // an element is a byte at least
    failed_ = true;
    return 0;
  }
  void raw(std::string& text) {
    if (take(text.size())) text = taken_;
  }
  bool complete() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_, taken_;
  bool failed_ = false;

  bool take(size_t n) {
    failed_ |= n > rest_.size();
    if (failed_) return false;
    taken_ = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return true;
  }
};

template <class Stream, class T>
  requires std::is_arithmetic_v<T>
void visit(Stream& s, T& n) {
  s.number(n);
}

template <class Stream>
void visit(Stream& s, std::string& text) {
  text.resize(s.size(text.size()));
  s.raw(text);
}

template <class Stream>
void visit(Stream& s, Step& step);
template <class Stream>
void visit(Stream& s, Emitted& e);

template <class Stream, class T>
void visit(Stream& s, std::vector<T>& list) {
  list.resize(s.size(list.size()));
  for (T& element : list) visit(s, element);
}

template <class Stream>
void visit(Stream& s, Step& step) {
  visit(s, step.function);
  visit(s, step.chunks);
  visit(s, step.reads);
  visit(s, step.writes);
  visit(s, step.table);
  visit(s, step.after_rows);
  visit(s, step.flops);
  visit(s, step.bytes);
}

template <class Stream>
void visit(Stream& s, Emitted& e) {
  visit(s, e.steps);
  visit(s, e.scratch_bytes);
  visit(s, e.overrun);
  std::vector<int64_t> sums;  // key, value, key, value
  for (const auto& [area, bytes] : e.sums) sums.insert(sums.end(), {area, bytes});
  visit(s, sums);
  for (size_t i = 0; i + 1 < sums.size(); i += 2) e.sums[int(sums[i])] = sums[i + 1];
}

template <class Stream>
void visit(Stream& s, Artifact& a) {
  visit(s, a.undone);
  visit(s, a.emitted);
  visit(s, a.objects);
}

}  // namespace

std::string encode(Artifact artifact) {
  Writer writer;
  visit(writer, artifact);
  return std::move(writer.bytes);
}

std::optional<Artifact> decode(std::string_view bytes) {
  Reader reader(bytes);
  Artifact artifact;
  visit(reader, artifact);
  if (!reader.complete()) return {};
  return artifact;
}

}  // namespace netc::backend
