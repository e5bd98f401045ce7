/** The database as a dump, and the way back to the original: from its state file, through ours, to an equal one. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { inflateSync } from "node:zlib";
import { EXPORT_ATTEMPTS_MAX } from "../../../cli/export-state.ts";
import { parseName } from "../../../core/name.ts";
import type { UnikernelConfig } from "../../../core/unikernel.ts";
import type { BackendType } from "../../../core/unikernel-type.ts";
import { decodeState, encodeState, encodeStateAround, type StateFile } from "../../../core/wire/state.ts";
import { ImageStore } from "../../../daemon/albatrossd/images.ts";
import { importState } from "../../../daemon/albatrossd/import-state.ts";
import { Store } from "../../../daemon/albatrossd/store.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { runClient } from "../../cli/run-client.ts";
import { plain } from "../../end-to-end/harness.ts";
import { unhex, vectorList } from "../../support/vectors.ts";

const quiet = createLog("albatrossd", "quiet", { write: () => undefined, writableLength: 0 });

/** A database directory into which a state file was imported. `open`: albatrossd still has the database open. */
async function imported(state: Uint8Array, open: boolean, action: (folder: string, store: Store) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), "albatross-export-"));
  const store = new Store(join(folder, "albatross.sqlite"), "id");
  try {
    writeFileSync(join(folder, "state"), state);
    await importState(folder, store, new ImageStore(folder), quiet, () => 5);
    rmSync(join(folder, "state"));
    if (!open) store.close();
    await action(folder, store);
  } finally {
    if (open) store.close();
    rmSync(folder, { recursive: true });
  }
}

/** As it can come back: images uncompressed where they can be, paths as paths. */
function expected({ unikernels, policies }: StateFile): StateFile {
  const uncompressed = (value: UnikernelConfig): UnikernelConfig => {
    if (value.type !== "solo5") return { ...value, compressed: false, image: new Uint8Array() };
    let { image } = value;
    try {
      if (value.compressed) image = new Uint8Array(inflateSync(value.image));
    } catch {
      // is kept as it is
    }
    return { ...value, compressed: false, image };
  };
  return {
    unikernels: unikernels.map(({ name, value }) => ({ name, value: uncompressed(value) })),
    policies: policies.map(({ name, value }) => ({ name: parseName(`${name.labels.join(":")}:`), value })),
  };
}

const client = (folder: string, ...words: readonly string[]) =>
  runClient([...words, `--dbdir=${folder}`], { env: { TMPDIR: folder } });

describe("export-state", () => {
  for (const vector of vectorList("state.json").filter(({ error }) => error === undefined)) {
    for (const open of [false, true]) {
      it(`gives back ${vector.description}${open ? ", while the database is open" : ""}`, async () => {
        const state = decodeState(unhex(vector.hex ?? ""));
        await imported(unhex(vector.hex ?? ""), open, async (folder) => {
          const before = readdirSync(folder);
          const { status, stdout, stderr } = await client(folder, "export-state");
          const counts = `${state.unikernels.length} unikernels and ${state.policies.length} policies`;
          assert.deepEqual(
            { status, stdout, stderr },
            { status: 0, stdout: `exported ${counts} to ${folder}/state\n`, stderr: "" },
          );
          const bytes = readFileSync(join(folder, "state"));
          assert.ok(Buffer.from(encodeState(expected(state))).equals(bytes), "another structure");
          assert.equal(statSync(join(folder, "state")).mode & 0o777, 0o600);
          assert.deepEqual(readdirSync(folder).sort(), [...before, "state"].sort(), "nothing else appears");
        });
      });
    }
  }

  const config = (words: readonly string[], size: number): UnikernelConfig => ({
    ...plain({ words }),
    type: "solo5",
    compressed: false,
    image: new Uint8Array(size).fill(size % 251),
  });
  const sample = (sizes: readonly number[]): StateFile => ({
    unikernels: sizes.map((size) => ({ name: parseName(`u${size}`), value: config([`${size}`], size) })),
    policies: [],
  });

  it("has the lengths right at every border of a length", () => {
    for (const size of [0, 1, 90, 100, 126, 127, 128, 129, 200, 255, 256, 257, 65_400, 65_535, 65_536, 2 ** 24]) {
      const state = sample([size, 5]);
      const parts = encodeStateAround({
        ...state,
        unikernels: state.unikernels.map(({ name, value }) => ({
          name,
          value: { ...value, image: new Uint8Array(), imageSize: value.image.length },
        })),
      });
      const images = new Map(state.unikernels.map(({ name, value }) => [name.text, value.image]));
      const whole = Buffer.concat(
        parts.map((part) => (part instanceof Uint8Array ? part : (images.get(part.imageOf.text) ?? assert.fail()))),
      );
      assert.ok(whole.equals(encodeState(state)), `${size}`);
    }
  });

  it("replaces an existing file by force only", async () => {
    await imported(encodeState(sample([10])), false, async (folder) => {
      writeFileSync(join(folder, "state"), "precious");
      const refused = await client(folder, "export-state");
      assert.equal(refused.status, 124);
      assert.match(refused.stdout, /state exists already: replace it with --force/);
      assert.equal(readFileSync(join(folder, "state"), "utf8"), "precious");
      assert.equal((await client(folder, "export-state", "--force", "--json")).status, 0);
      assert.equal(decodeState(readFileSync(join(folder, "state"))).unikernels.length, 1);
      assert.equal((await client(folder, "export-state", `--file=${folder}/other`)).status, 0);
    });
  });

  it("writes nothing if an image is missing, cut or damaged", async () => {
    for (const [damage, text] of [
      [(file: string) => rmSync(file), /the image of \[unikernel: :u10\] cannot be read/],
      [(file: string) => writeFileSync(file, "short"), /is not as long as it should be/],
      [(file: string) => writeFileSync(file, "0123456789ab"), /is not as long as it should be/],
      [(file: string) => writeFileSync(file, "0123456789"), /is damaged/],
    ] as const) {
      await imported(encodeState(sample([10])), false, async (folder) => {
        const [image = ""] = readdirSync(join(folder, "images"));
        damage(join(folder, "images", image));
        const before = readdirSync(folder);
        const { status, stdout } = await client(folder, "export-state");
        assert.equal(status, 124);
        assert.match(stdout, text);
        assert.deepEqual(readdirSync(folder), before);
      });
    }
    assert.ok(EXPORT_ATTEMPTS_MAX > 1);
  });

  it("says what is missing, and fails where it cannot write", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-export-"));
    try {
      const { status, stdout } = await client(folder, "export-state");
      assert.deepEqual([status, readdirSync(folder)], [124, []]);
      assert.match(stdout, /there is no database of albatrossd at /);
    } finally {
      rmSync(folder, { recursive: true });
    }
    await imported(encodeState(sample([10])), false, async (other) => {
      const { status, stdout } = await client(other, "export-state", `--file=${other}/missing/state`);
      assert.equal(status, 124);
      assert.match(stdout, /Cannot write .*missing\/state/);
    });
  });

  it("leaves out, and names, what the original does not know", async () => {
    await imported(encodeState(sample([10])), true, async (folder, store) => {
      const spec = { type: "other" as BackendType, image: undefined, arguments: plain() };
      const name = parseName("other");
      const unikernel = { name, spec, arguments: plain(), phase: { kind: "starting" } as const };
      const state = {
        unikernels: new Map([
          [name.key, { ...unikernel, restarts: 0, failures: 0, startedAt: 0, lastExit: undefined }],
        ]),
      };
      store.record([{ kind: "unikernel-restored", name, spec, restarts: 0 }], state as never);
      const { status, stdout } = await client(folder, "export-state");
      assert.equal(status, 0);
      assert.match(stdout, /\[WARNING\] \[unikernel: :other\] is left out: the original does not know its type/);
      assert.match(stdout, /exported 1 unikernels and 0 policies/);
      assert.equal(decodeState(readFileSync(join(folder, "state"))).unikernels.length, 1);
    });
  });
});

