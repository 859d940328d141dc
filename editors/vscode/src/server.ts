/**
 * The server's life: found, started, watched, started again. The one state that everything which is
 * shown follows from is `situation()`.
 */

import * as vscode from "vscode";
import {
  CloseAction,
  type CloseHandlerResult,
  ErrorAction,
  LanguageClient,
  type LanguageClientOptions,
  MessageType,
  RevealOutputChannelOn,
  ShowMessageNotification,
  type ShowMessageParams,
  State,
} from "vscode-languageclient/node";
import type { Completions } from "./completions.ts";
import type { Documents } from "./documents.ts";
import { offerInstall, takeStep } from "./install.ts";
import { find, hasServer } from "./launch.ts";
import { MOST_RESTARTS, Restarts } from "./restarts.ts";
import * as settings from "./settings.ts";
import { SCHEMES } from "./rules.ts";
import type { Sending } from "./send.ts";
import { Served } from "./served.ts";
import { nextStep } from "./steps.ts";
import { type Life, type Status, mismatch } from "./words.ts";

const PROTOCOL = 1;
// Exit status of a server that a strict policy keeps from running.
const REFUSED_BY_POLICY = 78;

/** What goes wrong in the client stands in the log; what a person should know, we say ourselves. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }
}

export class Server implements vscode.Disposable {
  private readonly extension: vscode.Extension<unknown>;
  private readonly documents: Documents;
  private readonly completions: Completions;
  private readonly sending: Sending;
  private readonly onChange: () => void;
  private readonly log: vscode.LogOutputChannel;
  client: LanguageClient | undefined;
  private readonly restarts = new Restarts();
  private working: Promise<void> = Promise.resolve();
  private told = "";
  private served: Served | undefined;
  private looking: Promise<void> | undefined;
  life: Life = "starting";
  reason = "";
  status: Status | undefined;
  /** Which of the two to update, where server and extension do not belong together. */
  mismatch = "";
  python: string | undefined;

  constructor(
    extension: vscode.Extension<unknown>,
    documents: Documents,
    completions: Completions,
    sending: Sending,
    onChange: () => void,
  ) {
    this.extension = extension;
    this.documents = documents;
    this.completions = completions;
    this.sending = sending;
    this.onChange = onChange;
    this.log = vscode.window.createOutputChannel("Indoors", { log: true });
  }

  dispose(): void {
    void this.stop();
    this.log.dispose();
  }

  /** End the server; VS Code waits for it for a few seconds. */
  stop(): Promise<void> {
    this.abandon();
    this.working = this.working.then(() => this.end());
    return this.working;
  }

  /** Say why there is no server to run a command of, with the ways to one. */
  async explainMissing(): Promise<void> {
    if (this.life === "untrusted") {
      await vscode.commands.executeCommand("workbench.trust.manage");
    } else {
      await offerInstall(this.reason);
    }
  }

  /** Where there was no server, somebody may have installed one since; it is started then. */
  lookAgain(): Promise<void> {
    this.looking ??= this.look().finally(() => (this.looking = undefined));
    return this.looking;
  }

  private async look(): Promise<void> {
    const found = this.life === "missing" ? find(settings.python()) : undefined;
    // An environment that is being made has a Python before it has Indoors.
    if (found === undefined || "problem" in found || !(await hasServer(found.python))) {
      return;
    }
    if (this.life === "missing") {
      this.python = found.python;
      this.become("starting");
      void this.restart();
    }
  }

  showLog(): void {
    this.log.show();
  }

  /** Start, or start again with what counts now. One after the other, however often it is asked. */
  restart(): Promise<void> {
    this.restarts.forget();
    this.told = "";
    this.abandon();
    this.working = this.working
      .then(() => this.begin())
      .catch((error: unknown) => this.failed(error));
    return this.working;
  }

  /** What has not answered yet may never do so, and everything after it would wait. */
  private abandon(): void {
    if (this.served?.hasAnswered === false) {
      this.client = undefined; // what becomes of it is not told
      this.served.kill();
    }
  }

  /** Tell the server which document is in front, and where the cursor is. */
  focus(editor: vscode.TextEditor | undefined): void {
    const client = this.client;
    if (!client?.isRunning()) {
      return;
    }
    const converter = client.code2ProtocolConverter;
    const isTold = editor !== undefined && this.documents.isSent(editor.document);
    void client.sendNotification(
      "textDocument/didFocus",
      isTold
        ? {
            textDocument: converter.asTextDocumentIdentifier(editor.document),
            position: converter.asPosition(editor.selection.active),
          }
        : {},
    );
  }

  /** The person's settings changed. */
  async settingsChanged(): Promise<void> {
    if (this.client?.isRunning()) {
      const sent = { settings: { indoors: settings.forServer(this.extension) } };
      await this.client.sendNotification("workspace/didChangeConfiguration", sent);
    }
    await this.documents.review();
  }

  private async begin(): Promise<void> {
    await this.end();
    if (!vscode.workspace.isTrusted) {
      this.become("untrusted");
      return;
    }
    const found = find(settings.python());
    if ("problem" in found) {
      this.python = undefined;
      this.become("missing", found.problem || "the server is not installed on this machine");
      this.sayOnce(found.problem || "missing", () => offerInstall(found.problem));
      return;
    }
    this.python = found.python;
    this.become("starting");
    const client = this.makeClient(found.python);
    this.client = client;
    try {
      await client.start();
    } catch (error) {
      if (this.client === client) {
        throw error;
      }
    }
    if (this.client === client) {
      this.become("running");
      await this.documents.review();
      this.focus(vscode.window.activeTextEditor);
    }
  }

  private async end(): Promise<void> {
    const { client, served } = this;
    this.client = undefined;
    this.served = undefined;
    this.status = undefined;
    if (client !== undefined) {
      // One that failed to start, or has gone, has nothing to be told.
      await client.stop().catch(() => undefined);
      await client.dispose().catch(() => undefined);
    }
    await served?.end();
  }

  private async failed(error: unknown): Promise<void> {
    const served = this.served;
    this.log.error(String(error));
    await served?.gone();
    // Of one that ended before it answered, `closed` says what comes of it.
    if (served?.isLost !== true && !this.isOver()) {
      await this.end();
      this.stopped("the server did not start; the log says why");
    }
  }

  private stopped(reason: string): void {
    this.become("stopped", reason);
    this.sayOnce(reason, async () => {
      const [again, log] = ["Start Again", "Show Log"];
      const chosen = await vscode.window.showErrorMessage(`Indoors: ${reason}`, again, log);
      if (chosen === again) {
        await this.restart();
      } else if (chosen === log) {
        this.showLog();
      }
    });
  }

  private become(life: Life, reason = ""): void {
    this.life = life;
    this.reason = reason;
    if (life !== "running") {
      this.status = undefined;
    }
    this.onChange();
  }

  private sayOnce(text: string, say: () => unknown): void {
    if (this.told !== text) {
      this.told = text;
      say();
    }
  }

  // --- the client ------------------------------------------------------------------------------

  private makeClient(python: string): LanguageClient {
    const start = (): Served =>
      (this.served = new Served(python, {
        ended: (code, last) => {
          if (this.client === client) {
            this.ended(python, code, last);
          }
        },
        silent: () => {
          if (this.client === client) {
            this.restarts.giveUp();
            this.stopped(`${python} does not answer; the log says more`);
          }
        },
      }));
    const client: LanguageClient = new QuietClient(
      "indoors",
      "Indoors",
      () => Promise.resolve(start().child),
      this.options(() => this.closed(client)),
    );
    this.documents.begin(client);
    this.completions.begin(client);
    this.sending.begin(client);
    client.onNotification("indoors/status", (status: Status) => {
      this.status = status;
      this.onChange();
    });
    client.onNotification(ShowMessageNotification.type, (message) => void this.say(message));
    client.onDidChangeState(({ newState }) => {
      // The client starts a server that was lost again by itself.
      if (this.client === client && newState === State.Running) {
        this.served?.answered();
        this.mismatch = mismatch(PROTOCOL, protocolOf(client));
        this.become("running");
        this.focus(vscode.window.activeTextEditor);
      }
    });
    return client;
  }

  private options(closed: () => Promise<CloseHandlerResult>): LanguageClientOptions {
    return {
      documentSelector: SCHEMES.map((scheme) => ({ scheme })),
      outputChannel: this.log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationOptions: () => ({
        client: {
          name: "Indoors for VS Code",
          version: (this.extension.packageJSON as { version: string }).version,
          protocol: PROTOCOL,
          refresh: true,
          // VS Code asks only when no key has come for 50 ms.
          waits: true,
          askInstruction: true,
          previewEdits: true,
        },
        settings: settings.forServer(this.extension),
      }),
      // The server's own answer to `initialize` comes before any model is loaded.
      progressOnInitialization: false,
      initializationFailedHandler: () => false, // `failed` says it
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue }),
        closed,
      },
      middleware: {
        ...this.documents.middleware((editor) => this.focus(editor)),
        ...this.completions.middleware(),
      },
    };
  }

  /** The connection to a server is gone: whether the client starts it again. */
  private async closed(client: LanguageClient): Promise<CloseHandlerResult> {
    const left = { action: CloseAction.DoNotRestart, handled: true };
    const served = this.served;
    if (this.client !== client || served === undefined) {
      return left;
    }
    served.isLost = true;
    await served.gone();
    if (this.client !== client) {
      return left;
    }
    if (this.restarts.take()) {
      this.become("starting");
      this.documents.begin(client);
      return { action: CloseAction.Restart, handled: true };
    }
    if (!this.isOver()) {
      this.stopped(`the server ended ${MOST_RESTARTS + 1} times; the log says why`);
    }
    return left;
  }

  /** The process ended without being asked to. */
  private ended(python: string, code: number | null, last: string): void {
    const lines = last.trim().split("\n");
    if (code === REFUSED_BY_POLICY) {
      this.restarts.giveUp();
      this.stopped(lines.at(-1) || "a policy keeps the server from running here");
    } else if (last.includes("No module named indoors_server")) {
      this.restarts.giveUp();
      this.python = undefined;
      this.become("missing", `Indoors is not installed in ${python}`);
      this.sayOnce(this.reason, () => offerInstall(this.reason));
    }
  }

  /** Whether it was said already that there is no server. */
  private isOver(): boolean {
    return this.life === "stopped" || this.life === "missing";
  }

  /** A message of the server for a person; a next step of ours becomes a button. */
  private async say({ type, message }: ShowMessageParams): Promise<void> {
    const step = nextStep(message);
    const button = step === undefined ? [] : ["Run in Terminal…"];
    const chosen = await show(type)(message, ...button);
    if (chosen !== undefined && step !== undefined && this.python !== undefined) {
      if (await takeStep(this.python, step)) {
        await this.settingsChanged(); // it looks again for what was missing
      }
    }
  }
}

/** The protocol that the server says it speaks. */
function protocolOf(client: LanguageClient): unknown {
  const said = client.initializeResult?.capabilities.experimental as
    { indoors?: { protocol?: unknown } } | undefined;
  return said?.indoors?.protocol;
}

function show(
  type: MessageType,
): (text: string, ...items: string[]) => Thenable<string | undefined> {
  switch (type) {
    case MessageType.Error:
      return vscode.window.showErrorMessage;
    case MessageType.Warning:
      return vscode.window.showWarningMessage;
    default:
      return vscode.window.showInformationMessage;
  }
}
