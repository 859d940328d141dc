/**
 * Suggestions on their way from the server to the screen: asked for where they may be, asked again
 * when there is more, and what becomes of them told to the server (docs/protocol.md).
 */

import * as vscode from "vscode";
import { type BaseLanguageClient, type Middleware, State } from "vscode-languageclient/node";
import type { Documents } from "./documents.ts";
import { type Offer, Offers } from "./offers.ts";
import { COMMIT_SCHEME } from "./rules.ts";

const ACCEPTED = "indoors.accepted";

/** Where a suggestion was asked for last. */
interface Asked {
  readonly uri: string;
  readonly version: number;
  readonly position: vscode.Position;
  /** The same question once more. */
  readonly ask: () => Promise<Found>;
}

type Found = vscode.InlineCompletionItem[] | vscode.InlineCompletionList | null | undefined;

/** An item, as the notifications about it have it. */
interface Item {
  readonly insertText: string;
  readonly command: { title: string; command: string; arguments: unknown[] };
}

export class Completions implements vscode.Disposable {
  private readonly offers = new Offers<Item>();
  private readonly told = new Set<string>();
  private readonly listeners: vscode.Disposable[];
  private readonly extensionId: string;
  private readonly documents: Documents;
  private readonly isPaused: () => boolean;
  private client: BaseLanguageClient | undefined;
  private offered = "";
  private asked: Asked | undefined;
  /** Gives the answer to what was asked again. */
  private again: vscode.Disposable | undefined;

  constructor(extensionId: string, documents: Documents, isPaused: () => boolean) {
    this.extensionId = extensionId;
    this.documents = documents;
    this.isPaused = isPaused;
    this.listeners = [vscode.workspace.onDidChangeTextDocument((event) => this.changed(event))];
  }

  dispose(): void {
    this.again?.dispose();
    for (const listener of this.listeners) {
      listener.dispose();
    }
  }

  /** A server begins. */
  begin(client: BaseLanguageClient): void {
    this.client = client;
    client.onDidChangeState(({ newState }) => {
      // Each process numbers its items anew, also one that the client started again by itself.
      if (this.client === client && newState === State.Running) {
        this.told.clear();
        this.offers.show();
      }
    });
    client.onNotification(
      "indoors/completionReady",
      (params: { textDocument: { uri: string; version: number } }) => {
        const uri = client.protocol2CodeConverter.asUri(params.textDocument.uri).toString();
        void this.askAgain(uri, params.textDocument.version);
      },
    );
  }

  middleware(): Middleware {
    return {
      provideInlineCompletionItems: async (document, position, context, token, next) => {
        this.again?.dispose();
        this.again = undefined;
        if (this.isQuiet(document)) {
          this.offers.show();
          return null;
        }
        const ask = (token: vscode.CancellationToken): Promise<Found> =>
          Promise.resolve(next(document, position, context, token));
        const asked: Asked = {
          uri: document.uri.toString(),
          version: document.version,
          position,
          ask: () => ask(new vscode.CancellationTokenSource().token),
        };
        this.asked = asked;
        const found = await ask(token);
        // VS Code takes back what no longer fits the text, and would show this where the cursor is
        // now. A pause may have begun meanwhile, too.
        const isElsewhere = document.version === asked.version && !isAt(document, position);
        if (isElsewhere || this.isQuiet(document)) {
          return null;
        }
        if (!token.isCancellationRequested && this.asked === asked) {
          this.offer(document, position, all(found));
        }
        return found;
      },
      executeCommand: (command, args: readonly unknown[], next) => {
        if (command === ACCEPTED) {
          this.accepted(args[0]);
        }
        return next(command, [...args]);
      },
    };
  }

  /** VS Code took all of an item, which it says behind the change of the document. */
  private accepted(name: unknown): void {
    const item = this.offers.accepted(({ command }) => command.arguments[0] === name);
    if (item !== undefined) {
      this.shown(item);
    }
  }

  /** Whether nothing is suggested in a document now. */
  private isQuiet(document: vscode.TextDocument): boolean {
    return this.isPaused() || !this.documents.isSent(document);
  }

  /**
   * A person asks for a suggestion. Only our provider is: others, asked by a key, would send code
   * also where their own settings have them suggest nothing.
   */
  async suggest(): Promise<void> {
    // VS Code would find that one first, which has no other answers than what is on the screen.
    this.again?.dispose();
    this.again = undefined;
    await this.trigger(true);
  }

