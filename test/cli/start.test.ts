/** What a call loads: nothing of certificates and TLS for a local daemon, whose client must start fast. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..");
const staticImport = /^(?:import|export) (?!type )(?:[^;"]*? from )?"([^"]+)";/gm;

/** Every file and package that is loaded with a file, dynamic imports left out. */
function loadedWith(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, target = ""] of readFileSync(join(root, file), "utf8").matchAll(staticImport)) {
    if (target.startsWith(".")) loadedWith(relative(root, join(root, dirname(file), target)), found);
    else found.add(target);
  }
  return found;
}

const costly =
  /^(?:node:(?:tls|crypto|net|zlib)|@peculiar\/|reflect-metadata|runtime\/tls|client\/(?:tls|remote|leaf))/;

/** Files of a few lines, which load nothing. */
const cheap = ["pki/key-type.ts", "pki/web-crypto.ts"];

describe("a call to a local daemon", () => {
  for (const action of ["info", "create", "destroy", "get", "console", "policy", "add-policy", "restart"]) {
    it(`${action}: loads nothing of certificates and TLS`, () => {
      const loaded = [...loadedWith(`cli/actions/${action}.ts`), ...loadedWith("cli/dispatch.ts")];
      assert.deepEqual(
        loaded.filter((file) => costly.test(file) || (file.startsWith("pki/") && !cheap.includes(file))),
        [],
      );
      assert.ok(loaded.includes("cli/values.ts"));
    });
  }

  it("loads no tables, completions, remotes, checks of the host or manuals that it does not show", () => {
    const seldom = /^(?:cli\/(?:tables|completion|remotes|doctor|init|top|help)\/|client\/remotes)/;
    for (const action of ["info", "policy", "create", "destroy"]) {
      const loaded = [...loadedWith(`cli/actions/${action}.ts`), ...loadedWith("cli/dispatch.ts")];
      assert.deepEqual(
        loaded.filter((file) => seldom.test(file)),
        [],
        action,
      );
    }
    assert.ok([...loadedWith("cli/actions/doctor.ts")].some((file) => seldom.test(file)));
  });

  it("is not judged by a check that sees nothing", () => {
    const loaded = loadedWith("cli/remote.ts");
    const some = ["pki/leaf.ts", "client/tls-connection.ts", "runtime/tls-socket-bun.ts"];
    for (const file of some) assert.ok(loaded.has(file), file);
  });
});

describe("a call to a remote host", () => {
  it("loads no library for TLS on Bun, which takes longer than the rest of it", () => {
    const loaded = [...loadedWith("cli/remote.ts")];
    assert.deepEqual(
      loaded.filter((file) => /^node:(?:tls|net|crypto)/.test(file)),
      [],
    );
    assert.ok(loadedWith("runtime/tls-socket-node.ts").has("node:tls"));
  });
});
