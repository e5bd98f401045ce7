/** The images that are kept in the repository are what their sources give. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inspectImage } from "../../backends/image.ts";
import { buildUnikernels } from "../unikernels/build.ts";

const root = join(import.meta.dirname, "..", "..");

/** The compiler that made the images: another one may choose other instructions for the same program. */
const madeBy = "12.2.0";

describe("examples", () => {
  for (const name of ["hello", "ticker"] as const) {
    it(`${name}.hvt is what its source gives`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "albatross-examples-"));
      try {
        const built = readFileSync((await buildUnikernels(folder, { target: "hvt" }))[name]);
        const kept = readFileSync(join(root, "examples", `${name}.hvt`));
        assert.deepEqual(inspectImage(kept), inspectImage(built));
        const version = spawnSync("gcc", ["-dumpfullversion"], { encoding: "utf8" }).stdout.trim();
        if (version === madeBy) assert.ok(kept.equals(built), "the image in examples/ is out of date: build it again");
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});
