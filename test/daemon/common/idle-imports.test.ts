/** What daemons load when they are started; `runtime/late-modules.ts` says why it matters. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..", "..");
const late = ["crypto", "http", "https", "net", "readline", "stream", "tls", "tty", "util", "zlib"].map(
  (name) => `node:${name}`,
);

/** Imports and re-exports that are carried out when a module is loaded: neither `import()` nor those of types. */
const pattern = /^(?:import|export)\s(?!type\s)[^;]*?from\s+"([^"]+)"/gms;

/** The modules of the runtime that are loaded with a file, each with the file that imports it. */
function loadedWith(file: string, seen = new Set<string>()): readonly string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  return [...readFileSync(file, "utf8").matchAll(pattern)].flatMap(([, specifier = ""]) =>
    specifier.startsWith(".")
      ? loadedWith(join(dirname(file), specifier), seen)
      : [`${specifier} by ${relative(root, file)}`],
  );
}

describe("a daemon that is started", () => {
  for (const role of ["albatrossd", "console", "stats", "log", "influx", "tls-endpoint"]) {
    it(`loads nothing large of the runtime: ${role}`, () => {
      const loaded = loadedWith(join(root, "daemon", role, "main.ts"));
      assert.ok(loaded.some((line) => line.startsWith("node:fs by ")));
      assert.deepEqual(
        loaded.filter((line) => late.some((name) => line.startsWith(`${name} `))),
        [],
      );
    });
  }
});
