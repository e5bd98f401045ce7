/** Everything public is documented, with examples. That these work is tested in `examples.test.ts`. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as everything from "../../mod.ts";
import { examplesIn, moduleText, publicSymbols } from "./documentation.ts";

const symbols = publicSymbols();
const imported = new Set(
  [...symbols.flatMap(({ name, text }) => examplesIn(name, text)), ...examplesIn("module", moduleText())].flatMap(
    ({ imports }) => imports,
  ),
);

describe("the documentation", () => {
  it("is about everything that the module has at run time", () => {
    const names = symbols.map(({ name }) => name);
    for (const name of Object.keys(everything)) assert.ok(names.includes(name), `${name} was not found in mod.ts`);
    const methods = Object.getOwnPropertyNames(everything.Name.prototype);
    assert.ok(methods.includes("isWithin") && names.includes("Name.isWithin"));
    for (const method of ["Albatross.info", "Albatross.console", "Policies.add", "Blocks.dump"]) {
      assert.ok(names.includes(method), `${method} was not found`);
    }
  });

  for (const symbol of symbols) {
    const { name, kind, text, parameters, returns } = symbol;
    it(`tells of ${name}`, () => {
      const [sentence = ""] = text.split(/^@/m);
      assert.match(sentence, /^[A-Z0-9`][\s\S]{10,}[.!:]\s*$/, "it begins with a sentence");
      if (kind === "function" || kind === "method") {
        assert.ok(examplesIn(name, text).length > 0, "it has an example");
        for (const parameter of parameters) {
          assert.match(text, new RegExp(`^@param ${parameter} \\S`, "m"), `it tells of ${parameter}`);
        }
        if (returns) assert.match(text, /^@returns \S/m);
        if (!/^(?:Name\.|isLabel)/.test(name)) assert.match(text, /^@throws \{\w+\}/m);
      } else {
        assert.ok(imported.has(name), "no example uses it");
      }
    });
  }
});
