/**
 * Scripts that stand for tenders which cannot be had on purpose: of other versions, broken, hanging.
 *
 * @module
 */
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { BackendHost } from "../../backends/backend.ts";

/** Puts an executable script there. */
export function writeScript(path: string, body: string): string {
  mkdirSync(dirname(path), { recursive: true });
  // Moved into place: a script that is open for writing anywhere cannot be executed.
  writeFileSync(`${path}.draft`, `#!/bin/sh\n${body}\n`);
  chmodSync(`${path}.draft`, 0o755);
  renameSync(`${path}.draft`, path);
  return path;
}

/** A tender that answers for this version of the ABI, as the real ones do on standard error. */
export function versionScript(version: number | string): string {
  return `echo "solo5-hvt tender, version v0.12.1" >&2; echo "ABI version ${version}" >&2`;
}

/** A host without anything. */
export function emptyHost(changes: Partial<BackendHost> = {}): BackendHost {
  return {
    databaseDirectory: "/nonexistent/db",
    path: "/nonexistent/bin",
    tender: undefined,
    allowEmulation: false,
    self: ["/nonexistent/albatross"],
    ...changes,
  };
}
