/**
 * Finds the Solo5 tender for a target and a version of the ABI (daemon.md 16).
 *
 * @module
 */
import { join, resolve } from "node:path";
import { type BackendHost, BackendRefusal } from "./backend.ts";
import { findProgram, isExecutable } from "./find-program.ts";
import { shellQuoted } from "./shell-word.ts";

/** The outcome of a search: the absolute path of a tender, or everything that was looked for. */
export type TenderSearch =
  | { readonly found: true; readonly path: string }
  | { readonly found: false; readonly lookedFor: readonly string[] };

/**
 * Looks for the tender of a target: the more exact name before the shorter one, each first in the database directory, then
 * in the search path. The option `--tender` takes the place of the search.
 */
export function searchTender(target: string, abiVersion: number, host: BackendHost): TenderSearch {
  if (host.tender !== undefined) {
    const path = resolve(host.tender);
    return isExecutable(path) ? { found: true, path } : { found: false, lookedFor: [host.tender] };
  }
  const lookedFor: string[] = [];
  for (const name of [`solo5-${target}.${abiVersion}`, `solo5-${target}`]) {
    const own = join(host.databaseDirectory, name);
    lookedFor.push(own, name);
    const path = isExecutable(own) ? resolve(own) : findProgram(name, host.path);
    if (path !== undefined) return { found: true, path };
  }
  return { found: false, lookedFor };
}

/** The refusal where there is no tender, in the original's words. */
export function tenderMissing(lookedFor: readonly string[]): BackendRefusal {
  return new BackendRefusal(tenderMissingText(lookedFor));
}

/** The original's words for a tender that is nowhere. */
export function tenderMissingText(lookedFor: readonly string[]): string {
  return `tender does not exist, looked for ${lookedFor.map(shellQuoted).join(", ")}`;
}
