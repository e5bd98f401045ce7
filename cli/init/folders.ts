/**
 * `init`: folders above what is made.
 *
 * @module
 */
import { mkdirSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";

/** Makes a folder and those above it. @returns how those that were missing are removed again, while they are empty */
export function makeFolders(path: string): () => void {
  const first = mkdirSync(path, { recursive: true, mode: 0o755 });
  return () => {
    if (first === undefined) return;
    for (let at = path; at.length >= first.length; at = dirname(at)) rmdirSync(at);
  };
}
