/**
 * Which documents the server is told of at all. What is refused here never leaves the editor, not
 * even to a process on this machine; what a policy or a setting denies beyond that, the server
 * refuses by itself.
 */

import { SECRET_FILES } from "./generated.ts";

/** What a person may switch on: `indoors.alsoComplete`. */
export type Kind = "plaintext" | "commitMessages";

/** What the rules look at in a document. */
export interface Place {
  scheme: string;
  language: string;
  /** All of it: where a folder of secrets is opened itself, the names in it do not say so. */
  path: string;
}

const COMMIT_LANGUAGES = new Set(["scminput", "git-commit", "git-rebase"]);
/** The box of Source Control. */
export const COMMIT_SCHEME = "vscode-scm";
/** A cell of a notebook, whose path is the notebook's. */
export const CELL_SCHEME = "vscode-notebook-cell";

/** Schemes of documents that people write code in. Others are views of something. */
export const SCHEMES = ["file", "untitled", CELL_SCHEME, COMMIT_SCHEME];

/** Whether it is a document at all, and not the output of something. */
export function isDocument(scheme: string): boolean {
  return SCHEMES.includes(scheme);
}

/** Why a document is not sent to the server, "" if it is. */
export function refusal(place: Place, also: readonly Kind[]): string {
  if (!isDocument(place.scheme)) {
    return "this is a read-only view";
  }
  if (isSecret(place.path)) {
    return "files like this hold secrets";
  }
  if (place.scheme === COMMIT_SCHEME || COMMIT_LANGUAGES.has(place.language)) {
    return also.includes("commitMessages") ? "" : "commit messages are off (indoors.alsoComplete)";
  }
  if (place.language === "plaintext" && !also.includes("plaintext")) {
    return "plain text is off (indoors.alsoComplete)";
  }
  return "";
}

/** Whether a policy's list of files that hold secrets names a path, whatever its case. */
export function isSecret(path: string): boolean {
  const parts = path.toLowerCase().split(/[/\\]/).filter(Boolean);
  return SECRET_FILES.some((pattern) => matches(parts, pattern.toLowerCase()));
}

function matches(parts: readonly string[], pattern: string): boolean {
  const wanted = pattern
    .split("/")
    .filter((part) => part && part !== "**")
    .map(glob);
  // "name/" is a folder: something must lie in it.
  const last = pattern.endsWith("/") ? parts.length - 1 : parts.length;
  for (let start = 0; start + wanted.length <= last; start += 1) {
    if (wanted.every((part, index) => part.test(parts[start + index] ?? ""))) {
      return true;
    }
  }
  return false;
}

function glob(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*");
  return new RegExp(`^${escaped}$`);
}
