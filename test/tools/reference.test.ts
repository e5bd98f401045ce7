/** The committed reference is what the definitions give. After a change of them: `npm run reference`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { registry } from "../../cli/registry.ts";
import { reference, referenceFile } from "../../tools/reference.ts";
import { linkedRoles } from "../../tools/roles.ts";

const committed = readFileSync(referenceFile, "utf8");

describe("docs/reference.md", () => {
  it("is what the generator gives", async () => {
    assert.equal(committed, await reference(), "docs/reference.md is old: npm run reference");
  });

  it("has every command and every daemon, once", () => {
    const commands = [...registry.keys()].map((name) => `albatross-client ${name}`);
    const daemons = linkedRoles.filter((role) => role !== "albatross-client");
    for (const title of [...commands, ...daemons]) {
      assert.equal(committed.split(`\n### ${title}\n`).length, 2, title);
    }
  });
});
