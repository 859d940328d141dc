/**
 * Other extensions that complete while one types. They are named, because whoever sees "enforced"
 * in the status bar should know that it says nothing about them.
 */

import * as vscode from "vscode";
import { allOff, isOff } from "./copilot.ts";
import { COPILOT, COPILOT_SETTING, KNOWN, type Other, SUPPRESS, choices } from "./known.ts";

/** Those that are installed, enabled, and not switched off as far as one can see. */
export function others(): Other[] {
  const found = new Map<string, Other>();
  for (const extension of vscode.extensions.all) {
    const name = KNOWN[extension.id.toLowerCase()];
    if (name !== undefined && !isSwitchedOff(name) && !isSuppressed(extension.id)) {
      found.set(name, { name, id: extension.id });
    }
  }
  return [...found.values()];
}

const NONE =
  "No other extension that Indoors knows suggests code here. Next: look through the Extensions view for one that it does not know.";

function suppressed(): string[] {
  const value = vscode.workspace.getConfiguration().get<unknown>(SUPPRESS);
  const listed = typeof value === "string" ? value.split(",") : [];
  return listed.map((one) => one.trim()).filter(Boolean);
}

function isSuppressed(id: string): boolean {
  return suppressed().some((one) => one.toLowerCase() === id.toLowerCase());
}

function isSwitchedOff(name: string): boolean {
  const settings = vscode.workspace.getConfiguration();
  if (name !== COPILOT) {
    return false;
  }
  return settings.get("chat.disableAIFeatures") === true || isOff(settings.get(COPILOT_SETTING));
}

/** Whether VS Code has the setting that hides suggestions: writing one it does not have throws. */
function canSuppress(): boolean {
  return vscode.workspace.getConfiguration().inspect(SUPPRESS)?.defaultValue !== undefined;
}

/** Let a person choose which of them to switch off; what is switched off can be read in settings. */
export async function offerOff(): Promise<void> {
  const found = others();
  if (found.length === 0) {
    void vscode.window.showInformationMessage(NONE);
    return;
  }
  const chosen = await vscode.window.showQuickPick(choices(found, canSuppress()), {
    title: "Other extensions that suggest code",
    placeHolder: "Indoors keeps your code; it cannot keep theirs",
  });
  if (chosen === undefined) {
    return;
  }
  if (!chosen.hide) {
    await vscode.commands.executeCommand("extension.open", chosen.other.id);
    return;
  }
  const settings = vscode.workspace.getConfiguration();
  if (chosen.other.name === COPILOT) {
    // VS Code puts the person's value over the defaults, so the languages of both are named.
    const off = allOff(settings.get(COPILOT_SETTING));
    await settings.update(COPILOT_SETTING, off, vscode.ConfigurationTarget.Global);
    if (!isSwitchedOff(COPILOT)) {
      void vscode.window.showWarningMessage(
        "This workspace's settings keep GitHub Copilot on. Next: set github.copilot.enable there as well.",
      );
    }
    return;
  }
  // VS Code knows who suggests by the identifier in small letters, and compares exactly.
  const listed = [...suppressed(), chosen.other.id.toLowerCase()].join(",");
  await settings.update(SUPPRESS, listed, vscode.ConfigurationTarget.Global);
}
