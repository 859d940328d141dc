/** The composition root: every part, every event, every command on one screen. */

import * as vscode from "vscode";
import { Completions } from "./completions.ts";
import { Documents } from "./documents.ts";
import { askInstruction, refactorMenu } from "./edits.ts";
import { choosePython, install, setUp } from "./install.ts";
import { command } from "./launch.ts";
import { chooseModel, showMenu } from "./menu.ts";
import { offerOff, others } from "./others.ts";
import { Explained } from "./explained.ts";
import { Pause } from "./pause.ts";
import { Server } from "./server.ts";
import { Preview, type Wish } from "./preview.ts";
import { COMMIT_SCHEME, isDocument } from "./rules.ts";
import { Sending } from "./send.ts";
import * as settings from "./settings.ts";
import { askedOnly, hidden } from "./shown.ts";
import { StatusBar } from "./statusBar.ts";
import { aboutWorkspace, run } from "./terminal.ts";
import { follow, opened, reach } from "./walkthrough.ts";
import { type Situation, silence } from "./words.ts";

const PAUSE_MINUTES = 10;
const MENU = "Show Menu";
const NO_FILE = "No file is in front. Next: click into the code, then say it again.";
/** What the key in the box of Source Control says of itself (package.json). */
const COMMIT_BOX = "commitBox";
let running: Server | undefined;

export function deactivate(): Promise<void> | undefined {
  return running?.stop();
}

