// A broken header or body costs that message only; the reader goes on behind it.
#include "tools/netc/lsp/transport.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace netc::tools::lsp {

namespace {
using nlohmann::json;

constexpr size_t kMaxHeader = size_t{64} << 10;
constexpr size_t kMaxBody = size_t{256} << 20;
constexpr std::string_view kEnd = "\r\n\r\n";

/// The number behind `Content-Length:`, whatever its case.
std::optional<size_t> content_length(std::string_view header) {
  constexpr std::string_view kName = "content-length:";
  for (size_t at = 0; at < header.size();) {
    const size_t end = std::min(header.find("\r\n", at), header.size());
    std::string_view line = header.substr(at, end - at);
    at = end + 2;
    if (line.size() <= kName.size()) continue;
    bool same = true;
    for (size_t i = 0; i < kName.size(); ++i)
      same &= std::tolower(static_cast<unsigned char>(line[i])) == kName[i];
    if (!same) continue;
    line.remove_prefix(kName.size());
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    size_t length = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), length);
    if (error == std::errc() && stop == line.data() + line.size()) return length;
  }
  return {};
}
}  // namespace

Transport::Transport(int in, int out) : in_(in), out_(out) {
  if (pipe(stop_) != 0) stop_[0] = stop_[1] = -1;
  reader_ = std::thread([this] { read(); });
}

Transport::~Transport() {
  if (stop_[1] >= 0) close(stop_[1]);
  reader_.join();
  if (stop_[0] >= 0) close(stop_[0]);
}

/// Appends what there is to the buffer; false at the end of the stream.
bool Transport::fill() {
  pollfd wait[2] = {{in_, POLLIN, 0}, {stop_[0], POLLIN, 0}};
  while (poll(wait, 2, -1) < 0)
    if (errno != EINTR) return false;
  if (wait[1].revents != 0) return false;
  char bytes[size_t{64} << 10];
  ssize_t count;
  do count = ::read(in_, bytes, sizeof bytes);
  while (count < 0 && errno == EINTR);
  if (count <= 0) return false;
  buffer_.append(bytes, size_t(count));
  return true;
}

void Transport::push(Incoming incoming) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(incoming));
  arrived_.notify_one();
}

void Transport::read() {
  while (true) {
    const size_t end = buffer_.find(kEnd);
    if (end == std::string::npos) {
      if (buffer_.size() > kMaxHeader) {
        push({{}, "no header in the first 64 KiB"});
        buffer_.clear();
      }
      if (!fill()) break;
      continue;
    }
    const std::optional<size_t> length = content_length(std::string_view(buffer_).substr(0, end));
    buffer_.erase(0, end + kEnd.size());
    if (!length || *length > kMaxBody) {
      push({{}, length ? "the message is too long" : "the header has no Content-Length"});
      continue;
    }
    while (buffer_.size() < *length)
      if (!fill()) break;
    if (buffer_.size() < *length) break;
    json message = json::parse(buffer_.begin(), buffer_.begin() + int64_t(*length), nullptr, false);
    buffer_.erase(0, *length);
    if (message.is_discarded())
      push({{}, "the message is not JSON"});
    else
      push({std::move(message), ""});
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  arrived_.notify_one();
}

std::optional<Incoming> Transport::next() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return !queue_.empty() || ended_; });
  if (queue_.empty()) return {};
  Incoming incoming = std::move(queue_.front());
  queue_.pop_front();
  return incoming;
}

bool Transport::has_next() {
  const std::lock_guard lock(mutex_);
  return !queue_.empty();
}

bool Transport::cancelled(const json& id) {
  const std::lock_guard lock(mutex_);
  for (const Incoming& i : queue_)
    if (i.message.is_object() && i.message.value("method", json()) == "$/cancelRequest" &&
        i.message.contains("params") && i.message["params"].is_object() &&
        i.message["params"].value("id", json()) == id)
      return true;
  return false;
}

bool Transport::send(const json& message) {
  // Text of files may hold bytes that are no UTF-8.
  const std::string body = message.dump(-1, ' ', false, json::error_handler_t::replace);
  const std::string text = fmt::format("Content-Length: {}\r\n\r\n{}", body.size(), body);
  for (size_t at = 0; at < text.size();) {
    const ssize_t count = ::write(out_, text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    at += size_t(count);
  }
  return true;
}

}  // namespace netc::tools::lsp
