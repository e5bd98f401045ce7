/**
 * How long importing the module takes: `bun bench/module.ts [runs]`, after `npm run build:module`.
 *
 * Each runtime starts in turn a program that is empty, one that imports `mod.ts`, and one that imports what is packed;
 * what is printed is the time within the program from before the import to after it, and the time of the whole program.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { quantile } from "./daemon-rig.ts";

const root = join(import.meta.dirname, "..");
const runs = Number(process.argv[2] ?? 30);
const directory = mkdtempSync(join(tmpdir(), "albatross-bench-"));

const runtimes = {
  bun: [process.execPath],
  deno: [
    join(root, "node_modules/.bin/deno"),
    "run",
    "-A",
    "--quiet",
    "--no-check",
    `--config=${join(root, "deno.json")}`,
  ],
};

const candidates = Object.entries({
  empty: "",
  "mod.ts": `await import(${JSON.stringify(pathToFileURL(join(root, "mod.ts")).href)});`,
  packed: `await import(${JSON.stringify(pathToFileURL(join(root, "dist/module/mod.js")).href)});`,
});

try {
  for (const [name, code] of candidates) {
    const timed = `const begin = performance.now();\n${code}\nconsole.log(performance.now() - begin);\n`;
    writeFileSync(join(directory, `${name.replace(/\W/g, "")}.ts`), timed);
  }
  for (const [runtime, [program = "", ...words]] of Object.entries(runtimes)) {
    const times = new Map(candidates.map(([name]) => [name, { within: [] as number[], whole: [] as number[] }]));
    for (let run = -2; run < runs; run++) {
      for (const [name, { within, whole }] of times) {
        const file = join(directory, `${name.replace(/\W/g, "")}.ts`);
        const begin = performance.now();
        const { stdout, stderr, status } = spawnSync(program, [...words, file], { encoding: "utf8" });
        const taken = performance.now() - begin;
        if (status !== 0) throw new Error(`${runtime} ${name} ended with ${status}: ${stderr}`);
        if (run < 0) continue; // caches
        within.push(Number(stdout));
        whole.push(taken);
      }
    }
    for (const [name, { within, whole }] of times) {
      const [median, fastest] = [quantile(within, 0.5), Math.min(...within)].map((time) => time.toFixed(1));
      console.log(
        `${runtime.padEnd(5)}${name.padEnd(8)}import median ${median} ms, fastest ${fastest} ms; program median ${quantile(whole, 0.5).toFixed(0)} ms`,
      );
    }
  }
} finally {
  rmSync(directory, { recursive: true });
}
