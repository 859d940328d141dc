/**
 * Whose code runs: an absolute interpreter that a person chose or a tool installed, started with
 * `-I` in a folder that is no workspace, never through a shell. No file of a workspace is asked.
 */

import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const MODULE = ["-I", "-m", "indoors_server"];

/** The environment that decides where tools put what they install. */
export interface Surroundings {
  env: Readonly<Record<string, string | undefined>>;
  home: string;
  platform: NodeJS.Platform;
}

export function surroundings(): Surroundings {
  return { env: process.env, home: os.homedir(), platform: process.platform };
}

/** Interpreters of installations that people make as the quickstart says, most likely first. */
export function toolPaths(around: Surroundings): string[] {
  const { env, home, platform } = around;
  const windows = platform === "win32";
  const join = windows ? path.win32.join : path.posix.join;
  const isAbsolute = windows ? path.win32.isAbsolute : path.posix.isAbsolute;
  const data = (variable: string, fallback: string): string => {
    const value = env[variable] ?? "";
    return isAbsolute(value) ? value : fallback;
  };
  const share = data("XDG_DATA_HOME", join(home, ".local", "share"));
  const roaming = data("APPDATA", join(home, "AppData", "Roaming"));
  const uv = windows ? join(roaming, "uv", "data", "tools") : join(share, "uv", "tools");
  const folders = [
    join(data("UV_TOOL_DIR", uv), "indoors"),
    ...(windows ? [join(roaming, "uv", "tools", "indoors")] : []),
    join(data("PIPX_HOME", join(share, "pipx")), "venvs", "indoors"),
    join(home, ".local", "pipx", "venvs", "indoors"),
    ...(windows ? [join(home, "pipx", "venvs", "indoors")] : []),
    ...(platform === "darwin"
      ? [join(home, "Library", "Application Support", "pipx", "venvs", "indoors")]
      : []),
    join(home, ".indoors"),
    ...(windows ? [] : ["/opt/pipx/venvs/indoors", "/opt/indoors"]),
  ];
  const python = (folder: string): string => pythonOf(folder, platform);
  return [...new Set(folders.map(python))];
}

/** The interpreter of a virtual environment. */
export function pythonOf(folder: string, platform: NodeJS.Platform): string {
  return platform === "win32"
    ? path.win32.join(folder, "Scripts", "python.exe")
    : path.posix.join(folder, "bin", "python");
}

export type Found = { python: string } | { problem: string };

/** The interpreter to start: the one that a person set, else the first tool that is there. */
export function find(
  chosen: string,
  around: Surroundings = surroundings(),
  isFile: (file: string) => boolean = isExecutable,
): Found {
  if (chosen) {
    if (!path.isAbsolute(chosen)) {
      return { problem: `indoors.python must be an absolute path, not ${chosen}` };
    }
    return isFile(chosen)
      ? { python: chosen }
      : { problem: `indoors.python is ${chosen}, and no program is there` };
  }
  const python = toolPaths(around).find(isFile);
  return python ? { python } : { problem: "" };
}

/** A program by name: in the folders that tools use, then in the absolute folders of PATH. */
export function program(name: string, outside: readonly string[]): string | undefined {
  const home = os.homedir();
  const suffix = process.platform === "win32" ? ".exe" : "";
  const folders = [
    path.join(home, ".local", "bin"),
    path.join(home, ".cargo", "bin"),
    ...(process.env["PATH"] ?? "").split(path.delimiter),
  ];
  return folders
    .filter((folder) => path.isAbsolute(folder) && !outside.some((root) => within(folder, root)))
    .map((folder) => path.join(folder, name + suffix))
    .find(isExecutable);
}

function within(folder: string, root: string): boolean {
  const relative = path.relative(root, folder);
  return relative === "" || (!relative.startsWith("..") && !path.isAbsolute(relative));
}

function isExecutable(file: string): boolean {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** One command of ours, in the one form in which it is started. */
export function command(python: string, ...words: string[]): string[] {
  return [python, ...MODULE, ...words];
}

/** The commands that install a wheel: by uv, else by pipx, else into an environment of its own. */
export function installCommands(wheel: string, roots: readonly string[]): string[][] {
  const uv = program("uv", roots);
  if (uv !== undefined) {
    return [[uv, "tool", "install", "--force", wheel]];
  }
  const pipx = program("pipx", roots);
  if (pipx !== undefined) {
    return [[pipx, "install", "--force", wheel]];
  }
  const names =
    process.platform === "win32"
      ? ["python"]
      : ["python3.13", "python3.12", "python3.11", "python3"];
  const python = names.map((name) => program(name, roots)).find((one) => one !== undefined);
  const folder = path.join(os.homedir(), ".indoors");
  return python === undefined
    ? []
    : [
        [python, "-I", "-m", "venv", folder],
        [pythonOf(folder, process.platform), "-I", "-m", "pip", "install", "--upgrade", wheel],
      ];
}

/** Whether a command is one of a Python. All of ours are started with `-I`. */
export function isPython(words: readonly string[]): boolean {
  return words[1] === "-I";
}

/** A command as a person would type it. */
export function shown(words: readonly string[]): string {
  return words.map((word) => (/^[\w@%+=:,./\\-]+$/.test(word) ? word : `"${word}"`)).join(" ");
}

/** Start the server. `ended` is told once how it ended, and the last of what it wrote to stderr. */
export function serve(
  python: string,
  ended: (code: number | null, last: string) => void,
): ChildProcess {
  const [file, ...words] = command(python, "serve");
  const child = spawn(file as string, words, {
    cwd: os.homedir(),
    shell: false,
    windowsHide: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let last = "";
  child.stderr?.on("data", (data: Buffer) => {
    last = (last + data.toString("utf8")).slice(-2000);
  });
  child.once("error", (error) => ended(null, error.message));
  child.once("close", (code) => ended(code, last)); // all of stderr is read by then
  return child;
}

/** Run one of our commands to its end and give what it printed. */
export function output(python: string, words: string[], timeoutMs = 20_000): Promise<string> {
  const [file, ...rest] = command(python, ...words);
  return new Promise((resolve, reject) => {
    const child = spawn(file as string, rest, {
      cwd: os.homedir(),
      shell: false,
      windowsHide: true,
      timeout: timeoutMs,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, problem] = ["", ""];
    child.stdout?.on("data", (data: Buffer) => (out += data.toString("utf8")));
    child.stderr?.on("data", (data: Buffer) => (problem += data.toString("utf8")));
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(out) : reject(new Error(problem.trim()))));
  });
}

/** Whether a Python has the server. */
export function hasServer(python: string): Promise<boolean> {
  return output(python, ["--version"]).then(
    () => true,
    () => false,
  );
}
