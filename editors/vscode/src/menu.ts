/** The menu: what can be done now, in words, each entry a command of its own as well. */

import * as vscode from "vscode";
import { fileOf } from "./documents.ts";
import { output } from "./launch.ts";
import * as settings from "./settings.ts";
import { takeStep } from "./install.ts";
import { type Situation, describe } from "./words.ts";
import { nextStep } from "./steps.ts";

interface Entry extends vscode.QuickPickItem {
  run?: () => Thenable<unknown> | Promise<unknown> | void;
}

/** What the menu needs to know. */
export interface Facts {
  situation: Situation;
  python: string | undefined;
  /** Called when a step that the server named has ended well. */
  stepTaken: () => Promise<void>;
  /** The one in front, if code is written in it. */
  document: vscode.TextDocument | undefined;
  isFileOff: boolean;
}

const call =
  (command: string, ...rest: unknown[]) =>
  () =>
    vscode.commands.executeCommand(command, ...rest);

/** Show the menu and do what is chosen. */
export async function showMenu(facts: Facts): Promise<void> {
  const words = describe(facts.situation);
  const chosen = await vscode.window.showQuickPick(entries(facts), {
    title: `Indoors: ${words.lines[0] ?? ""}`,
    placeHolder: words.lines.slice(1, 3).join(" · ") || "What should Indoors do?",
    matchOnDescription: true,
  });
  await chosen?.run?.();
}

function entries(facts: Facts): Entry[] {
  const { situation, python, document } = facts;
  const found: Entry[] = [];
  const add = (label: string, run: Entry["run"], description = ""): void => {
    found.push({ label, description, ...(run === undefined ? {} : { run }) });
  };
  if (situation.life === "untrusted") {
    add("$(shield) Trust this workspace…", call("workbench.trust.manage"));
  }
  const again = (): void => add("$(debug-restart) Start the server again", call("indoors.restart"));
  const log = (): void => add("$(output) Log", call("indoors.log"));
  if (situation.life === "stopped") {
    again();
    log();
  }
  if (situation.life === "missing" || situation.life === "stopped") {
    add("$(cloud-download) Install from a wheel…", call("indoors.install"));
    add("$(file-binary) Choose the Python that has Indoors…", call("indoors.choosePython"));
    add("$(book) Install without internet…", call("indoors.offlineHelp"));
  }
  if (situation.life === "missing") {
    again();
  }
  const step = nextStep(`Next: ${situation.status?.next_step ?? ""}`);
  if (step !== undefined && python !== undefined) {
    add(`$(play) Run indoors ${step.join(" ")}…`, async () => {
      if (await takeStep(python, step)) {
        await facts.stepTaken();
      }
    });
  }
  if (situation.life === "running") {
    if (situation.pausedUntil) {
      add("$(play) Resume", call("indoors.resume"), `paused until ${situation.pausedUntil}`);
    } else {
      add("$(debug-pause) Pause for 10 minutes", call("indoors.pause"));
    }
    if (document !== undefined) {
      const file = facts.isFileOff
        ? "$(check) Complete in this file again"
        : "$(circle-slash) Not in this file";
      add(file, call("indoors.toggleFile"), vscode.workspace.asRelativePath(fileOf(document.uri)));
      const language = document.languageId;
      const isOff = settings.languagesOff().includes(language);
      add(
        isOff ? `$(check) Complete ${language} again` : `$(circle-slash) Not in ${language}`,
        call("indoors.toggleLanguage"),
        "in all files",
      );
    }
    add("$(question) Why this suggestion", call("indoors.why"), "or why there is none");
    if (document !== undefined) {
      add("$(edit) Edit what is selected…", call("indoors.refactorMenu"));
    }
  }
  if (python !== undefined) {
    add("$(symbol-misc) Choose the model…", call("indoors.chooseModel"), situation.status?.model);
    add("$(verified) Prove that nothing gets out", call("indoors.prove"), "indoors doctor --prove");
    add("$(law) What the policy says", call("indoors.policy"), "indoors policy show");
  }
  if (situation.others.length > 0) {
    add(
      "$(eye) Other extensions that suggest code…",
      call("indoors.others"),
      situation.others.join(", "),
    );
  }
  if (situation.life !== "stopped") {
    log();
  }
  add("$(gear) Settings", call("indoors.settings"));
  return found;
}

/** A line of `indoors models list --json`. */
interface Model {
  name: string;
  bytes: number;
  licence: string;
  licence_reason: string;
  completes: boolean;
  installed: boolean;
}

/** Choose among the models that are here, or see how to get another. */
export async function chooseModel(python: string): Promise<void> {
  let models: Model[];
  try {
    const printed = await output(python, ["models", "list", "--json"]);
    const lines = printed.split("\n").filter(Boolean);
    models = lines.map((line) => JSON.parse(line) as Model).filter((model) => model.completes);
  } catch {
    const check = "Check This Installation";
    const chosen = await vscode.window.showWarningMessage(
      "The server's Python did not list the models. Next: indoors doctor, which says what is wrong.",
      check,
    );
    if (chosen === check) {
      await vscode.commands.executeCommand("indoors.doctor");
    }
    return;
  }
  const size = (model: Model): string =>
    model.bytes ? `${(model.bytes / 1e9).toFixed(1)} GB · ${model.licence}` : model.licence;
  const here: Entry[] = models
    .filter((model) => model.installed)
    .map((model) => ({
      label: model.name,
      description: size(model),
      run: () => settings.set("model", model.name),
    }));
  const away: Entry[] = models
    .filter((model) => !model.installed && model.bytes > 0 && !model.licence_reason)
    .map((model) => ({
      label: `$(cloud-download) ${model.name}`,
      description: `${size(model)}, to be downloaded`,
      run: async () => {
        if (await takeStep(python, ["models", "pull", model.name])) {
          await settings.set("model", model.name);
        }
      },
    }));
  const chosen = await vscode.window.showQuickPick<Entry>(
    [
      { label: "The model that indoors setup chose", run: () => settings.set("model", undefined) },
      { label: "on this machine", kind: vscode.QuickPickItemKind.Separator },
      ...here,
      { label: "can be downloaded", kind: vscode.QuickPickItemKind.Separator },
      ...away,
    ],
    { title: "Indoors: the model that completes", matchOnDescription: true },
  );
  await chosen?.run?.();
}
