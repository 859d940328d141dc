/**
 * What the status item says, in words: everything that is shown is computed here from plain values.
 * Nothing is told by colour alone, and the mark's shape changes with where code may go.
 */

/** `indoors/status`, as the server sends it. */
export interface Status {
  phase: "loading" | "ready" | "busy" | "inactive" | "error";
  reason: string;
  /** What can be done about an error, mostly a command; "" where nothing is known. */
  next_step?: string;
  /** The policy's: `off`, `local`, `onprem` or `closed`, how far code may go at most. */
  mode?: string;
  model: string;
  device: string;
  lock: string;
  launcher: string;
  progress: number | null;
  tokens_per_s?: number | null;
  /** The engines that rules name. */
  engines?: { name: string; state: string; reason?: string; model?: string }[];
  index?: { root: string; phase: string; done?: number; total?: number }[];
}

/** What the extension itself knows. */
export type Life = "untrusted" | "missing" | "starting" | "running" | "stopped";

export interface Situation {
  life: Life;
  /** Why it is so, where that needs saying. */
  reason: string;
  /** Until when nothing is suggested, in words, "" if it is. */
  pausedUntil: string;
  /** Why nothing is suggested in the document in front, "" if it is, or if there is none. */
  refusal: string;
  /** Why nothing comes by itself there, and only to a key; "" if it does. */
  askedOnly: string;
  status: Status | undefined;
  /** Other extensions that complete. */
  others: readonly string[];
  /** Which of the two to update where server and extension do not belong together, else "". */
  mismatch: string;
  /** Whether the window's other half, with extensions of its own, is another machine or a browser. */
  isRemote: boolean;
}

export interface Words {
  text: string;
  /** One line each, for the tooltip and the menu. */
  lines: string[];
  /** What a screen reader says. */
  spoken: string;
  isProblem: boolean;
}

interface Lock {
  /** A word in the status bar; "" where all is as it should be. */
  word: string;
  says: string;
  leaves: boolean;
}

const LOCKS: Record<string, Lock> = {
  enforced: {
    word: "",
    says: "enforced: the kernel refuses our processes every network connection",
    leaves: false,
  },
  "network enforced, files not": {
    word: "files not",
    says: "network enforced, files not: no connection is possible, but files are not confined",
    leaves: false,
  },
  unproven: {
    word: "unproven",
    says: "unproven: this system was not seen to refuse connections",
    leaves: false,
  },
};

/** Policies under which code may leave the machine: whatever the kernel does, that is said first. */
const AWAY_MODES: Record<string, Lock> = {
  onprem: {
    word: "on-prem",
    says: "on-prem: a policy lets code go to your own servers",
    leaves: true,
  },
  closed: {
    word: "closed",
    says: "closed: a policy lets code go to servers of others",
    leaves: true,
  },
};

/** What the lock means under a policy. A state that we do not know is shown as it is. */
export function lockOf(state: string, mode = "local"): Lock {
  const lock = known(LOCKS, state) ?? { word: state, says: state, leaves: false };
  const away = known(AWAY_MODES, mode);
  if (away === undefined) {
    return lock;
  }
  if (lock.word === "") {
    return { ...away, says: `${away.says}; the kernel refuses all other connections` };
  }
  return {
    word: `${away.word}, ${lock.word}`,
    says: `${away.says}; ${lock.says}`,
    leaves: true,
  };
}

function known<Value>(values: Record<string, Value>, key: string): Value | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

/** A model's size, as people call it: "0.5b"; the name itself where it has none. */
export function shortName(model: string): string {
  const size = /(?:^|[^A-Za-z0-9.])(\d+(?:\.\d+)?)\s?[bB](?![A-Za-z0-9])/.exec(model);
  return size ? `${size[1]}b` : model.slice(0, 20);
}

/** Everything that is shown about a situation. */
export function describe(situation: Situation): Words {
  const found = state(situation);
  const lines = [found.says, ...details(situation)];
  return {
    text: found.text,
    lines,
    spoken: `Indoors: ${lines.map((line) => line.replace(/\.$/, "")).join(". ")}`,
    isProblem: found.isProblem ?? false,
  };
}

interface State {
  text: string;
  says: string;
  isProblem?: boolean;
}

/** What to do where server and extension speak different protocols, "" if they do not. */
export function mismatch(ours: number, theirs: unknown): string {
  if (typeof theirs !== "number" || theirs === ours) {
    return "";
  }
  const pair = `This extension speaks protocol ${ours}, the server ${theirs}`;
  return theirs > ours
    ? `${pair}. Next: update the extension`
    : `${pair}. Next: update the server (Indoors: Install the Server From a Wheel)`;
}

/**
 * Why asking for a suggestion brings none, and what to do about it; "" where one may come. The
 * server's status is about the editor in front: `isInFront` says whether one asks there.
 */
