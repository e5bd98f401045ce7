/**
 * The manual pages that packages install. After a wanted change: `UPDATE_GOLDEN=1 bun test test/tools/manuals.test.ts`,
 * and read the difference.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { renderRoff } from "../../cli/help/render-roff.ts";
import { allManuals } from "../../tools/manuals.ts";

const manuals = await allManuals();
const golden = join(import.meta.dirname, "golden");

describe("manual pages", () => {
  // One of a command, one of a daemon.
  for (const title of ["albatross-client-rollback", "albatross-console"]) {
    it(`${title} is as it was`, () => {
      const manual = manuals.find((one) => one.title === title);
      assert.ok(manual);
      const text = renderRoff(manual);
      const file = join(golden, `${title}.1`);
      if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(file, text);
      assert.equal(text, readFileSync(file, "utf8"));
    });
  }

  it("contain no line that roff would take for a request, nor a bare hyphen", () => {
    for (const text of manuals.map(renderRoff)) {
      for (const line of text.split("\n")) {
        assert.match(line, /^(\.(TH|SH|TP|PP)\b|[^.']|$)/);
        if (!line.startsWith(".TH")) assert.doesNotMatch(line, /(^|[^\\])-/);
      }
    }
  });

  it("have titles of their own, and say in a line what they are about", () => {
    assert.equal(new Set(manuals.map(({ title }) => title)).size, manuals.length);
    for (const { title, summary } of manuals) assert.match(summary, /^[^\n]{3,120}$/, title);
  });
});