  private async trigger(explicit: boolean): Promise<void> {
    const providerId = `${this.extensionId}:*`;
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger", {
      explicit,
      providerId,
    });
  }

  /** Suggestions go to VS Code, which shows the first of them if nothing has moved. */
  private offer(
    document: vscode.TextDocument,
    position: vscode.Position,
    made: readonly vscode.InlineCompletionItem[],
  ): void {
    const version = document.version;
    const offered = made.map((one) => offerOf(document, position, one));
    const offers = offered.filter((one) => one !== undefined);
    this.offered = document.uri.toString();
    this.offers.show(...offers);
    const first = offered[0];
    // VS Code has drawn it by the next turn of the loop, or dropped it because the cursor moved.
    setTimeout(() => {
      if (first !== undefined && document.version === version && isAt(document, position)) {
        this.shown(first.item);
      }
    }, 0);
  }

  private shown(item: Item): void {
    const name = String(item.command.arguments[0]);
    if (!this.told.has(name)) {
      this.told.add(name);
      this.tell("textDocument/didShowCompletion", { item });
    }
  }

  private changed(event: vscode.TextDocumentChangeEvent): void {
    if (event.document.uri.toString() !== this.offered || event.contentChanges.length === 0) {
      return;
    }
    const changes = event.contentChanges.map((change) => ({
      offset: change.rangeOffset,
      removed: change.rangeLength,
      text: change.text,
    }));
    // Undoing and redoing bring text back, which nobody accepts.
    const told = event.reason === undefined ? this.offers.changed(changes) : {};
    if (told.shown !== undefined) {
      this.shown(told.shown);
    }
    if (told.partly !== undefined) {
      this.tell("textDocument/didPartiallyAcceptCompletion", told.partly);
    }
  }

  private tell(method: string, params: object): void {
    const client = this.client;
    if (client?.isRunning()) {
      void client.sendNotification(method, params);
    }
  }

  /**
   * There is more to show than the last answer had.
   *
   * VS Code keeps an answer for as long as a place has the same providers: asked again it would not
   * ask us, and asked by key it would show a longer answer only as the next of several. Hiding the
   * old one first leaves the screen without any for some 30 ms. A provider that is new to it, with
   * the answer in hand, is asked and replaces what is shown in one step. It goes with the next key.
   */
  private async askAgain(uri: string, version: number): Promise<void> {
    const asked = this.asked;
    const isCurrent = (): boolean => {
      const editor = vscode.window.activeTextEditor;
      return (
        editor !== undefined &&
        !this.isQuiet(editor.document) &&
        asked === this.asked &&
        isSame(asked, editor.document, editor.selection.active)
      );
    };
    if (asked === undefined || asked.uri !== uri || asked.version !== version || !isCurrent()) {
      return;
    }
    const found = await asked.ask();
    const [item] = all(found);
    if (item === undefined || item.insertText === this.offers.text || !isCurrent()) {
      return;
    }
    this.again?.dispose();
    this.again = vscode.languages.registerInlineCompletionItemProvider(
      { scheme: vscode.Uri.parse(uri).scheme },
      {
        provideInlineCompletionItems: (document, position) => {
          const isThere = isSame(asked, document, position) && this.asked === asked;
          if (!isThere || this.isQuiet(document)) {
            return null;
          }
          this.offer(document, position, all(found));
          return found;
        },
      },
    );
    await this.trigger(false);
  }
}

/** What is followed of an item; nothing of one that is not ours, or not to be inserted here. */
function offerOf(
  document: vscode.TextDocument,
  position: vscode.Position,
  made: vscode.InlineCompletionItem,
): Offer<Item> | undefined {
  const { command, insertText } = made;
  if (command?.command !== ACCEPTED || typeof insertText !== "string") {
    return undefined;
  }
  const typed = document.getText(new vscode.Range(made.range?.start ?? position, position));
  if (!insertText.startsWith(typed)) {
    return undefined;
  }
  const item = {
    insertText,
    command: { title: command.title, command: ACCEPTED, arguments: command.arguments ?? [] },
  };
  const offset = document.offsetAt(position);
  return { item, text: insertText, typed: typed.length, offset };
}

function isSame(
  asked: Asked | undefined,
  document: vscode.TextDocument,
  position: vscode.Position,
): boolean {
  return (
    asked !== undefined &&
    asked.uri === document.uri.toString() &&
    asked.version === document.version &&
    asked.position.isEqual(position)
  );
}

function all(found: Found): readonly vscode.InlineCompletionItem[] {
  return (found instanceof vscode.InlineCompletionList ? found.items : found) ?? [];
}

/**
 * Whether a cursor is there. The box of a commit message is no editor that an extension is shown, so
 * where its cursor is only VS Code knows.
 */
function isAt(document: vscode.TextDocument, position: vscode.Position): boolean {
  return (
    document.uri.scheme === COMMIT_SCHEME ||
    vscode.window.visibleTextEditors.some(
      (editor) => editor.document === document && editor.selection.active.isEqual(position),
    )
  );
}
