/** What would be sent to an API of others, in words. The bytes are the server's, and shown as they are. */

import { createHash } from "node:crypto";

/** The parameters of `indoors/previewSend` (docs/protocol.md). */
export interface Sent {
  host: string;
  operator: string;
  model: string;
  /** The text of the request, byte for byte. */
  body: string;
  /** What stands in it to be read, without JSON's escapes. */
  text: string;
  bytes: number;
  sha256: string;
  sources: string[];
  redactions: string[];
  price: string;
}

// What an editor draws nothing for, or a space that is none.
const HIDDEN = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Cc}\u2028\u2029\u2800]|(?! )\p{Zs}/gu;

/** Why this cannot be shown as what would be sent, "" if it can: what a person accepts is the hash of what they see. */
export function problem(sent: Sent): string {
  if (typeof sent?.body !== "string") {
    return "the server gave no bytes to show";
  }
  const data = Buffer.from(sent.body, "utf8");
  const isSame =
    data.toString("utf8") === sent.body &&
    data.length === sent.bytes &&
    createHash("sha256").update(data).digest("hex") === sent.sha256;
  return isSame ? "" : "what came to be shown is not what the server would send";
}

/** The document: the body alone on the first lines, then the same to be read. */
export function page(sent: Sent): string {
  const read = sent.text.split("\n").map((line) => `  ${line}`.trimEnd());
  const about = [
    "Sent is exactly what stands above this line. To be read, without JSON's escapes:",
    "",
    ...read,
    "",
    ...meaning(sent),
  ];
  return `${sent.body}\n\n${about.join("\n")}\n`;
}

/** What it means, line by line. */
export function meaning(sent: Sent): string[] {
  const hidden = new Map<string, number>();
  for (const [one] of sent.body.matchAll(HIDDEN)) {
    const code = one.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0") ?? "";
    hidden.set(`U+${code}`, (hidden.get(`U+${code}`) ?? 0) + 1);
  }
  const unseen = [...hidden].map(([name, times]) => `${name} (${times}×)`).join(", ");
  const rows: [string, string][] = [
    ["To", `${sent.host}, model ${sent.model}`],
    ["Operator", sent.operator],
    ["Text of", sent.sources.join(", ")],
    ["Bytes", String(sent.bytes)],
    ["SHA-256", sent.sha256],
    ...sent.redactions.map((one): [string, string] => ["Replaced", one]),
    ["Not seen in it", unseen],
    ["Price", sent.price],
  ];
  return rows.filter(([, value]) => value).map(([name, value]) => `${name}: ${value}`);
}

/** What a person is asked. */
export function question(sent: Sent): string {
  return `Send these ${sent.bytes} bytes to ${sent.host}?`;
}
