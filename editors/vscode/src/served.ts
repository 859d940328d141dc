/**
 * One process of the server, from its start to its end. The client asks a server to end and forgets
 * it; one that hangs would stay then, with its model in memory.
 */

import type { ChildProcess } from "node:child_process";
import { serve } from "./launch.ts";

/** How long it is waited for to know why a process ended. */
const REASON_MS = 1000;
/** How long a server may take to end by itself. VS Code gives all of us five seconds when it ends. */
const ENDS_MS = 2000;
/** The server answers before it loads anything; a slow disk has its Python read from it. */
const ANSWERS_MS = 60_000;

/** Who is told what becomes of a process. */
export interface Watcher {
  /** It ended: with which status, and the last of what it wrote to stderr. */
  ended: (code: number | null, last: string) => void;
  /** It has said nothing for too long, and is killed. */
  silent: () => void;
}

export class Served {
  readonly child: ChildProcess;
  hasAnswered = false;
  /** Its connection is closed, and it is decided elsewhere whether another one is started. */
  isLost = false;
  private readonly late: ReturnType<typeof setTimeout>;
  private readonly told: Promise<void>;
  private readonly exit: Promise<void>;

  constructor(python: string, watcher: Watcher) {
    let tell = (): void => undefined;
    this.told = new Promise((resolve) => (tell = resolve));
    this.child = serve(python, (code, last) => {
      clearTimeout(this.late);
      watcher.ended(code, last);
      tell();
    });
    this.exit = new Promise((resolve) => {
      this.child.once("exit", () => resolve());
      this.child.once("error", () => resolve());
    });
    // To end the input of a process that has just gone is no failure.
    this.child.stdin?.on("error", () => undefined);
    // Whatever was started may be no server of ours, and never say a word.
    this.late = setTimeout(() => {
      watcher.silent();
      this.kill();
    }, ANSWERS_MS);
  }

  /** It is a server. */
  answered(): void {
    this.hasAnswered = true;
    clearTimeout(this.late);
  }

  /** It has ended and it is known why, or it hangs. */
  gone(): Promise<void> {
    return within(REASON_MS, this.told);
  }

  /** See that it ends, whatever it does: by itself where nobody speaks to it any more, else killed. */
  async end(): Promise<void> {
    clearTimeout(this.late);
    this.child.stdin?.end();
    await within(ENDS_MS, this.exit);
    this.kill();
    await within(ENDS_MS, this.exit);
  }

  kill(): void {
    this.child.kill("SIGKILL");
  }
}

function within(milliseconds: number, what: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    void what.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
