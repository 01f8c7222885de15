// Starts `netc lsp` for .net files.
"use strict";

const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

function start() {
  const command = vscode.workspace.getConfiguration("netc").get("path", "netc");
  const server = { command, args: ["lsp"], transport: TransportKind.stdio };
  client = new LanguageClient("netc", "netc", server, {
    documentSelector: [{ language: "netc" }],
  });
  return client.start().catch((error) => {
    vscode.window.showErrorMessage(
      `netc: cannot start \`${command} lsp\` (${error.message}). Set netc.path to the binary.`
    );
  });
}

exports.activate = (context) => {
  context.subscriptions.push(
    vscode.commands.registerCommand("netc.restart", async () => {
      if (client) await client.stop().catch(() => {});
      await start();
    })
  );
  return start();
};

exports.deactivate = () => client && client.stop();
