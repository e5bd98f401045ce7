/**
 * `npm run build`: compiles `dist/albatross` for this host and links each role to it; with `-- --all`, also
 * `dist/albatross-SYSTEM` for every other system.
 *
 * The flags are those of the design: without the two `autoload` ones, a compiled program would run code that a
 * `bunfig.toml` or `.env` in the current directory names.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { linkedRoles } from "./roles.ts";
import { runtimeFor, type Target, targets } from "./runtimes.ts";
import { sourceDigest } from "./source-digest.ts";

const root = join(import.meta.dirname, "..");

/** Bytes of the executable for this host. */
export const EXECUTABLE_MAX = 115_000_000;

/**
 * How many levels of functions are compiled to bytecode ahead: one makes the quick start, the rest little but size. Without
 * any, a call of the client takes some milliseconds more, which is what happens when the program becomes too large.
 */
const BYTECODE_DEPTHS = [1, 0];

/** The compiler's flags. */
export function compileFlags(depth = 1): readonly string[] {
  // With splitting, a role loads the modules it needs, and not the `node:` modules of all others.
  const form = ["--compile", "--splitting", "--minify", "--bytecode", `--bytecode-depth=${depth}`, "--format=esm"];
  return [...form, "--no-compile-autoload-dotenv", "--no-compile-autoload-bunfig"];
}

/** Compiles into `file`. Output of a failing compiler is shown. */
function compile(file: string, depth: number, target: Target | undefined): void {
  const system =
    target === undefined ? [] : [`--target=bun-${target}`, `--compile-executable-path=${runtimeFor(target)}`];
  const made = spawnSync(
    process.execPath,
    [
      ...["build", ...compileFlags(depth), ...system],
      ...["--define", `ALBATROSS_BUILD=${JSON.stringify(sourceDigest(root))}`],
      ...[join(root, "main.ts"), "--outfile", file],
    ],
    { cwd: root, encoding: "utf8" },
  );
  if (made.status === 0) return;
  process.stderr.write(`${made.stdout}${made.stderr}`);
  throw new Error("Cannot compile the executable: the compiler's messages are above");
}

/** Compiles the executable for this host, or for another system. @returns its path */
export function buildOne(folder: string, target?: Target): string {
  mkdirSync(folder, { recursive: true });
  // The compiler puts the name of the output file into it: always the same one, so that builds are reproducible.
  const work = mkdtempSync(join(folder, ".build-"));
  try {
    const draft = join(work, "albatross");
    for (const depth of BYTECODE_DEPTHS) {
      compile(draft, depth, target);
      if (statSync(draft).size < EXECUTABLE_MAX) break;
    }
    const file = join(folder, target === undefined ? "albatross" : `albatross-${target}`);
    renameSync(draft, file); // whoever runs the old one keeps it
    return file;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Compiles the program for this host and makes the links; gives the folder. */
export function build(folder: string = join(root, "dist")): string {
  buildOne(folder);
  makeLinks(folder);
  return folder;
}

/** Makes the links of all roles: each is there at any time, also while another build makes it. */
export function makeLinks(folder: string): void {
  const work = mkdtempSync(join(folder, ".build-"));
  try {
    for (const role of linkedRoles) {
      symlinkSync("albatross", join(work, role));
      renameSync(join(work, role), join(folder, role));
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function report(file: string, start: number, what = ""): void {
  const megabytes = (statSync(join(root, "dist", file)).size / 1e6).toFixed(1);
  console.log(`dist/${file} (${megabytes} MB)${what}, in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** Builds for all systems: those whose runtime cannot be had are named, and left out. @returns whether all were built */
function buildAll(): boolean {
  let complete = true;
  for (const target of Object.keys(targets) as Target[]) {
    const start = performance.now();
    try {
      buildOne(join(root, "dist"), target);
      report(`albatross-${target}`, start);
    } catch (error) {
      console.error(`dist/albatross-${target} is not built: ${error instanceof Error ? error.message : error}`);
      complete = false;
    }
  }
  return complete;
}

if (import.meta.main) {
  const start = performance.now();
  build();
  report("albatross", start, ` with ${linkedRoles.join(", ")}`);
  if (process.argv.includes("--all") && !buildAll()) process.exit(1);
}
