/**
 * What would be sent to an API of others, shown before a person decides (`indoors/previewSend`).
 *
 *   the server's request -> a read-only document with the exact bytes, and a notification
 *     -> Send… -> a dialog with host, hash and what was replaced -> Send These Bytes: accepted
 *     -> everything else, closing any of the three among it: refused
 *
 * There are two steps because nothing can be scrolled behind a dialog.
 */

import * as vscode from "vscode";
import {
  type BaseLanguageClient,
  type ClientCapabilities,
  LSPErrorCodes,
  ResponseError,
  State,
} from "vscode-languageclient/node";
import { type Sent, meaning, page, problem, question } from "./sent.ts";

const SCHEME = "indoors-send";
const ASK = "Send…";
const SEND = "Send These Bytes";
const REFUSE = "Do Not Send";
const LATE =
  "Nothing is sent: its document was closed, or its edit was cancelled. Next: ask for the edit again.";

export class Sending implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private readonly parts: vscode.Disposable[];
  private uri: vscode.Uri | undefined;
  private text = "";
  private refuse = (): void => undefined;
  private n = 0;

  constructor() {
    this.parts = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        if (closed.some((tab) => this.isShown(tab))) {
          this.refuse();
        }
      }),
    ];
  }

  dispose(): void {
    this.refuse();
    for (const part of this.parts) {
      part.dispose();
    }
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return uri.toString() === this.uri?.toString() ? this.text : "";
  }

  /** Say that this client can show it, and answer the server's requests. */
  begin(client: BaseLanguageClient): void {
    client.registerFeature({
      fillClientCapabilities: (capabilities: ClientCapabilities): void => {
        const others = capabilities.experimental as object | undefined;
        capabilities.experimental = { ...others, indoorsPreviewSend: true };
      },
      initialize: () => undefined,
      getState: () => ({ kind: "static" }),
      clear: () => undefined,
    });
    client.onRequest(
      "indoors/previewSend",
      async (sent: Sent, token: vscode.CancellationToken) => ({
        accepted: await this.ask(sent, token),
      }),
    );
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Stopped) {
        this.refuse(); // nobody waits for the answer any more
      }
    });
  }

  /** Whether a person wants exactly this to be sent. Throws where nobody can be asked. */
  private async ask(sent: Sent, token: vscode.CancellationToken): Promise<boolean> {
    const isBusy = this.uri !== undefined;
    const why = isBusy ? "something else that would be sent is on the screen" : problem(sent);
    if (why) {
      const next = isBusy
        ? "answer that, then ask again"
        : "ask again, and update server and extension if this is said again";
      void vscode.window.showWarningMessage(`Nothing is sent: ${why}. Next: ${next}.`);
      throw new ResponseError(LSPErrorCodes.RequestFailed, why);
    }
    this.n += 1;
    // Its ending says how it is drawn (package.json): wrapped, and with what is not seen marked.
    const path = `/${this.n}/What would be sent.indoors-send`;
    const uri = vscode.Uri.from({ scheme: SCHEME, path });
    this.uri = uri;
    this.text = page(sent);
    const refused = new Promise<boolean>((resolve) => (this.refuse = () => resolve(false)));
    const cancelled = token.onCancellationRequested(() => this.refuse()); // its edit was
    try {
      const opened = await vscode.workspace.openTextDocument(uri);
      await vscode.window.showTextDocument(opened, { preview: false });
      return await Promise.race([refused, this.decision(sent, uri)]);
    } finally {
      cancelled.dispose();
      await this.close(uri);
    }
  }

  private async decision(sent: Sent, uri: vscode.Uri): Promise<boolean> {
    const { showWarningMessage } = vscode.window;
    if ((await showWarningMessage(question(sent), ASK, REFUSE)) !== ASK) {
      return false;
    }
    if (this.uri !== uri) {
      return this.tooLate();
    }
    // The first button has the focus, so that Enter sends nothing.
    const options = { modal: true, detail: meaning(sent).join("\n") };
    const chosen = await showWarningMessage(question(sent), options, REFUSE, SEND);
    return chosen === SEND && (this.uri === uri || this.tooLate());
  }

  /** The question outlived what it is about: VS Code lets nobody take a notification back. */
  private tooLate(): false {
    void vscode.window.showWarningMessage(LATE);
    return false;
  }

  private async close(uri: vscode.Uri): Promise<void> {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    const ours = tabs.filter((tab) => this.isShown(tab));
    this.refuse = () => undefined;
    this.text = "";
    this.uri = this.uri === uri ? undefined : this.uri;
    await vscode.window.tabGroups.close(ours);
  }

  private isShown(tab: vscode.Tab): boolean {
    const { input } = tab;
    return input instanceof vscode.TabInputText && input.uri.toString() === this.uri?.toString();
  }
}
