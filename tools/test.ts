/**
 * `npm test`: everything. Ends with the line `N passed, N failed`, from the real counts.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.ts";
import { checkAll } from "./check.ts";
import { ensurePackages, testNeeds } from "./debian.ts";

const root = join(import.meta.dirname, "..");

/** Milliseconds that a single test may take. */
const TEST_TIMEOUT_MS = 120_000;

/** Folders and files whose tests also run on Deno, since what they test is used there. */
const denoTests = ["test/core", "test/client"];

interface Counts {
  passed: number;
  failed: number;
}

/** Runs a program, showing its output, and gives that with its status. */
async function run(command: string, args: readonly string[]): Promise<{ output: string; status: number }> {
  const env = { ...process.env, NO_COLOR: "1" }; // the counts are read from the output
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env });
  let output = "";
  const show = (chunk: Buffer) => {
    output += chunk.toString();
    process.stdout.write(chunk);
  };
  child.stdout.on("data", show);
  child.stderr.on("data", show);
  return await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ output, status: status ?? 1 }));
  });
}

function lastNumber(output: string, pattern: RegExp): number {
  return Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
}

/** Counts of a run; a skipped test counts as failed, and so does a run that failed without naming a test. */
function count(output: string, status: number, passed: RegExp, failed: RegExp, skipped: RegExp): Counts {
  const counts = {
    passed: lastNumber(output, passed),
    failed: lastNumber(output, failed) + lastNumber(output, skipped),
  };
  if (counts.failed === 0 && (status !== 0 || counts.passed === 0)) counts.failed = 1;
  return counts;
}

async function bunTests(folder: string): Promise<Counts> {
  const { output, status } = await run(process.execPath, ["test", `--timeout=${TEST_TIMEOUT_MS}`, `./${folder}/`]);
  return count(output, status, /^ *(\d+) pass$/gm, /^ *(\d+) fail$/gm, /^ *(\d+) (?:skip|todo)$/gm);
}

async function denoRun(): Promise<Counts> {
  const deno = join(root, "node_modules", ".bin", "deno");
  const { output, status } = await run(deno, ["test", "--no-check", "-A", ...denoTests]);
  return count(output, status, /\| (\d+) passed/g, /\| (\d+) failed/g, /\| (\d+) ignored/g);
}

async function main(): Promise<number> {
  if (!ensurePackages(testNeeds)) return 1;
  const total: Counts = { passed: 0, failed: 0 };
  const add = (label: string, { passed, failed }: Counts) => {
    console.log(`== ${label}: ${passed} passed, ${failed} failed ==`);
    total.passed += passed;
    total.failed += failed;
  };
  for (const { name, complaints } of checkAll()) {
    if (complaints !== "") console.log(complaints);
    add(name, complaints === "" ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  }
  build();
  const folders = readdirSync(join(root, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "vectors" && entry.name !== "unikernels")
    .map((entry) => `test/${entry.name}`);
  for (const folder of folders) add(`${folder} on Bun`, await bunTests(folder));
  add("shared parts on Deno", await denoRun());
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

process.exit(await main());
