// JSON-RPC messages with Content-Length headers, from a stream of bytes and to one.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

namespace netc::tools::lsp {

/// JSON-RPC's own error codes, and the language server protocol's.
enum ErrorCode : int {
  kParseError = -32700,
  kInvalidRequest = -32600,
  kMethodNotFound = -32601,
  kInvalidParams = -32602,
  kInternalError = -32603,
  kServerNotInitialized = -32002,
  kRequestCancelled = -32800,
};

/// A message, or the reason why there was none in what came.
struct Incoming {
  nlohmann::json message;
  std::string problem;
};

/// Reads messages on a thread of its own, so that a cancellation is seen while an answer is worked
/// on, and a burst of key strokes is one piece of work.
class Transport {
 public:
  /// Descriptors to read from and write to.
  Transport(int in, int out);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  /// The next message; nothing at the end of the stream.
  std::optional<Incoming> next();
  /// Is another message there already?
  bool has_next();
  /// Whether the request was cancelled by a message that has come since.
  bool cancelled(const nlohmann::json& id);

  /// False when the other side no longer listens.
  bool send(const nlohmann::json& message);

 private:
  int in_, out_;
  int stop_[2];  ///< a pipe that ends the reader
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Incoming> queue_;
  bool ended_ = false;
  std::string buffer_;
  std::thread reader_;

  void read();
  bool fill();
  void push(Incoming incoming);
};

}  // namespace netc::tools::lsp
