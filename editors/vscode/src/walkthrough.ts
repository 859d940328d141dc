/**
 * Context keys that the walkthrough in package.json ticks its steps by: what was reached, not what
 * somebody began and cancelled.
 *
 * VS Code looks at them from the moment that a page of its own is opened, ticks a step when its key
 * turns true from then on, and never one whose key was true before. So a key is true for a moment
 * only, when something is reached and again when such a page is opened.
 */

import * as vscode from "vscode";
import type { Situation } from "./words.ts";

export type Reached = "hasServer" | "isReady" | "edited" | "sawLock" | "proved";

const reached = new Set<Reached>();

/** Something was reached; its key is `indoors.NAME`. */
export function reach(name: Reached): void {
  if (!reached.has(name)) {
    reached.add(name);
    void turn(name);
  }
}

/** What follows from the server's state. */
export function follow({ life, status }: Situation): void {
  if (life === "running") {
    reach("hasServer");
    if (status?.phase === "ready" || status?.phase === "busy") {
      reach("isReady");
    }
  }
}

/** Tabs were opened: the walkthrough, which is of no kind that an extension is told, may be one. */
export function opened(tabs: readonly vscode.Tab[]): void {
  if (tabs.some((tab) => tab.input === undefined)) {
    reached.forEach((name) => void turn(name));
  }
}

async function turn(name: Reached): Promise<void> {
  for (const value of [true, false]) {
    await vscode.commands.executeCommand("setContext", `indoors.${name}`, value);
  }
}
