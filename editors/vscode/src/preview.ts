/**
 * An edit of the server as a diff, before anything changes.
 *
 *   menu entry (`indoors.preview WISH`, `indoors.askInstruction WISH`)
 *     -> codeAction/resolve -> WorkspaceEdit -> diff editor -> apply (one step to undo), or discard
 *
 * VS Code's own preview of a change that needs confirmation shows one cut line, and in its diff
 * nothing at all before the change is ticked. Here the diff is what one sees first.
 */

import * as vscode from "vscode";
import {
  type AnnotatedTextEdit,
  type BaseLanguageClient,
  type CodeAction,
  CodeActionResolveRequest,
  TextDocumentEdit,
  type WorkspaceEdit,
} from "vscode-languageclient/node";
import { reach } from "./walkthrough.ts";

const SCHEME = "indoors-preview";
const IN_PREVIEW = "indoors.previewing";
const APPLY = "Apply";
const DISCARD = "Discard";
const MOVED = "Nothing was edited: the text has changed since. Next: ask again.";
const LOST =
  "Nothing was edited: the server did not answer. Next: ask again when the status bar says that it is ready.";
const NOT_APPLIED =
  "Nothing was edited: VS Code did not apply it. Next: see whether the file can be written, then ask again.";
/** The diff takes the focus. A key this soon after belongs to what was being typed elsewhere. */
const QUIET_MS = 500;

/** What a menu entry of the server carries. */
export interface Wish {
  uri: string;
  action: string;
  instruction?: string;
}

/** One edit that is being looked at. */
interface Shown {
  readonly edit: vscode.WorkspaceEdit;
  /** What it was made of; nothing for a new file. */
  readonly uri: vscode.Uri | undefined;
  readonly before: string;
}

export class Preview implements vscode.Disposable, vscode.TextDocumentContentProvider {
  private readonly texts = new Map<string, string>();
  private readonly parts: vscode.Disposable[];
  private readonly client: () => BaseLanguageClient | undefined;
  private shown: Shown | undefined;
  private n = 0;

  constructor(client: () => BaseLanguageClient | undefined) {
    this.client = client;
    this.parts = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        if (closed.some((tab) => this.isOurs(tab))) {
          this.forget();
        }
      }),
    ];
  }

  dispose(): void {
    for (const part of this.parts) {
      part.dispose();
    }
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** A person is asked what to do: the model reads the code meanwhile. */
  announce(wish: Wish): void {
    const client = this.client();
    if (client?.isRunning()) {
      void client.sendNotification("indoors/willEdit", wish);
    }
  }

  /** Have an edit made, and show it. The server tells the person where none comes of it. */
  async show(wish: Wish): Promise<void> {
    if (typeof wish !== "object" || wish === null) {
      return;
    }
    await this.discard();
    const client = this.client();
    const action = { title: wish.action, data: wish };
    let made: CodeAction | undefined;
    try {
      made = await client?.sendRequest(CodeActionResolveRequest.type, action);
    } catch (error) {
      // It ended meanwhile; the words of the connection would help nobody.
      client?.error("An edit was asked for, and the server did not answer.", error);
    }
    if (client === undefined || made === undefined) {
      void vscode.window.showWarningMessage(LOST);
    } else if (made.edit !== undefined) {
      await this.open(client, made.edit);
    }
  }

  private async open(client: BaseLanguageClient, made: WorkspaceEdit): Promise<void> {
    const change = made.documentChanges?.find((one) => TextDocumentEdit.is(one));
    if (change === undefined) {
      return;
    }
    const uri = client.protocol2CodeConverter.asUri(change.textDocument.uri);
    const isNew = made.documentChanges?.some((one) => "kind" in one && one.kind === "create");
    const original = isNew ? undefined : await vscode.workspace.openTextDocument(uri);
    const edits = await client.protocol2CodeConverter.asTextEdits(
      change.edits as AnnotatedTextEdit[],
    );
    const { version } = change.textDocument;
    if (original !== undefined && version !== null && original.version !== version) {
      void vscode.window.showInformationMessage(MOVED);
      return;
    }
    this.n += 1;
    const name = uri.path.split("/").at(-1) ?? "";
    const changed = vscode.Uri.from({ scheme: SCHEME, path: `/${this.n}/${name}` });
    const empty = vscode.Uri.from({ scheme: SCHEME, path: `/${this.n}/new/${name}` });
    this.texts.set(changed.toString(), applied(original, edits));
    const note = Object.values(made.changeAnnotations ?? {})[0];
    // Whoever applies it from here has confirmed it.
    const edit = await client.protocol2CodeConverter.asWorkspaceEdit(confirmed(made));
    const shown: Shown = { edit, uri: original?.uri, before: original?.getText() ?? "" };
    this.shown = shown;
    const title = `Indoors: ${note?.label ?? name}`;
    await vscode.commands.executeCommand("vscode.diff", original?.uri ?? empty, changed, title, {
      preview: true,
    });
    setTimeout(() => {
      if (this.shown === shown) {
        void vscode.commands.executeCommand("setContext", IN_PREVIEW, true);
      }
    }, QUIET_MS);
    const text = [note?.label, note?.description].filter(Boolean).join(": ");
    const chosen = await vscode.window.showInformationMessage(text || title, APPLY, DISCARD);
    if (this.shown === shown) {
      await (chosen === APPLY ? this.apply() : chosen === DISCARD ? this.discard() : undefined);
    }
  }

  /** Make the edit that is shown, if the text is still what it was made for. */
  async apply(): Promise<void> {
    const shown = this.shown;
    if (shown === undefined) {
      return;
    }
    await this.discard();
    if (shown.uri !== undefined) {
      const original = await vscode.workspace.openTextDocument(shown.uri);
      if (original.getText() !== shown.before) {
        void vscode.window.showInformationMessage(MOVED);
        return;
      }
      await vscode.window.showTextDocument(original);
    }
    if (await vscode.workspace.applyEdit(shown.edit)) {
      reach("edited");
    } else {
      void vscode.window.showWarningMessage(NOT_APPLIED);
    }
  }

  /** Close the diff; nothing has changed. */
  async discard(): Promise<void> {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    this.forget();
    await vscode.window.tabGroups.close(tabs.filter((tab) => this.isOurs(tab)));
  }

  private forget(): void {
    this.shown = undefined;
    this.texts.clear();
    void vscode.commands.executeCommand("setContext", IN_PREVIEW, false);
  }

  private isOurs(tab: vscode.Tab): boolean {
    return tab.input instanceof vscode.TabInputTextDiff && tab.input.modified.scheme === SCHEME;
  }
}

/** The text of a document with edits made to it. */
function applied(document: vscode.TextDocument | undefined, edits: vscode.TextEdit[]): string {
  if (document === undefined) {
    return edits.map((edit) => edit.newText).join("");
  }
  let text = document.getText();
  const last = [...edits].sort((one, other) => other.range.start.compareTo(one.range.start));
  for (const edit of last) {
    const [start, end] = [document.offsetAt(edit.range.start), document.offsetAt(edit.range.end)];
    text = text.slice(0, start) + edit.newText + text.slice(end);
  }
  return text;
}

/** The same edit, which nobody is asked about a second time. */
function confirmed(edit: WorkspaceEdit): WorkspaceEdit {
  const notes = Object.entries(edit.changeAnnotations ?? {}).map(([name, note]) => [
    name,
    { ...note, needsConfirmation: false },
  ]);
  return { ...edit, changeAnnotations: Object.fromEntries(notes) };
}
