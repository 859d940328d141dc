/**
 * VS Code's own settings that keep our suggestions from the screen. The server answers all the same,
 * so without a word about them it would look as if nothing were suggested.
 */

import * as vscode from "vscode";
import { SUPPRESS, listed } from "./known.ts";

const ENABLED = "editor.inlineSuggest.enabled";

/** Why nothing of an extension is shown in a document, not even what is asked for; "" if it is. */
export function hidden(document: vscode.TextDocument, extensionId: string): string {
  const value = vscode.workspace.getConfiguration(undefined, document).get<unknown>(SUPPRESS);
  const id = extensionId.toLowerCase();
  return listed(value).includes(id) ? `${SUPPRESS} names ${id}` : "";
}

/** Why only what a person asks for is shown in a document; "" if all is. */
export function askedOnly(document: vscode.TextDocument): string {
  const isOn = vscode.workspace.getConfiguration(undefined, document).get<unknown>(ENABLED);
  return isOn === false ? `${ENABLED} is off` : "";
}