export function activate(context: vscode.ExtensionContext): void {
  const bar = new StatusBar();
  const paused = new Pause();
  let timer: NodeJS.Timeout | undefined;
  const isPaused = (): boolean => paused.isOn;
  const documents = new Documents(context.workspaceState, isPaused);
  const completions = new Completions(context.extension.id, documents, isPaused);
  const sending = new Sending();
  const server = new Server(context.extension, documents, completions, sending, () => refresh());
  const preview = new Preview(() => server.client);
  const { id } = context.extension;
  const explained = new Explained(documents, id, () => server.client);
  running = server;

  const situation = (document = inFront()): Situation => {
    const written = code(document);
    return {
      life: server.life,
      reason: server.reason,
      pausedUntil: paused.until === undefined ? "" : time(paused.until),
      refusal: written ? documents.refusal(written) || hidden(written, id) : "",
      askedOnly: written ? askedOnly(written) : "",
      status: server.status,
      others: others().map((other) => other.name),
      mismatch: server.mismatch,
      isRemote: vscode.env.remoteName !== undefined,
    };
  };
  const refresh = (): void => {
    const now = situation();
    bar.show(now);
    follow(now);
  };

  const pause = (minutes: number): void => {
    clearTimeout(timer);
    paused.begin(minutes);
    timer = minutes > 0 ? setTimeout(() => pause(0), minutes * 60_000) : undefined;
    void vscode.commands.executeCommand("editor.action.inlineSuggest.hide");
    refresh();
  };
  /** Do something with the Python that has the server; where there is none, that is said. */
  const withPython = async <Result>(
    use: (python: string) => Promise<Result>,
  ): Promise<Result | undefined> => {
    await server.lookAgain();
    if (server.python !== undefined) {
      return use(server.python);
    }
    await server.explainMissing();
    return undefined;
  };
  /** Run one of our commands where a person sees it. */
  const show = (title: string, ...words: string[]): Promise<boolean | undefined> =>
    withPython((python) => run(title, [command(python, ...aboutWorkspace(words))]));
  /** Fetch an engine and a model; the server that runs looks for them when they are there. */
  const fetchAll = (): Promise<unknown> =>
    withPython(async (python) => {
      if (await setUp(python)) {
        await server.settingsChanged();
      }
    });
  const commands: Record<string, (...rest: never[]) => unknown> = {
    "indoors.menu": async () => {
      await server.lookAgain();
      const open = code(inFront());
      if (server.status !== undefined) {
        reach("sawLock"); // it stands in the menu
      }
      await showMenu({
        situation: situation(),
        python: server.python,
        stepTaken: () => server.settingsChanged(),
        document: open,
        isFileOff: open !== undefined && documents.isOff(open.uri),
      });
    },
    "indoors.suggest": async (place: unknown) => {
      const isInFront = place !== COMMIT_BOX;
      const open = code(isInFront ? inFront() : commitBox());
      if (open === undefined) {
        void vscode.window.showInformationMessage(
          "No file is in front. Next: click into the code, then ask for a suggestion again.",
        );
        return;
      }
      const reason = silence(situation(open), isInFront);
      if (reason === "") {
        await completions.suggest();
      } else if ((await vscode.window.showInformationMessage(reason, MENU)) === MENU) {
        await vscode.commands.executeCommand("indoors.menu");
      }
    },
    "indoors.pause": () => pause(PAUSE_MINUTES),
    "indoors.resume": () => pause(0),
    "indoors.toggleFile": () =>
      withCode(async ({ uri }) => {
        await documents.toggle(uri);
        server.focus(vscode.window.activeTextEditor);
        refresh();
      }),
    "indoors.toggleLanguage": () =>
      withCode(async ({ languageId }) => {
        const off = settings.languagesOff();
        const now = off.includes(languageId)
          ? off.filter((one) => one !== languageId)
          : [...off, languageId];
        await settings.set("completion.languages.off", now.length > 0 ? now : undefined);
      }),
    "indoors.why": () => explained.show(inFront()),
    "indoors.chooseModel": () => withPython(chooseModel),
    "indoors.prove": async () => {
      if (await show("indoors doctor --prove", "doctor", "--prove")) {
        reach("proved");
      }
    },
    "indoors.policy": () => show("indoors policy show", "policy", "show"),
    "indoors.doctor": () => show("indoors doctor", "doctor"),
    "indoors.setup": fetchAll,
    "indoors.install": async () => {
      if (await install()) {
        await server.restart();
        if (server.python !== undefined) {
          await fetchAll();
        }
      }
    },
    "indoors.choosePython": choosePython,
    "indoors.offlineHelp": () =>
      vscode.commands.executeCommand(
        "markdown.showPreview",
        vscode.Uri.joinPath(context.extensionUri, "media", "offline.md"),
      ),
    "indoors.restart": () => server.restart(),
    "indoors.log": () => server.showLog(),
    "indoors.settings": () =>
      vscode.commands.executeCommand(
        "workbench.action.openSettings",
        `@ext:${context.extension.id}`,
      ),
    "indoors.others": offerOff,
    "indoors.askInstruction": (wish: Wish) => askInstruction(preview, wish),
    "indoors.preview": (wish: Wish) => preview.show(wish),
    "indoors.applyEdit": () => preview.apply(),
    "indoors.discardEdit": () => preview.discard(),
    "indoors.refactorMenu": () => withCode(refactorMenu),
  };

  context.subscriptions.push(
    server,
    preview,
    sending,
    explained,
    documents,
    completions,
    bar,
    new vscode.Disposable(() => clearTimeout(timer)),
    ...Object.entries(commands).map(([name, run]) => vscode.commands.registerCommand(name, run)),
    vscode.window.onDidChangeActiveTextEditor((editor) => {
      server.focus(editor);
      refresh();
    }),
    vscode.window.onDidChangeWindowState(({ focused }) => {
      if (focused) {
        void server.lookAgain(); // a person comes back, maybe from installing the server by hand
        refresh(); // or a laptop woke up, whose pause is over by now
      }
    }),
    vscode.window.tabGroups.onDidChangeTabs((event) => opened(event.opened)),
    vscode.extensions.onDidChange(refresh),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void server.restart()),
    vscode.workspace.onDidOpenTextDocument(refresh), // a language was changed: opened again
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration("indoors.python")) {
        void server.restart();
      } else if (settings.isOurs(event)) {
        void server.settingsChanged().then(() => server.focus(vscode.window.activeTextEditor));
      }
      refresh();
    }),
  );
  refresh();
  void server.restart();
}

function inFront(): vscode.TextDocument | undefined {
  return vscode.window.activeTextEditor?.document;
}

/** A document, if it is one that people write code in, and no view of something. */
function code(document: vscode.TextDocument | undefined): vscode.TextDocument | undefined {
  return document !== undefined && isDocument(document.uri.scheme) ? document : undefined;
}

/** Do something with the document in front; where none is, that is said. */
async function withCode(use: (document: vscode.TextDocument) => Promise<void>): Promise<void> {
  const open = code(inFront());
  if (open === undefined) {
    void vscode.window.showInformationMessage(NO_FILE);
  } else {
    await use(open);
  }
}

/** What is written in the box of Source Control, which is no editor that an extension is shown. */
function commitBox(): vscode.TextDocument | undefined {
  return vscode.workspace.textDocuments.find(({ uri }) => uri.scheme === COMMIT_SCHEME);
}

function time(when: Date): string {
  return when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
