/**
 * `npm run check`: format, lint, types on both runtimes, layers, and rules of the repository.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { VERSION } from "../core/version.ts";
import { checkLayers } from "./layers.ts";

const root = join(import.meta.dirname, "..");

function run(command: string, args: readonly string[]): { readonly ok: boolean; readonly output: string } {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  return { ok: result.status === 0, output: `${result.stdout}${result.stderr}${result.error?.message ?? ""}` };
}

function sources(): string[] {
  const listed = run("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.ts"]);
  return listed.output.split("\n").filter((file) => file !== "");
}

function repositoryRules(): string[] {
  const problems: string[] = [];
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  if (manifest.version !== VERSION) problems.push(`core/version.ts says ${VERSION}, package.json ${manifest.version}`);
  if (/"resolved"/.test(readFileSync(join(root, "package-lock.json"), "utf8"))) {
    problems.push("package-lock.json names addresses of a registry; run npm with the project's .npmrc");
  }
  return problems;
}

/** One check: its name, and its complaints. */
export interface CheckResult {
  readonly name: string;
  readonly complaints: string;
}

/** Runs every check. */
export function checkAll(): CheckResult[] {
  const bin = (name: string) => join(root, "node_modules", ".bin", name);
  const tool = (name: string, command: string, args: readonly string[]): CheckResult => {
    const { ok, output } = run(command, args);
    return { name, complaints: ok ? "" : output };
  };
  return [
    tool("format and lint", bin("biome"), ["check", "--error-on-warnings", "."]),
    tool("types", bin("tsc"), ["-p", "."]),
    { name: "layers", complaints: checkLayers(root, sources()).join("\n") },
    { name: "repository", complaints: repositoryRules().join("\n") },
  ];
}

if (import.meta.main) {
  let failed = false;
  for (const { name, complaints } of checkAll()) {
    console.log(`${complaints === "" ? "ok  " : "FAIL"} ${name}`);
    if (complaints !== "") console.log(complaints);
    failed ||= complaints !== "";
  }
  process.exit(failed ? 1 : 0);
}
