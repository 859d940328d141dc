/** What needs no editor: rules, words, steps, offers, places. Run with `node --test`. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { allOff, isOff } from "../src/copilot.ts";
import { KNOWN, choices, listed } from "../src/known.ts";
import { find, installCommands, isPython, shown, toolPaths } from "../src/launch.ts";
import { Offers } from "../src/offers.ts";
import { Pause } from "../src/pause.ts";
import { MOST_RESTARTS, Restarts } from "../src/restarts.ts";
import { isSecret, refusal } from "../src/rules.ts";
import { type Sent, meaning, page, problem, question } from "../src/sent.ts";
import { nextStep } from "../src/steps.ts";
import { type Explanation, why } from "../src/why.ts";
import { type Situation, describe, lockOf, mismatch, shortName, silence } from "../src/words.ts";

const LINUX = { env: {}, home: "/home/me", platform: "linux" } as const;

test("files that hold secrets are refused wherever they lie and however they are written", () => {
  const secret = [
    ".env",
    ".ENV.local",
    "prod.env",
    "a/b/id_rsa.pub",
    "secrets/x.py",
    "a/Secrets/b/c.py",
  ];
  secret.push(
    "home/.ssh/config",
    ".docker/config.json",
    "a/.docker/config.json",
    "deep/key.PEM",
    ".npmrc",
    // The whole path of what is opened: a file that is not there yet, and folders of secrets.
    "/home/me/.env",
    "/home/me/.docker/config.json",
    "/srv/secrets/app.py",
    "/c:/Users/me/.AWS/n.ipynb",
  );
  for (const path of secret) {
    assert.ok(isSecret(path), path);
  }
  for (const path of [
    "environment.py",
    "src/secrets.py",
    "config.json",
    "pem.py",
    "secrets",
    "a/idrsa",
  ]) {
    assert.ok(!isSecret(path), path);
  }
});

test("what is off unless a person says so", () => {
  const place = { scheme: "file", language: "python", path: "a.py" };
  assert.equal(refusal(place, []), "");
  assert.match(refusal({ ...place, language: "plaintext" }, []), /plain text/);
  assert.equal(refusal({ ...place, language: "plaintext" }, ["plaintext"]), "");
  assert.match(refusal({ ...place, language: "git-commit" }, []), /commit messages/);
  const scm = { scheme: "vscode-scm", language: "scminput", path: "" };
  assert.match(refusal(scm, ["plaintext"]), /commit messages/);
  assert.equal(refusal(scm, ["commitMessages"]), "");
  assert.match(refusal({ ...place, path: ".env" }, ["plaintext", "commitMessages"]), /secrets/);
  assert.match(refusal({ ...place, scheme: "output" }, []), /view/);
});

test("only commands of ours with plain words become a button", () => {
  assert.deepEqual(nextStep("There is no model.\nNext: indoors setup"), ["setup"]);
  assert.deepEqual(
    nextStep("Next: indoors models pull qwen2.5-coder-0.5b   (removes the damaged file first)"),
    ["models", "pull", "qwen2.5-coder-0.5b"],
  );
  assert.deepEqual(nextStep("Next: indoors engine install --cpu   (slower), or retry"), [
    "engine",
    "install",
    "--cpu",
  ]);
  for (const text of [
    "Next: indoors purge",
    "Next: rm -rf x",
    "Next: indoors models pull ../x",
    "Next: indoors models pull $(x)",
    "Next: indoors setup; x y z `w`",
    "nothing",
    "indoors setup",
  ]) {
    const step = nextStep(text);
    assert.ok(step === undefined || (step.length === 1 && step[0] === "setup"), text);
  }
});

test("typing along is no accept, a word is, and all of it is told by the command", () => {
  const offers = new Offers<string>();
  const offer = { item: "c1", text: "return a + b", typed: 3, offset: 10 };
  offers.show(offer);
  assert.deepEqual(offers.changed([{ offset: 10, removed: 0, text: "u" }]), {});
  assert.deepEqual(offers.changed([{ offset: 11, removed: 0, text: "rn a" }]), {
    partly: { item: "c1", acceptedLength: 8 },
  });
  assert.deepEqual(offers.changed([{ offset: 15, removed: 0, text: " +" }]), {
    partly: { item: "c1", acceptedLength: 10 },
  });
  assert.deepEqual(offers.changed([{ offset: 17, removed: 0, text: " b" }]), {});
  assert.deepEqual(offers.changed([{ offset: 19, removed: 0, text: "xx" }]), {});
  for (const changes of [
    [{ offset: 9, removed: 0, text: "ur" }],
    [{ offset: 10, removed: 1, text: "ur" }],
    [{ offset: 10, removed: 0, text: "zz" }],
    [
      { offset: 10, removed: 0, text: "ur" },
      { offset: 1, removed: 0, text: "ur" },
    ],
  ]) {
    offers.show(offer);
    assert.deepEqual(offers.changed(changes), {});
    assert.deepEqual(offers.changed([{ offset: 10, removed: 0, text: "urn" }]), {}, "it is gone");
  }
  offers.show({ item: "c2", text: "()", typed: 0, offset: 0 });
  assert.deepEqual(offers.changed([{ offset: 0, removed: 0, text: "()" }]), {}, "a closed pair");
  for (const enter of ["\n", "\n    ", "\r\n\t"]) {
    offers.show({ item: "c3", text: `${enter}return 1`, typed: 0, offset: 0 });
    assert.deepEqual(offers.changed([{ offset: 0, removed: 0, text: enter }]), {}, "Enter");
    assert.deepEqual(offers.changed([{ offset: enter.length, removed: 0, text: "return" }]), {
      partly: { item: "c3", acceptedLength: enter.length + 6 },
    });
  }
});

test("of several suggestions the one that is taken is told of, once no other is left", () => {
  const offers = new Offers<string>();
  const several = (...texts: string[]): void =>
    offers.show(...texts.map((text, n) => ({ item: `c${n}`, text, typed: 3, offset: 10 })));
  const change = (offset: number, text: string): object =>
    offers.changed([{ offset, removed: 0, text }]);
  several("def add(a)", "def sum(a)");
  assert.equal(offers.text, "def add(a)");
  assert.deepEqual(change(10, " sum"), {
    shown: "c1",
    partly: { item: "c1", acceptedLength: 7 },
  });
  assert.deepEqual(change(14, "(a"), { partly: { item: "c1", acceptedLength: 9 } });
  several("def add(a)", "def add(b)");
  assert.deepEqual(change(10, " add"), {}, "it may be either");
  assert.deepEqual(change(14, "(b"), { shown: "c1", partly: { item: "c1", acceptedLength: 9 } });
  several("def add(a)", "def add(b)");
  assert.deepEqual(change(10, " add("), {});
  const owed = { shown: "c1", partly: { item: "c1", acceptedLength: 9 } };
  assert.deepEqual(change(15, "b"), owed, "what was taken before is told when it is sure");
  several("def add(a)", "def sum(a)");
  assert.deepEqual(change(10, " "), {});
  assert.deepEqual(change(11, "s"), { shown: "c1" }, "typed along to the other one");
  several("def add(a)", "def sum(a)");
  assert.deepEqual(change(10, " sum(a)"), { shown: "c1" }, "all of it: its command tells");
});

test("of two of which one begins the other, the one that was taken is told of", () => {
  const offers = new Offers<string>();
  const several = (...texts: string[]): void =>
    offers.show(...texts.map((text, n) => ({ item: `c${n}`, text, typed: 3, offset: 10 })));
  const change = (offset: number, text: string): object =>
    offers.changed([{ offset, removed: 0, text }]);
  const accepted = (name: string): string | undefined => offers.accepted((item) => item === name);
  several("def add", "def add(a)");
  assert.deepEqual(change(10, " add"), {}, "all of the one, or the first word of the other");
  assert.equal(accepted("c0"), "c0");
  assert.equal(accepted("c0"), undefined, "once");
  assert.deepEqual(change(14, "(a"), {}, "what is typed behind it is no part of the other");
  several("def add", "def add(a)");
  assert.deepEqual(change(10, " add"), {});
  assert.deepEqual(change(14, "(a"), { shown: "c1", partly: { item: "c1", acceptedLength: 9 } });
  assert.deepEqual(change(16, ")"), {});
  several("def add", "def add(a)");
  assert.deepEqual(change(10, " add"), {});
  assert.deepEqual(change(14, "("), { shown: "c1", partly: { item: "c1", acceptedLength: 8 } });
  several("def add", "def add(a)");
  assert.deepEqual(change(10, " add"), {});
  assert.deepEqual(change(14, "(a)"), { shown: "c1" }, "all of it: its command tells");
  several("def add", "def add(a)");
  assert.deepEqual(change(10, " add"), {});
  assert.deepEqual(change(14, "\n"), {}, "it went on with neither");
  assert.equal(accepted("c0"), undefined);
  several("def add", "def add(a)", "def add(b)");
  assert.deepEqual(change(10, " add"), {});
  assert.equal(accepted("c9"), undefined, "another one's command");
  assert.deepEqual(change(14, "(b"), { shown: "c2", partly: { item: "c2", acceptedLength: 9 } });
  several("def add(a)", "def add");
  assert.deepEqual(change(10, " add(a)"), { shown: "c0" });
});

test("a pause ends by the clock, also where no timer ran meanwhile", () => {
  let now = 1_000_000;
  const paused = new Pause(() => now);
  const look = (): [boolean, number | undefined] => [paused.isOn, paused.until?.getTime()];
  assert.deepEqual(look(), [false, undefined]);
  paused.begin(10);
  assert.deepEqual(look(), [true, 1_600_000]);
  now += 8 * 3_600_000; // the laptop slept
  assert.deepEqual(look(), [false, undefined]);
  paused.begin(10);
  paused.begin(0);
  assert.deepEqual(look(), [false, undefined]);
});

test("the server is where a person or a tool put it, as an absolute path", () => {
  const paths = toolPaths(LINUX);
  assert.equal(paths[0], "/home/me/.local/share/uv/tools/indoors/bin/python");
  assert.ok(paths.includes("/home/me/.local/share/pipx/venvs/indoors/bin/python"));
  assert.ok(paths.includes("/home/me/.indoors/bin/python"));
  const env = { UV_TOOL_DIR: "/tools", PIPX_HOME: "relative", XDG_DATA_HOME: "/data" };
  const elsewhere = toolPaths({ ...LINUX, env });
  assert.equal(elsewhere[0], "/tools/indoors/bin/python");
  assert.ok(elsewhere.includes("/data/pipx/venvs/indoors/bin/python"));
  assert.ok(elsewhere.every((one) => one.startsWith("/")));
  const windows = toolPaths({ env: {}, home: "C:\\Users\\me", platform: "win32" });
  assert.ok(windows.every((one) => /^C:\\.*python\.exe$/.test(one)));
  assert.deepEqual(
    find("/a/python", LINUX, () => true),
    { python: "/a/python" },
  );
  assert.ok("problem" in find("python3", LINUX, () => true), "never looked up by name");
  assert.ok("problem" in find("./venv/bin/python", LINUX, () => true));
  assert.match(
    (find("/a/python", LINUX, () => false) as { problem: string }).problem,
    /no program/,
  );
  const second = paths[2] ?? "";
  assert.deepEqual(
    find("", LINUX, (file) => file === second),
    { python: second },
  );
  assert.equal(shown(["/a b/python", "-I", "x"]), '"/a b/python" -I x');
});

test("a wheel is installed by what is there, and no Python reads what a folder or a variable says", () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "indoors-test-"));
  const before = { HOME: process.env["HOME"], PATH: process.env["PATH"] };
  Object.assign(process.env, { HOME: home, PATH: home });
  try {
    assert.deepEqual(installCommands("/a.whl", []), []);
    const python = path.join(home, "python3");
    fs.writeFileSync(python, "", { mode: 0o755 });
    const commands = installCommands("/a.whl", []);
    assert.deepEqual(commands.map(shown), [
      `${python} -I -m venv ${home}/.indoors`,
      `${home}/.indoors/bin/python -I -m pip install --upgrade /a.whl`,
    ]);
    assert.ok(commands.every(isPython));
    fs.writeFileSync(path.join(home, "uv"), "", { mode: 0o755 });
    assert.ok(!installCommands("/a.whl", []).some(isPython));
    assert.deepEqual(installCommands("/a.whl", [home]), [], "none of a workspace's");
  } finally {
    Object.assign(process.env, before);
    fs.rmSync(home, { recursive: true });
  }
});

test("a server that ends again and again is started a few times, then by a person", () => {
  let now = 0;
  const restarts = new Restarts(() => now);
  const taken = (): number => {
    let n = 0;
    while (restarts.take()) {
      n += 1;
    }
    return n;
  };
  assert.equal(taken(), MOST_RESTARTS);
  now += 60_000;
  assert.equal(taken(), 0, "those of a minute ago count");
  now += 10 * 60_000;
  assert.equal(taken(), MOST_RESTARTS, "those of long ago do not");
  restarts.forget();
  restarts.giveUp();
  assert.equal(taken(), 0);
  restarts.forget();
  assert.equal(taken(), MOST_RESTARTS);
});

test("Copilot is off only where it suggests in no language", () => {
  const cases: [enabled: unknown, off: boolean][] = [
    [undefined, false],
    [null, false],
    [{}, false],
    [{ "*": true }, false],
    [{ "*": true, plaintext: false }, false],
    [{ "*": false }, true],
    [{ "*": false, plaintext: false, scminput: false }, true],
    [{ "*": false, python: true }, false],
    [{ python: false }, false],
  ];
  for (const [enabled, off] of cases) {
    assert.equal(isOff(enabled), off, JSON.stringify(enabled));
    assert.ok(isOff(allOff(enabled)), JSON.stringify(enabled));
  }
  assert.deepEqual(allOff({ python: true, "*": true }), { "*": false, python: false });
});

test("those who suggest have the identifiers that they are published under", () => {
  // Amazon Q left the AWS Toolkit, and Cloud Code is published by Google Cloud Tools.
  assert.equal(KNOWN["amazonwebservices.amazon-q-vscode"], "Amazon Q");
  assert.ok(!("amazonwebservices.aws-toolkit-vscode" in KNOWN));
  assert.ok("google.geminicodeassist" in KNOWN && "googlecloudtools.cloudcode" in KNOWN);
  assert.ok(!("google.cloudcode" in KNOWN));
  assert.ok(Object.keys(KNOWN).every((id) => id === id.toLowerCase()));
});

test("hiding is offered only where this VS Code can hide", () => {
  const copilot = { name: "GitHub Copilot", id: "GitHub.copilot" };
  const found = [{ name: "Codeium", id: "Codeium.codeium" }, copilot];
  const labels = (canSuppress: boolean): string[] =>
    choices(found, canSuppress).map(({ label }) => label);
  assert.deepEqual(labels(true), [
    "Hide suggestions of Codeium",
    "Show the extension Codeium",
    "Hide suggestions of GitHub Copilot",
    "Show the extension GitHub Copilot",
  ]);
  assert.deepEqual(labels(false), [
    "Show the extension Codeium",
    "Hide suggestions of GitHub Copilot",
    "Show the extension GitHub Copilot",
  ]);
  assert.match(choices([copilot], false)[0]?.detail ?? "", /by a key .* still does/);
});

test("who is hidden is read as VS Code reads it", () => {
  assert.deepEqual(listed("codeium.codeium,a.b"), ["codeium.codeium", "a.b"]);
  assert.deepEqual(listed(""), []);
  assert.deepEqual(listed(undefined), []);
  assert.ok(!listed("a.b, codeium.codeium").includes("codeium.codeium"), "a blank is compared too");
});

const STATUS = {
  phase: "ready",
  reason: "",
  model: "Qwen2.5 Coder 0.5B Instruct",
  device: "CPU",
  lock: "enforced",
  launcher: "none",
  progress: null,
  tokens_per_s: 38.4,
} as const;
const SITUATION: Situation = {
  life: "running",
  reason: "",
  pausedUntil: "",
  refusal: "",
  askedOnly: "",
  status: STATUS,
  others: [],
  mismatch: "",
  isRemote: false,
};

test("every state has words, and the mark changes where code may leave", () => {
  assert.equal(describe(SITUATION).text, "$(home) 0.5b");
  const locks: [lock: string, mode: string, shown: string][] = [
    ["enforced", "local", "$(home) 0.5b"],
    ["network enforced, files not", "local", "$(home) 0.5b · files not"],
    ["unproven", "local", "$(home) 0.5b · unproven"],
    ["enforced", "onprem", "$(arrow-swap) 0.5b · on-prem"],
    ["enforced", "closed", "$(arrow-swap) 0.5b · closed"],
    ["unproven", "onprem", "$(arrow-swap) 0.5b · on-prem, unproven"],
    ["a new one", "local", "$(home) 0.5b · a new one"],
  ];
  for (const [lock, mode, shown] of locks) {
    const words = describe({ ...SITUATION, status: { ...STATUS, lock, mode } });
    assert.equal(words.text, shown);
    assert.ok(words.spoken.includes(lock === "enforced" ? "refuses" : lock), words.spoken);
  }
  assert.match(lockOf("enforced", "onprem").says, /your own servers; the kernel refuses all other/);
  assert.equal(lockOf("enforced", "constructor").leaves, false);
  assert.equal(lockOf("constructor").word, "constructor");
  const lives = ["untrusted", "missing", "starting", "stopped"] as const;
  for (const life of lives) {
    const words = describe({ ...SITUATION, life, status: undefined });
    assert.ok(words.lines[0]?.length && words.spoken.startsWith("Indoors: "));
    assert.ok(!words.text.includes("0.5b"));
  }
  assert.ok(
    describe({ ...SITUATION, others: ["X"] }).lines.includes("Indoors is indoors; X is also on"),
  );
  const remote = describe({ ...SITUATION, others: ["X"], isRemote: true }).lines;
  assert.match(remote.at(-2) ?? "", /on your own side of this remote window are not seen/);
  assert.match(remote.at(-1) ?? "", /X is also on/, "behind it stands the link that turns it off");
  assert.ok(!describe(SITUATION).spoken.includes("remote"));
  const error = {
    ...STATUS,
    phase: "error",
    reason: "There is no model.",
    next_step: "indoors setup",
  } as const;
  const words = describe({ ...SITUATION, status: error });
  assert.ok(words.isProblem);
  assert.deepEqual(words.lines.slice(0, 2), ["There is no model.", "Next: indoors setup"]);
  assert.match(describe({ ...SITUATION, pausedUntil: "10:20" }).text, /paused/);
  const engines = [
    { name: "gpu", state: "up", model: "coder" },
    { name: "old", state: "down", reason: "old does not answer." },
  ];
  const lines = describe({ ...SITUATION, status: { ...STATUS, engines } }).lines;
  const about = (launcher: string): string =>
    describe({ ...SITUATION, status: { ...STATUS, launcher } }).spoken;
  assert.match(about("waiting"), /may open connections: waiting$/);
  assert.match(about("gone"), /may open connections: gone\. Next: Indoors: Restart the Server$/);
  assert.ok(lines.includes("Engine gpu: up, coder"));
  assert.ok(lines.includes("Engine old: down, old does not answer."));
});

test("where suggestions come to a key alone, the state and the explanation say so", () => {
  const askedOnly = "editor.inlineSuggest.enabled is off";
  const said = /Only when asked \(editor\.inlineSuggest\.enabled is off\)\. Next: ask with Alt\+\\/;
  for (const phase of ["ready", "busy"] as const) {
    const status = { ...STATUS, phase };
    assert.match(describe({ ...SITUATION, status, askedOnly }).lines[1] ?? "", said);
    assert.match(describe({ ...SITUATION, status, askedOnly }).spoken, said);
  }
  const others: Partial<Situation>[] = [
    { refusal: "plain text is off" },
    { pausedUntil: "10:20" },
    { life: "starting", status: undefined },
  ];
  for (const more of [...others, { askedOnly: "" }]) {
    const { spoken } = describe({ ...SITUATION, askedOnly, ...more });
    assert.ok(!spoken.includes("Only when asked"), spoken);
  }
  assert.equal(silence({ ...SITUATION, askedOnly }), "", "a key is answered");
  const none: Explanation = { refusal: "", completion: null };
  const explained = why("a.py", none, askedOnly);
  assert.match(
    explained,
    /comes by itself here: editor\.inlineSuggest\.enabled is off\.\nNext: ask/,
  );
  assert.ok(!explained.includes("Next: type"), "which would bring none");
  const completion = { shown: true, source: "model", totalMs: 84, stages: [], filters: [] };
  assert.match(why("a.py", { refusal: "", completion }, askedOnly), /84 ms.*\nNothing comes by/);
});

test("where nothing can be suggested, that is said with a next step", () => {
  assert.equal(silence(SITUATION), "");
  assert.equal(silence({ ...SITUATION, status: { ...STATUS, phase: "busy" } }), "");
  const error = { ...STATUS, phase: "error", reason: "There is no model." } as const;
  const inactive = { ...STATUS, phase: "inactive", reason: "python is off" } as const;
  const silent: [more: Partial<Situation>, said: RegExp][] = [
    [{ life: "untrusted", status: undefined }, /not trusted\. Next: /],
    [{ life: "missing", status: undefined }, /not running\. Next: /],
    [{ life: "stopped", status: undefined }, /not running\. Next: /],
    [{ life: "starting", status: undefined }, /starting\. Next: /],
    [{ status: undefined }, /starting\. Next: /],
    [{ status: { ...error, next_step: "indoors setup" } }, /no model\. Next: indoors setup\.$/],
    [{ status: error }, /no model\. Next: Indoors: Show Menu\.$/],
    [{ pausedUntil: "10:20" }, /paused until 10:20\. Next: Indoors: Resume/],
    [{ refusal: "plain text is off" }, /here: plain text is off\. Next: /],
    [{ status: inactive }, /here: python is off\. Next: /],
  ];
  for (const [more, said] of silent) {
    assert.match(silence({ ...SITUATION, ...more }), said);
  }
  const elsewhere = silence({ ...SITUATION, status: inactive }, false);
  assert.equal(elsewhere, "", "the status is not about the box of Source Control");
});

test("a model's short name is its size", () => {
  const names = { "Qwen2.5 Coder 0.5B Instruct": "0.5b", "qwen2.5-coder-7b-instruct": "7b" };
  for (const [name, short] of Object.entries(names)) {
    assert.equal(shortName(name), short);
  }
  assert.equal(shortName("/models/mine.gguf"), "/models/mine.gguf");
});

test("of two that do not belong together the older one is to be updated", () => {
  assert.equal(mismatch(1, 1), "");
  assert.equal(mismatch(1, undefined), "", "no server of ours");
  assert.match(mismatch(1, 2), /Next: update the extension$/);
  assert.match(mismatch(2, 1), /Next: update the server/);
});

test("a suggestion is explained in order, and one that there is not as well", () => {
  const made = {
    shown: true,
    source: "model",
    totalMs: 83.6,
    stages: [{ name: "kind", decision: "block", reason: "the cursor is in an empty body" }],
    filters: [{ name: "cut", action: "changed", reason: "the scope ends" }],
  };
  const text = why("a.py", { refusal: "", completion: made });
  assert.match(text, /^Why this suggestion: a\.py\n\nThe last suggestion came after 84 ms/);
  assert.match(text, /\n {2}kind {2}block {2}the cursor is in an empty body\n/);
  assert.match(text, /\n {2}cut {2}changed {2}the scope ends\n/);
  const none = (more: object): string =>
    why("a.py", { refusal: "", completion: { ...made, shown: false, ...more } } as Explanation);
  const filters = [{ name: "sure", action: "dropped", reason: "the model was not" }];
  assert.match(none({ filters }), /the filter "sure" dropped it, the model was not\./);
  assert.match(none({ filters: [], stages: [] }), /the model gave no text/);
  assert.match(why("a.py", { refusal: "", completion: null }), /Next: type/);
  const refused = why(".env", { refusal: "files like this hold secrets", completion: made });
  assert.match(refused, /Nothing is suggested here: files like this hold secrets\./);
  assert.ok(!refused.includes("block"));
});

test("what would be sent is shown byte for byte, and only if it is what was hashed", () => {
  const body = '{"model":"big-1","content":"gr\u00f6\u00dfe\u200b \ud83d\ude00\u200d\u00a0\\n"}';
  const sent: Sent = {
    host: "https://api.example.com:443",
    operator: "whoever runs it",
    model: "big-1",
    body,
    text: "def f():\n    return 1",
    bytes: Buffer.byteLength(body),
    sha256: createHash("sha256").update(body).digest("hex"),
    sources: ["src/a.py", "src/b.py"],
    redactions: ["/home/me is sent as HOME_1"],
    price: "",
  };
  assert.equal(problem(sent), "");
  assert.equal(page(sent).slice(0, body.length + 2), `${body}\n\n`);
  assert.match(page(sent), /\n {2}def f\(\):\n {6}return 1\n/);
  assert.deepEqual(meaning(sent), [
    "To: https://api.example.com:443, model big-1",
    "Operator: whoever runs it",
    "Text of: src/a.py, src/b.py",
    `Bytes: ${sent.bytes}`,
    `SHA-256: ${sent.sha256}`,
    "Replaced: /home/me is sent as HOME_1",
    "Not seen in it: U+200B (1\u00d7), U+200D (1\u00d7), U+00A0 (1\u00d7)",
  ]);
  assert.equal(question(sent), `Send these ${sent.bytes} bytes to https://api.example.com:443?`);
  const others: object[] = [
    { body: `${body} ` },
    { bytes: sent.bytes - 1 },
    { sha256: "0".repeat(64) },
  ];
  for (const other of [...others, { body: "\ud800" }, { body: undefined }]) {
    assert.notEqual(problem({ ...sent, ...other } as Sent), "");
  }
  assert.notEqual(problem(undefined as unknown as Sent), "");
});
