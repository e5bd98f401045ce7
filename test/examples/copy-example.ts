/**
 * Examples of plugins, as they are installed: a checkout may be writable by the group of whoever works on it.
 *
 * @module
 */
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const examples = join(import.meta.dirname, "..", "..", "examples");

/** Copies an example to a folder that nobody else can write, until this process ends. @returns its path */
export function copyExample(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), "example-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const copy = join(folder, name);
  cpSync(join(examples, name), copy, { recursive: true });
  const inside = statSync(copy).isDirectory() ? readdirSync(copy, { recursive: true, encoding: "utf8" }) : [];
  for (const entry of ["", ...inside]) {
    const path = join(copy, entry);
    chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
  }
  return copy;
}
