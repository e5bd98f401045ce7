/** Every example in the documentation works: it has the right types, and ends well on a real host. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Example, examplesIn, moduleText, publicSymbols, root } from "./documentation.ts";
import { Stage } from "./stage.ts";

const examples: readonly Example[] = [
  ...examplesIn("module", moduleText()),
  ...publicSymbols().flatMap(({ name, text }) => examplesIn(name, text)),
];

describe("an example", () => {
  const stage = new Stage();
  before(() => stage.set());
  after(() => stage.close());

  it("has the types that it says", () => {
    mkdirSync(join(root, "dist"), { recursive: true });
    const directory = mkdtempSync(join(root, "dist", ".examples-")); // where the compiler finds the types of the runtimes
    try {
      for (const [at, { code }] of examples.entries()) writeFileSync(join(directory, `${at}.ts`), code);
      const compilerOptions = { paths: { albatross: [join(root, "mod.ts")] } };
      const config = { extends: join(root, "tsconfig.json"), compilerOptions, include: ["*.ts"], exclude: [] };
      writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
      const checked = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", directory], {
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.equal(checked.stdout, "");
      assert.equal(checked.status, 0, checked.stderr);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  for (const [at, { title, code }] of examples.entries()) {
    it(`works: ${title}`, async () => {
      await stage.reset();
      const file = join(stage.directory, `example-${at}.ts`);
      writeFileSync(file, stage.adapt(code));
      const { status, stdout, stderr } = await stage.run(file);
      assert.equal(status, 0, `${code}\n${stdout}\n${stderr}`);
      for (const [, expected = ""] of code.matchAll(/console\.log\(.*\); \/\/ ([^…\n]*)$/gm)) {
        assert.ok(stdout.includes(expected), `it prints ${stdout} instead of ${expected}`);
      }
    });
  }
});