export function silence(situation: Situation, isInFront = true): string {
  const { life, pausedUntil, status } = situation;
  if (life === "untrusted") {
    return "Nothing is suggested: this workspace is not trusted. Next: Indoors: Show Menu, whose first entry trusts it.";
  }
  if (life === "missing" || life === "stopped") {
    return "Nothing is suggested: the server is not running. Next: Indoors: Show Menu, whose first entries mend that.";
  }
  if (life === "starting" || status === undefined) {
    return "Nothing is suggested: the server is starting. Next: ask again when the status bar says that it is ready.";
  }
  if (status.phase === "error") {
    const reason = (status.reason || "something is missing").replace(/\.$/, "");
    return `Nothing is suggested: ${reason}. Next: ${status.next_step || "Indoors: Show Menu"}.`;
  }
  if (pausedUntil) {
    return `Nothing is suggested: Indoors is paused until ${pausedUntil}. Next: Indoors: Resume, then ask again.`;
  }
  const refusal =
    situation.refusal || (isInFront && status.phase === "inactive" ? status.reason : "");
  return refusal
    ? `Nothing is suggested here: ${refusal}. Next: change what the reason names, or ask in another file.`
    : "";
}

const HOME = "$(home)";
const AWAY = "$(arrow-swap)";

function state(situation: Situation): State {
  const { life, reason, status } = situation;
  switch (life) {
    case "untrusted":
      return { text: `${HOME} off`, says: "off: this workspace is not trusted" };
    case "missing":
      return { text: `${HOME} !`, says: reason || "not installed", isProblem: true };
    case "stopped":
      return { text: `${HOME} !`, says: reason || "stopped", isProblem: true };
    case "starting":
      return { text: `${HOME} …`, says: "starting" };
    case "running":
      return status === undefined ? { text: `${HOME} …`, says: "starting" } : running(situation);
  }
}

function running(situation: Situation): State {
  const status = situation.status as Status;
  const lock = lockOf(status.lock, status.mode);
  const mark = lock.leaves ? AWAY : HOME;
  const word = lock.word ? ` · ${lock.word}` : "";
  if (status.phase === "error") {
    const says = status.reason || "something is missing";
    return { text: `${mark} !${word}`, says, isProblem: true };
  }
  if (situation.pausedUntil) {
    return { text: `${mark} paused${word}`, says: `paused until ${situation.pausedUntil}` };
  }
  if (situation.refusal) {
    return { text: `${mark} off here${word}`, says: `not completed here: ${situation.refusal}` };
  }
  const name = shortName(status.model);
  switch (status.phase) {
    case "loading": {
      const share = status.progress === null ? "" : ` ${Math.round(status.progress * 100)} %`;
      return { text: `${mark} loading${share}${word}`, says: `loading the model${share}` };
    }
    case "busy":
      return { text: `${mark} ${name} …${word}`, says: "working" };
    case "inactive":
      return { text: `${mark} off here${word}`, says: `not completed here: ${status.reason}` };
    case "ready":
      return { text: `${mark} ${name}${word}`, says: "ready" };
  }
}

/** What to do where suggestions come to a key alone. */
export const ASK_OR_SWITCH_ON =
  "Next: ask with Alt+\\ (Indoors: Suggest Now), or switch that setting on";

function details(situation: Situation): string[] {
  const { status, others, life } = situation;
  const lines: string[] = [];
  if (life === "running" && status !== undefined) {
    if (status.phase === "error" && status.next_step) {
      lines.push(`Next: ${status.next_step}`);
    }
    const suggests = status.phase === "ready" || status.phase === "busy";
    if (suggests && situation.askedOnly && !situation.refusal && !situation.pausedUntil) {
      lines.push(`Only when asked (${situation.askedOnly}). ${ASK_OR_SWITCH_ON}`);
    }
    if (status.model) {
      const speed = status.tokens_per_s ? `, ${Math.round(status.tokens_per_s)} tokens/s` : "";
      lines.push(`Model: ${status.model}${status.device ? ` on ${status.device}` : ""}${speed}`);
    }
    lines.push(`Lock: ${lockOf(status.lock, status.mode).says}`);
    if (status.launcher !== "none" && status.launcher !== "") {
      // One that is gone comes back with the server alone; until then no engine elsewhere is asked.
      const next = status.launcher === "gone" ? ". Next: Indoors: Restart the Server" : "";
      lines.push(`The process that may open connections: ${status.launcher}${next}`);
    }
    lines.push(...(status.engines ?? []).map(engineLine));
    lines.push(...(status.index ?? []).map(indexLine));
    if (situation.mismatch) {
      lines.push(situation.mismatch);
    }
    if (situation.isRemote) {
      lines.push(
        "Extensions that run on your own side of this remote window are not seen from here",
      );
    }
  }
  if (others.length > 0) {
    const verb = others.length === 1 ? "is" : "are";
    lines.push(`Indoors is indoors; ${others.join(", ")} ${verb} also on`);
  }
  return lines;
}

const INDEX: Record<string, string> = {
  ready: "up to date",
  waiting: "written by another process",
  gone: "the folder is not there any more",
  off: "off",
};

function engineLine(engine: NonNullable<Status["engines"]>[number]): string {
  const about = engine.reason || engine.model;
  return `Engine ${engine.name}: ${engine.state}${about ? `, ${about}` : ""}`;
}

function indexLine(index: NonNullable<Status["index"]>[number]): string {
  const name = index.root.split(/[/\\]/).filter(Boolean).at(-1) ?? index.root;
  const what =
    index.phase === "indexing"
      ? `${index.done ?? 0} of ${index.total ?? 0} files`
      : (INDEX[index.phase] ?? index.phase);
  return `Index of ${name}: ${what}`;
}
