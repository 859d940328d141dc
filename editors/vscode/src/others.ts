/**
 * Other extensions that complete while one types. They are named, because whoever sees "enforced"
 * in the status bar should know that it says nothing about them.
 */

import * as vscode from "vscode";
import { allOff, isOff } from "./copilot.ts";
import { COPILOT, COPILOT_SETTING, KNOWN, type Other, SUPPRESS, choices, listed } from "./known.ts";

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

function isSuppressed(id: string): boolean {
  const named = listed(vscode.workspace.getConfiguration().get<unknown>(SUPPRESS));
  return named.includes(id.toLowerCase());
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
  // A workspace's list may count instead of the person's, and is none of what the person wrote.
  const own = listed(settings.inspect(SUPPRESS)?.globalValue);
  const named = new Set([...own, chosen.other.id.toLowerCase()]);
  await settings.update(SUPPRESS, [...named].join(","), vscode.ConfigurationTarget.Global);
  if (!isSuppressed(chosen.other.id)) {
    void vscode.window.showWarningMessage(
      `This workspace's settings keep ${chosen.other.name} on. Next: set ${SUPPRESS} there as well.`,
    );
  }
}
