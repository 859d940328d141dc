// Bundle the extension into one file, and write down the licences of what is in it.

import { build } from "esbuild";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";

const result = await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  external: ["vscode"],
  minify: process.argv.includes("--minify"),
  sourcemap: process.argv.includes("--sourcemap"),
  legalComments: "none", // all of them are in THIRD_PARTY_LICENSES.txt
  metafile: true,
  logLevel: "warning",
});

/** The folder in node_modules that a bundled file belongs to. */
function packageOf(file) {
  const parts = file.split("/");
  const at = parts.lastIndexOf("node_modules");
  if (at < 0) {
    return undefined;
  }
  return parts.slice(0, at + (parts[at + 1].startsWith("@") ? 3 : 2)).join("/");
}

const folders = new Set(Object.keys(result.metafile.inputs).map(packageOf).filter(Boolean));
const texts = [];
for (const folder of [...folders].sort()) {
  const about = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
  const name = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
  if (name === undefined) {
    throw new Error(`${about.name} has no licence file`);
  }
  const text = (await readFile(path.join(folder, name), "utf8")).replace(/\r\n/g, "\n").trim();
  texts.push(`${about.name} ${about.version} (${about.license})\n\n${text}\n`);
}
await mkdir("dist", { recursive: true });
const head = "The extension contains these packages, each under its own licence.\n\n";
await writeFile("dist/THIRD_PARTY_LICENSES.txt", head + texts.join("\n" + "-".repeat(80) + "\n\n"));
