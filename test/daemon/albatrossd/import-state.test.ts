/** State files of the original, of every version, taken over into an empty database. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inflateSync } from "node:zlib";
import type { UnikernelArguments } from "../../../core/unikernel.ts";
import { decodeState } from "../../../core/wire/state.ts";
import { ImageStore } from "../../../daemon/albatrossd/images.ts";
import { importState } from "../../../daemon/albatrossd/import-state.ts";
import { Store } from "../../../daemon/albatrossd/store.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { unhex, vectorList } from "../../support/vectors.ts";

/** What is no zlib stream is kept as it is. */
function uncompressed(bytes: Uint8Array): Uint8Array {
  try {
    return inflateSync(bytes);
  } catch {
    return bytes;
  }
}

/** Devices are a set in all forms but the oldest. */
function inOrder(given: UnikernelArguments): UnikernelArguments {
  return { ...given, networks: [...given.networks].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

interface Importing {
  readonly folder: string;
  readonly store: Store;
  readonly images: ImageStore;
  /** Imports what is there. */
  run(): Promise<void>;
  log: string;
}

async function importing(state: Uint8Array | undefined, action: (what: Importing) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "albatross-import-"));
  const store = new Store(join(folder, "albatross.sqlite"), "id");
  const images = new ImageStore(folder);
  const what: Importing = {
    folder,
    store,
    images,
    log: "",
    run: async () => {
      const write = (text: string) => {
        what.log += text;
      };
      await importState(folder, store, images, createLog("albatrossd", "debug", { write, writableLength: 0 }), () => 5);
    },
  };
  try {
    if (state !== undefined) writeFileSync(join(folder, "state"), state);
    await action(what);
  } finally {
    store.close();
    rmSync(folder, { recursive: true });
  }
}

describe("a state file of the original", () => {
  for (const vector of vectorList("state.json")) {
    const bytes = unhex(vector.hex ?? "");
    if (vector.error !== undefined) {
      it(`is refused as a whole: ${vector.description}`, async () => {
        await importing(bytes, async (what) => {
          await assert.rejects(
            what.run(),
            /^Error: Cannot import .*\/state: .*Nothing was started; repair the file, or move it away$/s,
          );
          assert.equal(what.store.importDue, true, "the next start looks again");
          assert.deepEqual(what.store.load(), { policies: [], unikernels: [] });
          assert.deepEqual(readdirSync(join(what.folder, "images")), []);
        });
      });
      continue;
    }
    it(`is taken over: ${vector.description}`, async () => {
      const expected = decodeState(bytes);
      await importing(bytes, async (what) => {
        await what.run();
        assert.equal(what.store.importDue, false);
        const { unikernels, policies } = what.store.load();
        const sorted = <T extends { name: { text: string } }>(list: readonly T[]) =>
          [...list].sort((a, b) => (a.name.text < b.name.text ? -1 : 1));
        assert.deepEqual(
          sorted(unikernels).map(({ name, spec, run }) => [name.text, spec.type, inOrder(spec.arguments), run]),
          sorted(expected.unikernels).map(({ name, value }) => {
            const { type, compressed: _compressed, image: _image, ...given } = value;
            return [name.text, type, inOrder(given), undefined];
          }),
        );
        for (const { name, value } of expected.unikernels) {
          const stored = unikernels.find((one) => one.name.text === name.text)?.spec.image;
          if (value.type !== "solo5") {
            assert.equal(stored, undefined);
            continue;
          }
          const image = value.compressed ? uncompressed(value.image) : value.image;
          assert.equal(stored?.sha256, createHash("sha256").update(image).digest("hex"));
          assert.ok(Buffer.from(image).equals(readFileSync(what.images.pathOf(stored?.sha256 ?? ""))));
        }
        const paths = expected.policies.filter(({ name }) => name.labels.length > 0);
        assert.deepEqual(
          sorted(policies).map(({ name, policy }) => [name.labels, name.isPath, policy]),
          sorted(paths).map(({ name, value }) => [name.labels, true, value]),
        );
        assert.match(what.log, /imported \d+ unikernels and \d+ policies from/);
        assert.ok(existsSync(join(what.folder, "state")));
        // A later state file is not ours to take.
        writeFileSync(join(what.folder, "state"), "changed");
        await what.run();
      });
    });
  }

  it("that is cut anywhere is refused as a whole", async () => {
    const [, vector] = vectorList("state.json");
    const bytes = unhex(vector?.hex ?? "");
    for (let length = 0; length < bytes.length; length += 97) {
      await importing(bytes.subarray(0, length), async (what) => {
        await assert.rejects(what.run(), /Cannot import/);
        assert.deepEqual(what.store.load().unikernels, []);
      });
    }
  });

  it("that is missing beside its predecessor, as after an interrupted change, is not taken for none", async () => {
    await importing(undefined, async (what) => {
      const backup = join(what.folder, "state.bak");
      const [, vector] = vectorList("state.json");
      writeFileSync(backup, unhex(vector?.hex ?? ""));
      await assert.rejects(
        what.run(),
        /state: it is missing, but .*state\.bak is there.*Nothing was started; rename /s,
      );
      assert.equal(what.store.importDue, true);
      renameSync(backup, join(what.folder, "state"));
      await what.run();
      assert.ok(what.store.load().unikernels.length > 0);
    });
  });

  it("that is not there is looked for once only", async () => {
    await importing(undefined, async (what) => {
      await what.run();
      assert.match(what.log, /no state dump found, starting with no unikernels/);
      assert.equal(what.store.importDue, false);
    });
  });
});
