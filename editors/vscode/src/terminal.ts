/**
 * Commands that a person asked for, each in a terminal that shows the command itself and stays when
 * it has ended. A process is started, never a shell, and never in the workspace.
 */

import * as os from "node:os";
import * as vscode from "vscode";
import { fileOf } from "./documents.ts";
import { shown } from "./launch.ts";

const TYPE = "indoors";
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

async function runOne(title: string, words: readonly string[]): Promise<number | undefined> {
  const [file, ...rest] = words;
  const execution = new vscode.ProcessExecution(file as string, rest, { cwd: os.homedir() });
  const definition = { type: TYPE, command: shown(words) };
  // A window without a folder has no workspace for a task to belong to.
  const hasFolder = (vscode.workspace.workspaceFolders ?? []).length > 0;
  const scope = hasFolder ? vscode.TaskScope.Workspace : vscode.TaskScope.Global;
  const task = new vscode.Task(definition, scope, title, "Indoors", execution, []);
  task.presentationOptions = {
    echo: true,
    focus: true,
    reveal: vscode.TaskRevealKind.Always,
    panel: vscode.TaskPanelKind.Dedicated,
    showReuseMessage: false,
    clear: false,
  };
  const started = await vscode.tasks.executeTask(task);
  return new Promise((resolve) => {
    const listeners = [
      vscode.tasks.onDidEndTaskProcess((event) => {
        if (event.execution === started) {
          end(event.exitCode);
        }
      }),
      vscode.tasks.onDidEndTask((event) => {
        // A task whose process could not be started ends without an exit code.
        if (event.execution === started) {
          setTimeout(() => end(undefined), 500);
        }
      }),
    ];
    const end = (code: number | undefined): void => {
      for (const listener of listeners) {
        listener.dispose();
      }
      resolve(code);
    };
  });
}
