/**
 * The digest of everything that an executable is made of, which it tells by `--version -v`.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";

/** What goes into an executable: folders of sources, and files. The last one names all that is not ours, by digest. */
const folders = ["backends", "cli", "client", "core", "daemon", "host", "pki", "plugins", "runtime"];
const files = ["main.ts", "tools/build.ts", "package-lock.json"];

/** The SHA-256 of the sources below `root`, in hex: of their names, lengths and contents, in the order of the names. */
export function sourceDigest(root: string): string {
  const sources = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => [folder, ...file.split(sep)].join("/")),
  );
  const hash = createHash("sha256");
  for (const file of [...sources, ...files].sort()) {
    const content = readFileSync(join(root, file));
    hash.update(`${file}\0${content.length}\0`);
    hash.update(content);
  }
  return hash.digest("hex");
}
