/**
 * An edit of the server as a diff, before anything changes.
 *
 *   menu entry (`indoors.preview WISH`, `indoors.askInstruction WISH`)
 *     -> codeAction/resolve -> WorkspaceEdit -> diff editor -> apply (one step to undo), or discard
 *
 * Several may be on the screen: two were asked for at once, or one is kept while another is looked
 * at. Each is known by the document at its diff's right side, and keys act on the one in front.
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
const MADE = "This edit was made already. Next: undo in its file takes it back.";
const GONE =
  "Nothing was edited: the diff of this edit is not there any more. Next: ask for the edit again.";
const WHICH =
  "Several edits are on the screen, and none is in front. Next: click into the diff of one, then say it again.";
/** The diff takes the focus. A key this soon after belongs to what was being typed elsewhere. */
const QUIET_MS = 500;

/** What a menu entry of the server carries. */
export interface Wish {
  uri: string;
  action: string;
  instruction?: string;
}

/** One edit that is being looked at, or was. */
interface Shown {
  /** The document at the right side of its diff, and its text. */
  readonly changed: vscode.Uri;
  readonly text: string;
  readonly edit: vscode.WorkspaceEdit;
  /** What it was made of; nothing for a new file. */
  readonly uri: vscode.Uri | undefined;
  readonly before: string;
  /** What became of it. Its notification outlives its diff: VS Code lets nobody take one back. */
  end?: "made" | "gone";
}

export class Preview implements vscode.Disposable, vscode.TextDocumentContentProvider {
  /** Those that are on the screen, by the document at the right side. */
  private readonly shown = new Map<string, Shown>();
  private readonly parts: vscode.Disposable[];
  private readonly client: () => BaseLanguageClient | undefined;
  private newest: Shown | undefined;
  private n = 0;

  constructor(client: () => BaseLanguageClient | undefined) {
    this.client = client;
    this.parts = [
      vscode.workspace.registerTextDocumentContentProvider(SCHEME, this),
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        for (const shown of closed.map((tab) => this.of(tab))) {
          // A tab that is dragged to another group closes in one of them.
          if (shown !== undefined && this.tabs(shown).length === 0) {
            this.forget(shown, "gone");
          }
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
    return this.shown.get(uri.toString())?.text ?? "";
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
    // What is shown of the same text could not be made any more once this one is.
    const same = [...this.shown.values()].filter(({ uri }) => uri?.toString() === wish.uri);
    await Promise.all(same.map((one) => this.close(one, "gone")));
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
    const note = Object.values(made.changeAnnotations ?? {})[0];
    const shown: Shown = {
      changed,
      text: applied(original, edits),
      // Whoever applies it from here has confirmed it.
      edit: await client.protocol2CodeConverter.asWorkspaceEdit(confirmed(made)),
      uri: original?.uri,
      before: original?.getText() ?? "",
    };
    this.shown.set(changed.toString(), shown);
    this.newest = shown;
    this.takesKeys(false); // it is not read yet, whatever else is on the screen
    if (original !== undefined) {
      // The name of a cell's notebook, or of what has none, says nothing of its language.
      const right = await vscode.workspace.openTextDocument(changed);
      if (right.languageId !== original.languageId) {
        await vscode.languages.setTextDocumentLanguage(right, original.languageId);
      }
    }
    const title = `Indoors: ${note?.label ?? name}`;
    await vscode.commands.executeCommand("vscode.diff", original?.uri ?? empty, changed, title, {
      preview: true,
    });
    setTimeout(() => {
      if (this.newest === shown) {
        this.takesKeys(this.shown.size > 0);
      }
    }, QUIET_MS);
    const text = [note?.label, note?.description].filter(Boolean).join(": ");
    const chosen = await vscode.window.showInformationMessage(text || title, APPLY, DISCARD);
    if (chosen !== undefined && shown.end === "made") {
      void vscode.window.showInformationMessage(MADE);
    } else if (chosen === APPLY) {
      await this.make(shown);
    } else if (chosen === DISCARD) {
      await this.close(shown, "gone");
    }
  }

  /** Make the edit that is in front. */
  async apply(): Promise<void> {
    const shown = this.inFront();
    if (shown !== undefined) {
      await this.make(shown);
    }
  }

  /** Close the diff that is in front; nothing has changed. */
  async discard(): Promise<void> {
    const shown = this.inFront();
    if (shown !== undefined) {
      await this.close(shown, "gone");
    }
  }

  /** The edit that a key or a command is about: the one in front, or the only one. */
  private inFront(): Shown | undefined {
    const tab = vscode.window.tabGroups.activeTabGroup.activeTab;
    const [only, ...more] = this.shown.values();
    const shown = tab === undefined ? undefined : this.of(tab);
    if (shown === undefined && more.length > 0) {
      void vscode.window.showInformationMessage(WHICH);
      return undefined;
    }
    return shown ?? only;
  }

  /** Make an edit, if the text is still what it was made for. */
  private async make(shown: Shown): Promise<void> {
    if (shown.end !== undefined) {
      void vscode.window.showInformationMessage(GONE);
      return;
    }
    await this.close(shown, "gone");
    if (shown.uri !== undefined) {
      const original = await vscode.workspace.openTextDocument(shown.uri);
      if (original.getText() !== shown.before) {
        void vscode.window.showInformationMessage(MOVED);
        return;
      }
      // What was agreed to is made, whether its document comes to the front or not.
      await showDocument(original).then(undefined, () => undefined);
    }
    if (await vscode.workspace.applyEdit(shown.edit)) {
      shown.end = "made";
      reach("edited");
    } else {
      void vscode.window.showWarningMessage(NOT_APPLIED);
    }
  }

  private async close(shown: Shown, end: "made" | "gone"): Promise<void> {
    const tabs = this.tabs(shown);
    this.forget(shown, end);
    await vscode.window.tabGroups.close(tabs);
  }

  private forget(shown: Shown, end: "made" | "gone"): void {
    shown.end ??= end;
    this.shown.delete(shown.changed.toString());
    if (this.shown.size === 0) {
      this.takesKeys(false);
    }
  }

  private takesKeys(does: boolean): void {
    void vscode.commands.executeCommand("setContext", IN_PREVIEW, does);
  }

  /** The tabs that show an edit: a person can have it in several groups. */
  private tabs(shown: Shown): vscode.Tab[] {
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
    return tabs.filter((tab) => this.of(tab) === shown);
  }

  /** The edit that a tab shows, if it shows one. */
  private of(tab: vscode.Tab): Shown | undefined {
    return tab.input instanceof vscode.TabInputTextDiff
      ? this.shown.get(tab.input.modified.toString())
      : undefined;
  }
}

/** Bring a document to the front: a cell in its notebook, which alone can show it. */
async function showDocument(document: vscode.TextDocument): Promise<unknown> {
  for (const notebook of vscode.workspace.notebookDocuments) {
    const at = notebook.getCells().findIndex((cell) => cell.document === document);
    if (at >= 0) {
      const selections = [new vscode.NotebookRange(at, at + 1)];
      return vscode.window.showNotebookDocument(notebook, { selections });
    }
  }
  return vscode.window.showTextDocument(document);
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
