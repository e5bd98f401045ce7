/**
 * `npm test`: everything. Ends with the line `N passed, N failed`, from the real counts.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { build } from "./build.ts";
import { checkAll } from "./check.ts";
import { ensurePackages, testNeeds } from "./debian.ts";
import { endAllPrograms, type Finished, runProgram } from "./run-program.ts";

const root = join(import.meta.dirname, "..");

/** Milliseconds that a single test may take, where the runtime can end it: Bun, unless it waits for a program. */
const TEST_TIMEOUT_MS = 120_000;

/** Milliseconds that a file of tests may take; it is ended with all that it started, and has failed. */
const FILE_TIMEOUT_MS = 600_000;

/** Milliseconds that what a file has started may go on after its end. */
const LEFTOVER_TIMEOUT_MS = 10_000;

/** Folders below `test/` that hold no tests. */
const withoutTests: readonly string[] = ["vectors", "unikernels", "support"];

/** Test files that run at the same time, at most; as many as there are processors otherwise. */
const WORKERS_MAX = 4;

/** Folders and files whose tests also run on Deno, since what they test is used there. */
const denoTests = [
  "test/core",
  "test/pki",
  "test/client",
  "test/cli",
  "test/mod",
  "test/backends/collectors.test.ts",
  "test/backends/freebsd-stats.test.ts",
  "test/backends/bhyve-stats.test.ts",
  "test/daemon/common/flags.test.ts",
  "test/daemon/common/log.test.ts",
  "test/daemon/console/ring.test.ts",
  "test/daemon/console/registry.test.ts",
  "test/daemon/console/line-splitter.test.ts",
  "test/daemon/console/subscriber.test.ts",
];

/**
 * Tests that may be skipped, each for something that no package of Debian can give. Any other skipped test counts as
 * failed.
 */
const optionalTests: readonly { readonly name: RegExp; readonly reason: string }[] = [
  { name: /solo5-(hvt|spt)/, reason: "Solo5's own tenders are in no package; they are tried where they are installed" },
  { name: /SSE registers/, reason: "software-assisted KVM cannot run SSE; the emulated CPU and spt can" },
  { name: /our own key is broken/, reason: "Deno takes a broken key for none at all; the test runs on Bun" },
  { name: /KVM.s counters/, reason: "needs a kernel with KVM and debugfs" },
  { name: /btrfs/, reason: "needs btrfs and loop devices, which only a kernel can give" },
  { name: /exemption from being killed/, reason: "needs the capability SYS_RESOURCE" },
];

/** Files that may have nothing to run, for the same reasons. */
const optionalFiles: readonly RegExp[] = [/tender\/cpu-peer\.test\.ts$/];

function isOptional(name: string): boolean {
  return optionalTests.some((test) => test.name.test(name));
}

interface Counts {
  passed: number;
  failed: number;
}

/** Runs a program of tests. What runs at the same time is not mixed: what it printed is shown at the end. */
async function run(label: string, command: string, args: readonly string[]): Promise<Finished> {
  // The tests from end to end run what is shipped.
  const env = { ...process.env, NO_COLOR: "1", ALBATROSS_PROGRAMS: join(root, "dist") }; // the counts are read from the output
  const limits = { timeout: FILE_TIMEOUT_MS, leftoverTimeout: LEFTOVER_TIMEOUT_MS };
  const finished = await runProgram({ command, args, cwd: root, env, ...limits });
  process.stdout.write(finished.output);
  for (const trouble of finished.troubles) console.log(`FAILED: ${label} ${trouble}`);
  return finished;
}

function lastNumber(output: string, pattern: RegExp): number {
  return Number([...output.matchAll(pattern)].at(-1)?.[1] ?? 0);
}

/** Counts of a run; a skipped test counts as failed unless it is optional, and so does a run that names no test. */
function count(output: string, status: number, passed: RegExp, failed: RegExp, skipped: readonly string[]): Counts {
  const required = skipped.filter((name) => !isOptional(name));
  for (const name of required) console.log(`A required test was skipped: ${name}`);
  const counts = { passed: lastNumber(output, passed), failed: lastNumber(output, failed) + required.length };
  if (counts.failed === 0 && (status !== 0 || counts.passed === 0)) counts.failed = 1;
  return counts;
}

/** The files of tests below a folder, or that file. */
function testFiles(path: string): readonly string[] {
  if (path.endsWith(".test.ts")) return [`./${path}`];
  return readdirSync(join(root, path), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".test.ts"))
    .sort()
    .map((file) => `./${path}/${file}`);
}

/** A file on Bun. Each has a process of its own: what one leaves behind, a descriptor about to be closed say, is no other's. */
async function bunTest(file: string): Promise<Counts> {
  const { output, status } = await run(file, process.execPath, ["test", `--timeout=${TEST_TIMEOUT_MS}`, file]);
  const nothing = { passed: 0, failed: 0 };
  if (status === 0 && /^Ran 0 tests/m.test(output) && optionalFiles.some((name) => name.test(file))) return nothing;
  const skipped = new Set(
    [...output.matchAll(/^\((?:skip|todo)\) (.*?)(?: \[[\d.]+ms\])?$/gm)].map(([, name = ""]) => name),
  );
  return count(output, status, /^ *(\d+) pass$/gm, /^ *(\d+) fail$/gm, [...skipped]);
}

/** A file on Deno, in a process of its own, too. */
async function denoTest(file: string): Promise<Counts> {
  const deno = join(root, "node_modules", ".bin", "deno");
  const { output, status } = await run(`${file} on Deno`, deno, ["test", "--no-check", "-A", file]);
  const skipped = [...output.matchAll(/^(.*) \.\.\. ignored/gm)].map(([, name = ""]) => name);
  return count(output, status, /\| (\d+) passed/g, /\| (\d+) failed/g, skipped);
}

/** What is run: a name, and how. */
interface Job {
  readonly label: string;
  readonly work: () => Promise<Counts>;
}

/** Runs jobs, a few at a time, in their order; gives the counts by label. */
async function runJobs(jobs: readonly Job[]): Promise<ReadonlyMap<string, Counts>> {
  const totals = new Map<string, Counts>();
  const queue = [...jobs];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const { passed, failed } = await job.work();
      const total = totals.get(job.label) ?? { passed: 0, failed: 0 };
      totals.set(job.label, { passed: total.passed + passed, failed: total.failed + failed });
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), WORKERS_MAX) }, worker));
  return totals;
}

async function main(): Promise<number> {
  if (!ensurePackages(testNeeds)) return 1;
  const start = performance.now();
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
    .filter((entry) => entry.isDirectory() && !withoutTests.includes(entry.name))
    .map((entry) => `test/${entry.name}`)
    .sort();
  const jobs: readonly Job[] = [
    ...folders.flatMap((folder) =>
      testFiles(folder).map((file) => ({ label: `${folder} on Bun`, work: () => bunTest(file) })),
    ),
    ...denoTests.flatMap(testFiles).map((file) => ({ label: "shared parts on Deno", work: () => denoTest(file) })),
  ];
  for (const [label, counts] of await runJobs(jobs)) add(label, counts);
  console.log(`in ${Math.round((performance.now() - start) / 1000)} s`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed === 0 ? 0 : 1;
}

for (const [signal, status] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const) {
  process.on(signal, () => {
    endAllPrograms();
    process.exit(status);
  });
}

process.exit(await main());
