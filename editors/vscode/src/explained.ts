/**
 * `Indoors: Why This Suggestion`: what the server did for the last suggestion of the document in
 * front, as a read-only document, which keyboards and screen readers are at home in.
 */

import * as vscode from "vscode";
import { type BaseLanguageClient, ExecuteCommandRequest } from "vscode-languageclient/node";
import { type Documents, fileOf } from "./documents.ts";
import { askedOnly, hidden } from "./shown.ts";
import { type Explanation, why } from "./why.ts";

const SCHEME = "indoors-why";
/** The server's command. The client makes a command of VS Code of it, so ours has another name. */
const EXPLAIN = "indoors.explain";
const PLACE = vscode.Uri.from({ scheme: SCHEME, path: "/Why this suggestion" });

export class Explained implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private readonly changes = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changes.event;
  private readonly registered: vscode.Disposable;
  private readonly documents: Documents;
  private readonly extensionId: string;
  private readonly client: () => BaseLanguageClient | undefined;
  private about: vscode.TextDocument | undefined;
  private text = "";

  constructor(
    documents: Documents,
    extensionId: string,
    client: () => BaseLanguageClient | undefined,
  ) {
    this.documents = documents;
    this.extensionId = extensionId;
    this.client = client;
    this.registered = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  }

  dispose(): void {
    this.registered.dispose();
    this.changes.dispose();
  }

  provideTextDocumentContent(): string {
    return this.text;
  }

  /** Explain a document's last suggestion; asked in the explanation itself, that one again. */
  async show(document: vscode.TextDocument | undefined): Promise<void> {
    this.about = document?.uri.scheme === SCHEME ? this.about : document;
    if (this.about === undefined) {
      void vscode.window.showInformationMessage(
        "No file is in front. Next: click into the code, then ask why again.",
      );
      return;
    }
    const name = vscode.workspace.asRelativePath(fileOf(this.about.uri));
    this.text = why(name, await this.explanation(this.about), askedOnly(this.about));
    this.changes.fire(PLACE);
    const opened = await vscode.workspace.openTextDocument(PLACE);
    await vscode.window.showTextDocument(opened, { preview: true });
  }

  private async explanation(document: vscode.TextDocument): Promise<Explanation> {
    const refusal = this.documents.refusal(document) || hidden(document, this.extensionId);
    if (refusal) {
      return { refusal, completion: null };
    }
    const client = this.client();
    if (!client?.isRunning()) {
      return { refusal: "the server is not running (Indoors: Show Menu)", completion: null };
    }
    const uri = client.code2ProtocolConverter.asUri(document.uri);
    const asked = { command: EXPLAIN, arguments: [uri] };
    try {
      return (await client.sendRequest(ExecuteCommandRequest.type, asked)) as Explanation;
    } catch (error) {
      client.error("An explanation was asked for, and the server did not answer.", error);
      const refusal =
        "the server did not answer; ask again when the status bar says that it is ready";
      return { refusal, completion: null };
    }
  }
}