describe("the database", () => {
  it("is shown as a state file is, and gives images, while it is open or not", async () => {
    const [, vector] = vectorList("state.json");
    const state = decodeState(unhex(vector?.hex ?? ""));
    for (const open of [false, true]) {
      await imported(unhex(vector?.hex ?? ""), open, async (folder) => {
        const before = readdirSync(folder).sort();
        const shown = await client(folder, "inspect-dump", "-vv");
        writeFileSync(join(folder, "state"), encodeState(expected(state)));
        const original = await client(folder, "inspect-dump", "--file=state", "-vv");
        assert.deepEqual(shown, original);
        const [first] = expected(state).unikernels.filter(({ value }) => value.type === "solo5");
        const extracted = await client(folder, "extract-dump", first?.name.text ?? "");
        assert.equal(extracted.status, 0, extracted.stdout);
        const file = /^dumped image to (.*)$/m.exec(extracted.stdout)?.[1] ?? "";
        assert.ok(Buffer.from(first?.value.image ?? []).equals(readFileSync(file)));
        rmSync(file);
        rmSync(join(folder, "state"));
        assert.deepEqual(readdirSync(folder).sort(), before, "no file appears beside it");
      });
    }
  });

  it("whose image is gone gives none, and leaves no file", async () => {
    const [, vector] = vectorList("state.json");
    await imported(unhex(vector?.hex ?? ""), false, async (folder) => {
      const { unikernels } = decodeState(unhex(vector?.hex ?? ""));
      const name = unikernels.find(({ value }) => value.type === "solo5")?.name.text ?? "";
      rmSync(join(folder, "images"), { recursive: true });
      const before = readdirSync(folder);
      const { status, stdout } = await client(folder, "extract-dump", name);
      assert.equal(status, 124, stdout);
      assert.match(stdout, /\[ERROR\] error while reading dump file: ENOENT/);
      assert.deepEqual(readdirSync(folder), before);
    });
  });

  it("of a newer layout is refused", async () => {
    await imported(encodeState({ unikernels: [], policies: [] }), false, async (folder) => {
      const { DatabaseSync } = await import("node:sqlite");
      const database = new DatabaseSync(join(folder, "albatross.sqlite"));
      database.exec("UPDATE meta SET value = '99' WHERE key = 'schema'");
      database.close();
      for (const command of ["inspect-dump", "export-state"]) {
        const { status, stdout } = await client(folder, command);
        assert.equal(status, 124);
        assert.match(stdout, /couldn't parse dump file: .*its layout has version 99, this program knows \d+/);
      }
    });
  });

  it("of the first layout is read as it is", async () => {
    await imported(encodeState({ unikernels: [], policies: [] }), false, async (folder) => {
      const { DatabaseSync } = await import("node:sqlite");
      const database = new DatabaseSync(join(folder, "albatross.sqlite"));
      database.exec("DROP TABLE revisions; UPDATE meta SET value = '1' WHERE key = 'schema'");
      database.close();
      assert.equal((await client(folder, "inspect-dump")).stdout, "parsed 0 unikernels:\nparsed 0 policies:\n");
    });
  });
});
