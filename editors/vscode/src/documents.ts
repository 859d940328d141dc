/**
 * Which open documents the server knows. Every message about a document passes here, so that one
 * that is refused is never named, and one that is refused later is closed for the server.
 */

import * as vscode from "vscode";
import {
  type BaseLanguageClient,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  type Middleware,
} from "vscode-languageclient/node";
import { alsoComplete } from "./settings.ts";
import { CELL_SCHEME, refusal } from "./rules.ts";

const OFF_FILES = "indoors.offFiles";

export class Documents implements vscode.Disposable {
  private readonly sent = new Set<string>();
  private client: BaseLanguageClient | undefined;
  private readonly memory: vscode.Memento;
  private readonly isPaused: () => boolean;
  /** Paths of those that are off and have no file. Another one gets the same name later. */
  private readonly untitledOff = new Set<string>();
  private readonly listeners: vscode.Disposable[];

  constructor(memory: vscode.Memento, isPaused: () => boolean) {
    this.memory = memory;
    this.isPaused = isPaused;
    const closed = ({ uri }: { uri: vscode.Uri }): void => this.closed(uri);
    this.listeners = [
      vscode.workspace.onDidCloseTextDocument(closed),
      vscode.workspace.onDidCloseNotebookDocument(closed),
    ];
  }

  dispose(): void {
    for (const listener of this.listeners) {
      listener.dispose();
    }
  }

  /** Why a document is not sent to the server, "" if it is. */
  refusal(document: vscode.TextDocument): string {
    if (this.isOff(document.uri)) {
      return "you switched this file off";
    }
    const { scheme, path } = document.uri;
    return refusal({ scheme, language: document.languageId, path }, alsoComplete());
  }

  isOff(uri: vscode.Uri): boolean {
    const isUntitledOff = uri.scheme !== "file" && this.untitledOff.has(uri.path);
    return isUntitledOff || this.offFiles().includes(fileOf(uri).toString());
  }

  /** Switch a file off, or on again; remembered in this workspace, if it is a file. */
  async toggle(uri: vscode.Uri): Promise<void> {
    if (!isUntitled(uri)) {
      const name = fileOf(uri).toString();
      const off = this.offFiles();
      const now = off.includes(name) ? off.filter((one) => one !== name) : [...off, name];
      await this.memory.update(OFF_FILES, now);
    } else if (!this.untitledOff.delete(uri.path)) {
      this.untitledOff.add(uri.path);
    }
    await this.review();
  }

  /** Something was closed; a change of its language looks the same, and leaves it open. */
  private closed(uri: vscode.Uri): void {
    const { textDocuments, notebookDocuments } = vscode.workspace;
    if (![...textDocuments, ...notebookDocuments].some((one) => one.uri.path === uri.path)) {
      this.untitledOff.delete(uri.path);
    }
  }

  private offFiles(): string[] {
    return this.memory.get<string[]>(OFF_FILES, []);
  }

  /** A server begins, which knows no document yet. */
  begin(client: BaseLanguageClient): void {
    this.client = client;
    this.sent.clear();
  }

  /** What is refused may have changed: open and close accordingly. */
  async review(): Promise<void> {
    const client = this.client;
    if (client === undefined || !client.isRunning()) {
      return;
    }
    const converter = client.code2ProtocolConverter;
    for (const document of vscode.workspace.textDocuments) {
      const name = document.uri.toString();
      const wanted = this.refusal(document) === "";
      if (wanted && !this.sent.has(name)) {
        this.sent.add(name);
        const params = converter.asOpenTextDocumentParams(document);
        await client.sendNotification(DidOpenTextDocumentNotification.type, params);
      } else if (!wanted && this.sent.delete(name)) {
        const params = converter.asCloseTextDocumentParams(document);
        await client.sendNotification(DidCloseTextDocumentNotification.type, params);
      }
    }
  }

  /** Whether the server knows a document. */
  isSent(document: vscode.TextDocument): boolean {
    return this.sent.has(document.uri.toString());
  }

  /** What passes of the messages about documents. `focus` tells the server what is in front. */
  middleware(focus: (editor: vscode.TextEditor) => void): Middleware {
    return {
      didOpen: async (document, next) => {
        if (this.refusal(document) === "") {
          this.sent.add(document.uri.toString());
          await next(document);
          // A server that was started again is told of all documents, and until then of no focus.
          const editor = vscode.window.activeTextEditor;
          if (editor?.document.uri.toString() === document.uri.toString()) {
            focus(editor);
          }
        }
      },
      didChange: async (event, next) => {
        if (this.isSent(event.document)) {
          await next(event);
        }
      },
      didSave: async (document, next) => {
        if (this.isSent(document)) {
          await next(document);
        }
      },
      didClose: async (document, next) => {
        if (this.sent.delete(document.uri.toString())) {
          await next(document);
        }
      },
      provideCodeActions: (document, range, context, token, next) =>
        this.isSent(document) ? next(document, range, context, token) : null,
      // VS Code resolves every action without an edit; one with a command of ours is complete.
      resolveCodeAction: (action, token, next) =>
        action.command === undefined ? next(action, token) : action,
      provideCompletionItem: (document, position, context, token, next) =>
        this.isSent(document) && !this.isPaused() ? next(document, position, context, token) : null,
    };
  }
}

/** The file that a document lies in: for a cell that of its notebook. */
export function fileOf(uri: vscode.Uri): vscode.Uri {
  return uri.scheme === CELL_SCHEME ? vscode.Uri.file(uri.path) : uri;
}

function isUntitled(uri: vscode.Uri): boolean {
  return (
    uri.scheme === "untitled" ||
    vscode.workspace.notebookDocuments.some((one) => one.isUntitled && one.uri.path === uri.path)
  );
}
