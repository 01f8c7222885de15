// The language server: files that are open, and what is asked about them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tools/netc/lsp/analysis.h"
#include "tools/netc/lsp/document.h"
#include "tools/netc/lsp/transport.h"

namespace netc::tools::lsp {

class Server {
 public:
  explicit Server(Transport& transport) : transport_(transport) {}

  /// Answers until `exit` or the end of the stream. True when the editor said `shutdown` first.
  bool run();

 private:
  struct Open {
    Document document;
    nlohmann::json version;
    std::shared_ptr<const Analysis> analysis;  ///< null: the text has changed since
  };
  Transport& transport_;
  std::map<std::string, Open> files_;  ///< by URI
  bool initialized_ = false, shut_down_ = false, exit_ = false, broken_ = false;

  void receive(const nlohmann::json& message);
  void send(const nlohmann::json& message);
  void reply(const nlohmann::json& id, nlohmann::json result);
  void refuse(const nlohmann::json& id, int code, const std::string& message);
  nlohmann::json request(const std::string& method, const nlohmann::json& params, bool& known);
  void notification(const std::string& method, const nlohmann::json& params);
  nlohmann::json about_file(const std::string& method, const nlohmann::json& params, bool& known);

  Open& file(const nlohmann::json& params);
  const Analysis& analysis(const std::string& uri, Open& open);
  void changed(const std::string& uri);
  void publish_all();
  void clear(const std::string& uri);
};

}  // namespace netc::tools::lsp
