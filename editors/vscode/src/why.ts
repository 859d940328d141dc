/** Why a suggestion is what it is, as a text that one reads from top to bottom. */

import { ASK_OR_SWITCH_ON } from "./words.ts";

/** What the server's `indoors.explain` answers (docs/protocol.md). */
export interface Explanation {
  /** Why nothing is completed in the document, "" if it is. */
  refusal: string;
  /** The last completion there, null before the first. */
  completion: {
    shown: boolean;
    source: string;
    totalMs: number;
    stages: { name: string; decision: string; reason: string }[];
    filters: { name: string; action: string; reason: string }[];
  } | null;
}

const SOURCES: Record<string, string> = {
  model: "written by the model for this place",
  run: "written by the model since an earlier key",
  cache: "kept from an earlier key",
};

/** The whole text about one document. `askedOnly` is why nothing comes by itself there, or "". */
export function why(name: string, explanation: Explanation, askedOnly = ""): string {
  const { refusal, completion } = explanation;
  const lines = [`Why this suggestion: ${name}`, "", ...headline(explanation, askedOnly)];
  if (completion !== null && !refusal) {
    const steps = completion.stages.map((one) => [one.name, one.decision, one.reason]);
    const filters = completion.filters.map((one) => [one.name, one.action, one.reason]);
    lines.push(...section("What was decided, in order", steps));
    lines.push(...section("What became of the model's text", filters));
  }
  return lines.join("\n") + "\n";
}

function headline({ refusal, completion }: Explanation, askedOnly: string): string[] {
  if (refusal) {
    return [`Nothing is suggested here: ${refusal}.`];
  }
  const unasked = askedOnly
    ? [`Nothing comes by itself here: ${askedOnly}.`, `${ASK_OR_SWITCH_ON}.`]
    : [];
  if (completion === null) {
    const next = "Next: type, or ask with Alt+\\ (Indoors: Suggest Now), then ask why again.";
    return ["Nothing was asked for here yet.", ...(askedOnly ? unasked : [next])];
  }
  const time = `${Math.round(completion.totalMs)} ms`;
  if (completion.shown) {
    const source = SOURCES[completion.source] ?? completion.source;
    return [`The last suggestion came after ${time}, ${source}.`, ...unasked];
  }
  return [`Nothing was suggested, after ${time}: ${nothing(completion)}.`, ...unasked];
}

function nothing(completion: NonNullable<Explanation["completion"]>): string {
  const dropped = completion.filters.find((one) => one.action === "dropped");
  if (dropped !== undefined) {
    return `the filter "${dropped.name}" dropped it${dropped.reason ? `, ${dropped.reason}` : ""}`;
  }
  return completion.stages.at(-1)?.reason || "the model gave no text";
}

function section(title: string, rows: string[][]): string[] {
  if (rows.length === 0) {
    return [];
  }
  const width = (column: number): number =>
    Math.max(...rows.map((row) => (row[column] ?? "").length));
  const widths = [width(0), width(1)];
  const line = ([name = "", decision = "", reason = ""]: string[]): string =>
    `  ${name.padEnd(widths[0] ?? 0)}  ${decision.padEnd(widths[1] ?? 0)}  ${reason}`.trimEnd();
  return ["", title, ...rows.map(line)];
}
