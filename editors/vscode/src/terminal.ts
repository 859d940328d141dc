/**
 * Commands that a person asked for, each in a terminal that shows the command itself and stays when
 * it has ended. A process is started, never a shell, never in the workspace, and in the environment
 * of the editor alone. A task of VS Code would do that too, and save all files first.
 */

import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";
import { fileOf } from "./documents.ts";
import { isPython, shown } from "./launch.ts";
import { Piped } from "./piped.ts";

/** Beside the folder of the bundle that this becomes a part of. */
const HOLD = path.join(__dirname, "..", "python", "hold.py");
/** How often it is looked whether a command has ended. */
const LOOK_MS = 200;
/** What is asked about a workspace, and would speak of the folder that it is run in. */
const ABOUT_WORKSPACE = new Set(["policy show", "policy explain"]);

/**
 * A command of ours, with the workspace that it is about: the folder of the document in front, else
 * the first. It is named because nothing is run in it.
 */
export function aboutWorkspace(words: readonly string[]): readonly string[] {
  const uri = vscode.window.activeTextEditor?.document.uri;
  const own = uri === undefined ? undefined : vscode.workspace.getWorkspaceFolder(fileOf(uri));
  const folder = own ?? vscode.workspace.workspaceFolders?.[0];
  return folder !== undefined && ABOUT_WORKSPACE.has(words.slice(0, 2).join(" "))
    ? [...words, "--folder", folder.uri.fsPath]
    : words;
}

/** Run commands one after the other; false as soon as one fails or is ended. */
export async function run(
  title: string,
  commands: readonly (readonly string[])[],
): Promise<boolean> {
  for (const words of commands) {
    if ((await runOne(title, words)) !== 0) {
      return false;
    }
  }
  return true;
}

/** Ask first, with the exact commands; then run them. Where they fail, that is said, and asked again. */
export async function runWithConsent(
  title: string,
  commands: readonly (readonly string[])[],
  about: string,
): Promise<boolean> {
  const detail = [about, "", ...commands.map(shown)].join("\n");
  for (;;) {
    const chosen = await vscode.window.showInformationMessage(
      `${title}?`,
      { modal: true, detail },
      "Run in Terminal",
    );
    if (chosen === undefined) {
      return false;
    }
    if (await run(title, commands)) {
      return true;
    }
    const again = await vscode.window.showWarningMessage(
      `${title}: the command did not end well, and its terminal says why. Next: mend that, then try again.`,
      "Try Again…",
    );
    if (again === undefined) {
      return false;
    }
  }
}

/** A command in a terminal, and its exit status; undefined if it was ended. */
interface Running {
  readonly terminal: vscode.Terminal;
  readonly ended: Promise<number | undefined>;
}

/** Terminals whose command has ended, by title: the next one of the same title takes its place. */
const done = new Map<string, vscode.Terminal>();

async function runOne(title: string, words: readonly string[]): Promise<number | undefined> {
  done.get(title)?.dispose();
  const { terminal, ended } = isPython(words) ? held(title, words) : piped(title, words);
  terminal.show();
  const code = await ended;
  done.set(title, terminal);
  return code;
}

/** A Python in a terminal of the system, which a script beside it keeps open. */
function held(title: string, words: readonly string[]): Running {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "indoors-"));
  const told = path.join(folder, "status");
  const terminal = vscode.window.createTerminal({
    name: title,
    shellPath: words[0] as string,
    shellArgs: ["-I", HOLD, told, ...words],
    cwd: os.homedir(),
    message: shown(words),
    env: environment(),
    strictEnv: true,
    isTransient: true, // VS Code would run it again where it brings back a window
  });
  const ended = new Promise<number | undefined>((resolve) => {
    const look = (isClosed: boolean): void => {
      const code = fs.existsSync(told) ? Number(fs.readFileSync(told, "ascii")) : undefined;
      if (code !== undefined || isClosed) {
        clearInterval(timer);
        closed.dispose();
        fs.rmSync(folder, { recursive: true, force: true });
        resolve(code);
      }
    };
    const timer = setInterval(() => look(false), LOOK_MS);
    const closed = vscode.window.onDidCloseTerminal((one) => {
      if (one === terminal) {
        look(true);
      }
    });
  });
  return { terminal, ended };
}

/**
 * The editor's own environment and nothing else. A workspace may set variables for terminals, and
 * with them which index pip asks. A remote window of VS Code adds those in spite of `strictEnv`, so
 * each is taken out by its name.
 */
function environment(): Record<string, string | null | undefined> {
  const own = { ...process.env };
  const key = { win32: "windows", darwin: "osx" }[process.platform as string] ?? "linux";
  const set = vscode.workspace.getConfiguration("terminal.integrated.env").get<object>(key);
  const added = Object.keys(set ?? {}).filter((name) => process.env[name] === undefined);
  return { ...own, ...Object.fromEntries(added.map((name) => [name, null])) };
}

function piped(title: string, words: readonly string[]): Running {
  const pty = new Piped(words);
  const terminal = vscode.window.createTerminal({ name: title, pty, isTransient: true });
  return { terminal, ended: pty.ended };
}
