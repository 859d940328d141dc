/** How a process of the server is ended, with programs that are started like an interpreter. */

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import { Served } from "../src/served.ts";

const UNIX = { skip: process.platform === "win32" };

/** A program that runs a line of shell, and is told to have started when it is. */
async function started(line: string): Promise<{ served: Served; codes: (number | null)[] }> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "indoors-test-"));
  const file = path.join(folder, "python");
  fs.writeFileSync(file, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  const codes: (number | null)[] = [];
  const served = new Served(file, { ended: (code) => codes.push(code), silent: () => undefined });
  await new Promise((resolve) => served.child.stdout?.once("data", resolve));
  fs.rmSync(folder, { recursive: true });
  return { served, codes };
}

test("a process that hears nothing is killed", UNIX, async () => {
  const { served } = await started("trap '' TERM; echo; while :; do sleep 0.1; done");
  served.answered();
  await served.end();
  assert.equal(served.child.signalCode, "SIGKILL");
});

test("a process that ends when nobody speaks to it any more is given the time", UNIX, async () => {
  const { served, codes } = await started("echo; cat > /dev/null; sleep 0.5; exit 7");
  await served.end();
  await served.gone();
  assert.deepEqual(codes, [7]);
  await served.end(); // it is gone, and that is no failure
});

test("a program that is not there has an end, too", UNIX, async () => {
  const codes: (number | null)[] = [];
  const watcher = { ended: (code: number | null) => codes.push(code), silent: () => undefined };
  await new Served("/nowhere/python", watcher).end();
  assert.deepEqual(codes, [null]);
});
