/**
 * A terminal for a program that is no Python, and so cannot be kept open by one (uv, pipx). They ask
 * nothing, so that they need no terminal of the system: what they print is shown, and stays.
 */

import { type ChildProcess, spawn } from "node:child_process";
import * as os from "node:os";
import * as vscode from "vscode";
import { shown } from "./launch.ts";

const ENTER = "\r";
const CONTROL_C = "\x03";

export class Piped implements vscode.Pseudoterminal {
  private readonly words: readonly string[];
  private readonly written = new vscode.EventEmitter<string>();
  private readonly closed = new vscode.EventEmitter<void>();
  private child: ChildProcess | undefined;
  private hasEnded = false;
  private tell = (_code: number | undefined): void => undefined;
  readonly onDidWrite = this.written.event;
  readonly onDidClose = this.closed.event;
  /** Its exit status; undefined if it was ended, or was never started. */
  readonly ended: Promise<number | undefined>;

  constructor(words: readonly string[]) {
    this.words = words;
    this.ended = new Promise((resolve) => (this.tell = resolve));
  }

  /** VS Code shows the terminal from now on. */
  open(): void {
    this.print(`${shown(this.words)}\n`);
    const [file, ...rest] = this.words;
    const child = spawn(file as string, rest, {
      cwd: os.homedir(),
      shell: false,
      windowsHide: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => this.print(text));
    }
    child.once("error", (error) => {
      this.print(`${error.message}\n`);
      this.end(undefined);
    });
    child.once("close", (code) => this.end(code ?? undefined));
  }

  handleInput(keys: string): void {
    if (this.hasEnded && (keys.includes(ENTER) || keys.includes(CONTROL_C))) {
      this.closed.fire();
    } else if (keys.includes(CONTROL_C)) {
      this.child?.kill("SIGINT");
    }
  }

  /** The person closed the terminal. */
  close(): void {
    this.child?.kill();
    this.end(undefined);
  }

  private end(code: number | undefined): void {
    if (!this.hasEnded) {
      this.hasEnded = true;
      const how = code === undefined ? "Ended" : `Ended with exit status ${code}`;
      this.print(`\n${how}. Press Enter to close this terminal.\n`);
      this.tell(code);
    }
  }

  private print(text: string): void {
    this.written.fire(text.replace(/\r?\n/g, "\r\n"));
  }
}
