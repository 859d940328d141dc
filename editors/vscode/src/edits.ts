/** Edits that need a person's words, and what came of them. The menu itself is the server's. */

import * as vscode from "vscode";
import type { Preview, Wish } from "./preview.ts";

/** `indoors.askInstruction WISH`: ask what to do, then show what the server made of it. */
export async function askInstruction(preview: Preview, wish: Wish): Promise<void> {
  if (typeof wish !== "object" || wish === null) {
    return;
  }
  preview.announce(wish);
  const instruction = await vscode.window.showInputBox({
    title: "Indoors: edit",
    prompt: "What should change? You see the change before anything is written.",
    placeHolder: "Use a set instead of a list",
    validateInput: (text) => (text.trim() ? undefined : "Say what should change."),
  });
  if (instruction?.trim()) {
    await preview.show({ ...wish, instruction });
  }
}

/** Open the menu of edits at the cursor or for the selection. */
export async function refactorMenu(): Promise<void> {
  await vscode.commands.executeCommand("editor.action.codeAction", {
    kind: "refactor",
    apply: "never",
  });
}
