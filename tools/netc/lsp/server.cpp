// One thread answers; diagnostics are made when no message waits, so that typing is never held up.
#include "tools/netc/lsp/server.h"

#include <filesystem>
#include <stdexcept>

#include "frontend/format.h"
#include "tools/netc/lsp/features.h"

namespace netc::tools::lsp {

namespace {
/// What this server does.
json capabilities() {
  return {{"positionEncoding", "utf-16"},
          {"textDocumentSync", {{"openClose", true}, {"change", 2}, {"save", false}}},
          {"hoverProvider", true},
          {"definitionProvider", true},
          {"documentSymbolProvider", true},
          {"documentFormattingProvider", true},
          {"codeActionProvider", {{"codeActionKinds", json::array({"quickfix"})}}},
          {"completionProvider", {{"triggerCharacters", json::array({".", "="})}}},
          {"signatureHelpProvider", {{"triggerCharacters", json::array({"(", ","})}}}};
}

/// A request that cannot be answered as it stands.
struct BadRequest : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string uri_in(const json& params) {
  return params.at("textDocument").at("uri").get<std::string>();
}

/// The whole text replaced, or nothing to do.
json formatting(const Analysis& a, const Document& document) {
  if (a.has_syntax_errors()) return nullptr;
  const std::string formatted = frontend::format(a.tree(), a.sources());
  if (formatted == document.text()) return json::array();
  return json::array({{{"range", range_json({0, 0}, document.position(document.text().size()))},
                       {"newText", formatted}}});
}
}  // namespace

bool Server::run() {
  while (!exit_ && !broken_) {
    if (!transport_.has_next()) publish_all();
    if (broken_) break;
    const std::optional<Incoming> incoming = transport_.next();
    if (!incoming) break;
    if (incoming->problem.empty())
      receive(incoming->message);
    else
      refuse(nullptr, kParseError, incoming->problem);
  }
  return shut_down_;
}

void Server::send(const json& message) {
  if (!transport_.send(message)) broken_ = true;
}

void Server::reply(const json& id, json result) {
  send({{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}});
}

void Server::refuse(const json& id, int code, const std::string& message) {
  send({{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", code}, {"message", message}}}});
}

void Server::receive(const json& message) {
  const bool has_id = message.is_object() && message.contains("id");
  const json id = has_id ? message["id"] : json();
  if (!message.is_object() || !message.contains("method") || !message["method"].is_string()) {
    // An answer to a request: this server makes none.
    if (message.is_object() && has_id && (message.contains("result") || message.contains("error")))
      return;
    return refuse(id, kInvalidRequest, "not a request");
  }
  const std::string method = message["method"];
  const json params = message.value("params", json::object());
  if (method == "exit") {
    exit_ = true;
    return;
  }
  if (!initialized_ && method != "initialize") {
    if (has_id) refuse(id, kServerNotInitialized, "`initialize` has to come first");
    return;
  }
  if (shut_down_) {
    if (has_id) refuse(id, kInvalidRequest, "the server is shut down");
    return;
  }
  if (has_id && transport_.cancelled(id)) return refuse(id, kRequestCancelled, "cancelled");
  try {
    if (!has_id) return notification(method, params);
    bool known = true;
    json result = request(method, params, known);
    if (!known) return refuse(id, kMethodNotFound, "no method `" + method + "`");
    reply(id, std::move(result));
  } catch (const json::exception& e) {
    if (has_id) refuse(id, kInvalidParams, e.what());
  } catch (const BadRequest& e) {
    if (has_id) refuse(id, kInvalidParams, e.what());
  } catch (const std::exception& e) {
    if (has_id) refuse(id, kInternalError, e.what());
  }
}

json Server::request(const std::string& method, const json& params, bool& known) {
  if (method == "initialize") {
    if (initialized_) throw BadRequest("initialized already");
    initialized_ = true;
    return {{"capabilities", capabilities()},
            {"serverInfo", {{"name", "netc"}, {"version", NETC_VERSION}}}};
  }
  if (method == "shutdown") {
    shut_down_ = true;
    return nullptr;
  }
  if (method.starts_with("textDocument/")) return about_file(method, params, known);
  known = false;
  return nullptr;
}

json Server::about_file(const std::string& method, const json& params, bool& known) {
  if (method == "textDocument/codeAction")
    return code_actions(params.at("context").at("diagnostics"), uri_in(params));
  const bool of_place = method == "textDocument/hover" || method == "textDocument/definition" ||
                        method == "textDocument/completion" ||
                        method == "textDocument/signatureHelp";
  if (!of_place && method != "textDocument/documentSymbol" && method != "textDocument/formatting") {
    known = false;
    return nullptr;
  }
  Open& open = file(params);
  const Analysis& a = analysis(uri_in(params), open);
  if (method == "textDocument/documentSymbol") return document_symbols(a);
  if (method == "textDocument/formatting") return formatting(a, open.document);
  const auto offset = uint32_t(open.document.offset(position_from(params.at("position"))));
  if (method == "textDocument/hover") return hover(a, offset);
  if (method == "textDocument/definition") return definition(a, offset);
  if (method == "textDocument/completion") return completion(a, offset);
  return signature_help(a, offset);
}

void Server::notification(const std::string& method, const json& params) {
  if (method == "textDocument/didOpen") {
    const json& item = params.at("textDocument");
    const std::string uri = item.at("uri");
    files_[uri] = {Document(item.at("text").get<std::string>()), item.value("version", json()), {}};
    changed(uri);
  } else if (method == "textDocument/didChange") {
    Open& open = file(params);
    for (const json& change : params.at("contentChanges")) open.document.change(change);
    open.version = params["textDocument"].value("version", json());
    changed(uri_in(params));
  } else if (method == "textDocument/didClose") {
    const std::string uri = uri_in(params);
    if (files_.erase(uri) > 0) clear(uri);
    changed(uri);
  }
}

Server::Open& Server::file(const json& params) {
  const std::string uri = uri_in(params);
  const auto found = files_.find(uri);
  if (found == files_.end()) throw BadRequest("`" + uri + "` is not open");
  return found->second;
}

/// Programs may use the file that has changed.
void Server::changed(const std::string& uri) {
  for (auto& [other, open] : files_)
    if (other == uri || open.document.text().find("use") != std::string::npos)
      open.analysis.reset();
}

const Analysis& Server::analysis(const std::string& uri, Open& open) {
  if (open.analysis) return *open.analysis;
  frontend::OpenFiles texts;
  std::error_code error;
  for (const auto& [other, file] : files_)
    texts[std::filesystem::weakly_canonical(path_of(other), error).string()] = file.document.text();
  open.analysis = std::make_shared<Analysis>(path_of(uri), texts);
  json params = {{"uri", uri}, {"diagnostics", diagnostics_json(*open.analysis, open.document)}};
  if (!open.version.is_null()) params["version"] = open.version;
  send({{"jsonrpc", "2.0"},
        {"method", "textDocument/publishDiagnostics"},
        {"params", std::move(params)}});
  return *open.analysis;
}

void Server::publish_all() {
  for (auto& [uri, open] : files_) try {
      analysis(uri, open);
    } catch (const std::exception&) {
      // The next change tries again.
    }
}

void Server::clear(const std::string& uri) {
  send({{"jsonrpc", "2.0"},
        {"method", "textDocument/publishDiagnostics"},
        {"params", {{"uri", uri}, {"diagnostics", json::array()}}}});
}

}  // namespace netc::tools::lsp
