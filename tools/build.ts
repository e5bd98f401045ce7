/**
 * `npm run build`: compiles `dist/albatross` for this host and links each role to it.
 *
 * The flags are those of the design: without the two `autoload` ones, a compiled program would run code that a
 * `bunfig.toml` or `.env` in the current directory names.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { linkedRoles } from "./roles.ts";

const root = join(import.meta.dirname, "..");

/** Compiles the program and makes the links; gives the folder. Output of a failing compiler is shown. */
export function build(folder: string = join(root, "dist")): string {
  mkdirSync(folder, { recursive: true });
  // The compiler puts the name of the output file into it: always the same one, so that builds are reproducible.
  const work = join(folder, ".build");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  // With splitting, a role loads the modules it needs, and not the `node:` modules of all others.
  const flags = ["--compile", "--splitting", "--minify", "--bytecode", "--format=esm", "--no-compile-autoload-dotenv"];
  const made = spawnSync(
    process.execPath,
    ["build", ...flags, "--no-compile-autoload-bunfig", join(root, "main.ts"), "--outfile", join(work, "albatross")],
    { cwd: root, encoding: "utf8" },
  );
  if (made.status !== 0) {
    process.stderr.write(`${made.stdout}${made.stderr}`);
    throw new Error("Cannot compile the executable: the compiler's messages are above");
  }
  const target = join(folder, "albatross");
  renameSync(join(work, "albatross"), target); // whoever runs the old one keeps it
  rmSync(work, { recursive: true, force: true });
  for (const role of linkedRoles) {
    const link = join(folder, role);
    if (existsSync(link)) rmSync(link);
    symlinkSync("albatross", link);
  }
  return folder;
}

if (import.meta.main) {
  const start = performance.now();
  const folder = build();
  const megabytes = (statSync(join(folder, "albatross")).size / 1e6).toFixed(1);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`dist/albatross (${megabytes} MB) with ${linkedRoles.join(", ")}, in ${seconds} s`);
}
