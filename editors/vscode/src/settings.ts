/**
 * Settings that a person set, in the form of docs/configuration.md. Only those are sent: what is not
 * set here is left to the server's own layers. None can come from a workspace (their scopes say so,
 * and `inspect` is asked for the person's value alone).
 */

import * as vscode from "vscode";
import type { Kind } from "./rules.ts";

const SECTION = "indoors";
/** Settings of the extension, which the server does not know. */
const OURS = new Set(["indoors.python", "indoors.alsoComplete", "indoors.trace.server"]);

/** The settings to send, nested by section. */
export function forServer(extension: vscode.Extension<unknown>): Record<string, unknown> {
  const sent: Record<string, unknown> = {};
  for (const key of serverKeys(extension)) {
    const value = own(key);
    if (value !== undefined) {
      place(sent, key.slice(SECTION.length + 1).split("."), value);
    }
  }
  return sent;
}

function serverKeys(extension: vscode.Extension<unknown>): string[] {
  const contributes = extension.packageJSON as {
    contributes: { configuration: { properties: object }[] };
  };
  return contributes.contributes.configuration
    .flatMap((group) => Object.keys(group.properties))
    .filter((key) => !OURS.has(key));
}

/** What the person set for a key, whatever a workspace says. */
function own(key: string): unknown {
  return vscode.workspace.getConfiguration().inspect(key)?.globalValue;
}

function place(into: Record<string, unknown>, path: string[], value: unknown): void {
  const [first, ...rest] = path;
  if (first === undefined) {
    return;
  }
  if (rest.length === 0) {
    into[first] = value;
    return;
  }
  place((into[first] ??= {}) as Record<string, unknown>, rest, value);
}

/** The interpreter that a person chose, "" if none. */
export function python(): string {
  const value = own("indoors.python");
  return typeof value === "string" ? value.trim() : "";
}

/** Kinds of documents that are off unless a person says otherwise. */
export function alsoComplete(): Kind[] {
  const value = own("indoors.alsoComplete");
  return Array.isArray(value)
    ? value.filter((one): one is Kind => one === "plaintext" || one === "commitMessages")
    : [];
}

/** Languages that a person switched off. */
export function languagesOff(): string[] {
  const value = own("indoors.completion.languages.off");
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** Whether a change touches anything of ours. */
export function isOurs(event: vscode.ConfigurationChangeEvent): boolean {
  return event.affectsConfiguration(SECTION);
}

/** Write a setting where the person's own settings are. */
export async function set(key: string, value: unknown): Promise<void> {
  const target = vscode.ConfigurationTarget.Global;
  await vscode.workspace.getConfiguration().update(`${SECTION}.${key}`, value, target);
}
