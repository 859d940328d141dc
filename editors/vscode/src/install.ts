/**
 * From nothing to a server: what is missing is said, what would be run is shown, and nothing is run
 * or fetched before somebody agreed. Where there is no internet, the way without is described.
 */

import * as vscode from "vscode";
import { command, installCommands } from "./launch.ts";
import * as settings from "./settings.ts";
import { aboutWorkspace, run, runWithConsent } from "./terminal.ts";

/** Say that there is no server, and offer the ways to one. True if there may be one now. */
export async function offerInstall(problem: string): Promise<void> {
  const text =
    problem ||
    "Indoors' server is not installed on this machine. It is a Python package and runs here, beside your code";
  const chosen = await vscode.window.showWarningMessage(
    `${text}.`,
    "Install From Wheel…",
    "Choose Python…",
    "Without Internet…",
  );
  if (chosen === "Install From Wheel…") {
    await vscode.commands.executeCommand("indoors.install");
  } else if (chosen === "Choose Python…") {
    await vscode.commands.executeCommand("indoors.choosePython");
  } else if (chosen === "Without Internet…") {
    await vscode.commands.executeCommand("indoors.offlineHelp");
  }
}

/** Install from a wheel that a person chooses. */
export async function install(): Promise<boolean> {
  const files = await vscode.window.showOpenDialog({
    title: "The wheel of Indoors (indoors-….whl)",
    openLabel: "Install",
    canSelectMany: false,
    filters: { Wheels: ["whl"] },
  });
  const wheel = files?.[0]?.fsPath;
  if (wheel === undefined) {
    return false;
  }
  const commands = installCommands(wheel, roots());
  if (commands.length === 0) {
    void vscode.window.showWarningMessage(
      "Neither uv, nor pipx, nor Python was found. Next: install Python 3.11 or newer, then try again.",
    );
    return false;
  }
  const chosen = settings.python();
  // Where a person chose a Python, no other is looked for, whatever is installed.
  const leaves = chosen
    ? ` When it has ended well, your setting indoors.python (${chosen}) is removed, so that what was installed is used.`
    : "";
  const isInstalled = await runWithConsent(
    "Install Indoors",
    commands,
    `This installs the server and the Python packages that it needs. It asks your package index for them.${leaves}`,
  );
  if (isInstalled && chosen) {
    await settings.set("python", undefined);
  }
  return isInstalled;
}

/** `indoors setup`, which fetches an engine and a model. */
export function setUp(python: string): Promise<boolean> {
  return runWithConsent(
    "Set up Indoors",
    [command(python, "setup", "--no-editor-lines")],
    "This finds your graphics card, fetches an engine and a model that fits, checks its sha256, and completes one line. It asks again before a large download.",
  );
}

/** A next step that the server named. What fetches something is shown before. */
export function takeStep(python: string, words: string[]): Promise<boolean> {
  if (words[0] === "setup" && words.length === 1) {
    return setUp(python);
  }
  const title = `indoors ${words.join(" ")}`;
  const commands = [command(python, ...aboutWorkspace(words))];
  const fetches = words[0] === "setup" || words[1] === "pull" || words[1] === "install";
  return fetches
    ? runWithConsent(title, commands, "This downloads a file and checks its sha256.")
    : run(title, commands);
}

/** Let a person choose the interpreter that has Indoors. */
export async function choosePython(): Promise<void> {
  const files = await vscode.window.showOpenDialog({
    title: "The Python that has Indoors installed",
    openLabel: "Use This Python",
    canSelectMany: false,
  });
  const file = files?.[0]?.fsPath;
  if (file !== undefined) {
    await settings.set("python", file);
  }
}

function roots(): string[] {
  return (vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.fsPath);
}
