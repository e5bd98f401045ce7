/** The database of albatrossd: what was recorded is there again, and damage is told, never mended in silence. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { apply } from "../../../core/engine/apply.ts";
import type { Event } from "../../../core/engine/event.ts";
import {
  ENDED_REVISIONS_MAX,
  REVISION_IMAGES_MAX,
  REVISIONS_MAX,
  type RevisionCommand,
} from "../../../core/engine/revisions.ts";
import { EMPTY_STATE, type Run, type State, type UnikernelSpec } from "../../../core/engine/state.ts";
import { Name, parseName } from "../../../core/name.ts";
import type { MacAddress } from "../../../core/unikernel.ts";
import { Store, StoreError } from "../../../daemon/albatrossd/store.ts";
import { SCHEMA_VERSION } from "../../../host/database/schema.ts";
import { plain } from "../../end-to-end/harness.ts";
import * as arbitrary from "../../support/arbitrary-messages.ts";

const run = (instance: string): Run => ({
  instance,
  pid: 4711,
  processStart: 123_456,
  bootId: "boot",
  startedAt: 1_700_000_000_000,
  taps: [{ tap: "vmmtap3", mac: "00:80:41:01:02:03" as MacAddress }],
  launcher: "solo5-hvt",
  ...(instance === "one" ? { machine: "alba-17" } : {}),
});
const image = { sha256: "ab".repeat(32), size: 77 };
const spec = (words: readonly string[]): UnikernelSpec => ({ type: "solo5", image, arguments: plain({ words }) });

describe("the database", () => {
  let folder: string;
  let file: string;
  const open: Store[] = [];
  const opened = (id = "id1") => {
    const store = new Store(file, id);
    open.push(store);
    return store;
  };
  const closed = <T>(action: (store: Store) => T): T => {
    const store = new Store(file, "other");
    try {
      return action(store);
    } finally {
      store.close();
    }
  };
  const record = (store: Store, state: State, ...events: Event[]): State => {
    const after = events.reduce(apply, state);
    store.record(events, after);
    return after;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "albatross-store-"));
    file = join(folder, "albatross.sqlite");
  });
  afterEach(() => {
    for (const store of open.splice(0)) store.close();
    rmSync(folder, { recursive: true });
  });

  it("is made once and keeps its id", () => {
    const first = opened("first");
    assert.equal(first.id, "first");
    assert.equal(first.importDue, true);
    assert.deepEqual(first.load(), { policies: [], unikernels: [] });
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.includes(".new")),
      [],
    );
    assert.equal(opened("second").id, "first");
  });

  it("remembers the life of a unikernel and of policies", () => {
    const store = opened();
    const name = parseName("foo:hello");
    const policy = { unikernels: 3, cpuIds: [0, 2], memory: 64, block: undefined, bridges: [] };
    const foo = parseName("foo:");
    let state = record(store, EMPTY_STATE, { kind: "policy-added", name: foo, policy });
    state = record(store, state, { kind: "policy-added", name: Name.root, policy });
    state = apply(state, { kind: "unikernel-admitted", name, spec: spec(["a"]) });
    state = record(store, state, { kind: "unikernel-started", name, run: run("one") });
    closed((again) => {
      const loaded = again.load();
      assert.deepEqual(loaded.policies, [{ name: foo, policy }], "that of the root is discovered, not remembered");
      assert.deepEqual(loaded.unikernels, [{ name, spec: spec(["a"]), restarts: 0, run: run("one") }]);
    });
    state = apply(state, {
      kind: "unikernel-exited",
      name,
      instance: "one",
      end: { kind: "exit", code: 2 },
      status: "exit 2",
      at: 5,
    });
    state = record(store, state, { kind: "unikernel-waiting", name, until: 9, reason: "exit 2", failures: 1 });
    closed((again) => assert.equal(again.load().unikernels[0]?.run, undefined));
    state = record(store, state, { kind: "unikernel-started", name, run: run("two") });
    state = record(store, state, { kind: "name-option-dropped", name });
    closed((again) => {
      const [loaded] = again.load().unikernels;
      assert.deepEqual([loaded?.run?.instance, loaded?.spec.arguments.addName], ["two", false]);
    });
    state = record(store, state, { kind: "policy-removed", name: foo }, { kind: "unikernel-removed", name });
    closed((again) => assert.deepEqual(again.load(), { policies: [], unikernels: [] }));
  });

  it("gives back every configuration and policy as it was", () => {
    const store = opened();
    const names = arbitrary.name.filter((name) => !name.isPath);
    fc.assert(
      fc.property(names, arbitrary.config, arbitrary.policy, (name, config, policy) => {
        const { type, compressed: _compressed, image: _image, ...given } = config;
        const wanted: UnikernelSpec = { type, image: type === "solo5" ? image : undefined, arguments: given };
        let state = record(store, EMPTY_STATE, { kind: "policy-added", name: parseName("p:"), policy });
        state = record(store, state, { kind: "unikernel-restored", name, spec: wanted, restarts: 3 });
        const loaded = store.load();
        assert.deepEqual(loaded.unikernels, [{ name, spec: wanted, restarts: 3, run: undefined }]);
        assert.deepEqual(loaded.policies, [{ name: parseName("p:"), policy }]);
        record(store, state, { kind: "unikernel-removed", name });
      }),
      { numRuns: 200 },
    );
  });

  it("records all of several events or none", () => {
    const store = opened();
    const name = parseName("x");
    const state = apply(EMPTY_STATE, { kind: "unikernel-admitted", name, spec: spec([]) });
    const started: Event = { kind: "unikernel-started", name, run: run("one") };
    const other = parseName("y");
    const both = apply(state, { kind: "unikernel-admitted", name: other, spec: spec([]) });
    const unwritable = { ...run("two"), pid: 1n as unknown as number };
    const impossible: Event = { kind: "unikernel-started", name: other, run: unwritable };
    const after = [started, impossible].reduce(apply, both);
    assert.throws(() => store.record([started, impossible], after), /^StoreError: cannot write to the database: /);
    assert.deepEqual(store.load().unikernels, []);
    record(store, state, started);
    assert.equal(store.load().unikernels.length, 1);
  });

  it("remembers that the state file was looked for", () => {
    const store = opened();
    const name = parseName("old");
    const event: Event = { kind: "unikernel-restored", name, spec: spec([]), restarts: 0 };
    store.recordImport([event], apply(EMPTY_STATE, event));
    assert.equal(store.importDue, false);
    closed((again) => {
      assert.equal(again.importDue, false);
      assert.deepEqual(
        again.load().unikernels.map((one) => one.name.text),
        [":old"],
      );
    });
  });

  it("is refused with advice when it is damaged, and left as it is", () => {
    const store = opened();
    let state = EMPTY_STATE;
    for (let at = 0; at < 200; at++) {
      const name = parseName(`u${at}`);
      state = apply(state, { kind: "unikernel-admitted", name, spec: spec(["x".repeat(500)]) });
      state = record(store, state, { kind: "unikernel-started", name, run: run(`i${at}`) });
    }
    store.close();
    open.splice(0);
    const good = readFileSync(file);
    assert.ok(good.length > 100_000);
    const patched = (at: number, bytes: Uint8Array) => {
      const copy = Uint8Array.from(good);
      copy.set(bytes, at);
      return copy;
    };
    const cases: [string, Uint8Array][] = [
      ["empty", new Uint8Array()],
      ["one byte", good.subarray(0, 1)],
      ["the header only", good.subarray(0, 100)],
      ["one page", good.subarray(0, 4096)],
      ["half", good.subarray(0, good.length / 2)],
      ["another header", patched(0, Buffer.from("something else"))],
      ["zeros within", patched(40_960, new Uint8Array(8_192))],
      ["noise within", patched(20_480, new Uint8Array(4_096).fill(0x5a))],
      ["a file of zeros", new Uint8Array(good.length)],
    ];
    for (const [what, bytes] of cases) {
      writeFileSync(file, bytes);
      assert.throws(
        () => new Store(file, "new").load(),
        (error) => {
          assert.ok(error instanceof StoreError, `${what}: ${error}`);
          assert.match(error.message, /^Cannot (use|read) .*Nothing was started; restore/s, what);
          return true;
        },
      );
      assert.ok(Buffer.from(bytes).equals(readFileSync(file)), what);
    }
    writeFileSync(file, good);
    closed((again) => assert.equal(again.load().unikernels.length, 200));
  });

  it("is refused when rows cannot be understood", () => {
    const store = opened();
    const name = parseName("here");
    const state = apply(EMPTY_STATE, { kind: "unikernel-admitted", name, spec: spec([]) });
    record(store, state, { kind: "unikernel-started", name, run: run("one") });
    const damage = (sql: string, text: RegExp) => {
      const database = new DatabaseSync(file);
      database.exec("BEGIN");
      database.exec("SAVEPOINT s");
      database.exec(sql);
      database.exec("COMMIT");
      database.close();
      assert.throws(() => store.load(), text);
      record(store, state, { kind: "unikernel-removed", name });
      record(store, state, { kind: "policy-removed", name: parseName("p:") });
      record(store, apply(state, { kind: "unikernel-started", name, run: run("one") }), {
        kind: "unikernel-started",
        name,
        run: run("one"),
      });
      assert.equal(store.load().unikernels.length, 1);
    };
    damage(
      "UPDATE unikernels SET config = x'3000'",
      /^StoreError: Cannot read the unikernel :here from the database: /,
    );
    damage("UPDATE unikernels SET run = 'nonsense'", /the unikernel :here/);
    damage("UPDATE unikernels SET run = '{}'", /the unikernel :here .*has no taps/);
    damage("UPDATE unikernels SET run = 'null'", /is no object/);
    damage(`UPDATE unikernels SET run = json_set(run, '$.pid', 'x')`, /has no pid/);
    damage(`UPDATE unikernels SET run = json_set(run, '$.taps', json('[1]'))`, /tap is malformed/);
    damage("INSERT INTO policies VALUES ('p:', x'00')", /the policy of p:/);
  });

  it("of the first layout is brought to the present one, and what ran is the first revision", () => {
    const store = opened("first");
    const name = parseName("foo:hello");
    const policy = { unikernels: 3, cpuIds: [0, 2], memory: 64, block: undefined, bridges: [] };
    let state = record(store, EMPTY_STATE, { kind: "policy-added", name: parseName("foo:"), policy });
    state = apply(state, { kind: "unikernel-admitted", name, spec: spec(["a"]) });
    record(store, state, { kind: "unikernel-started", name, run: run("one") });
    store.close();
    open.splice(0);
    const first = () => {
      const old = new DatabaseSync(file);
      old.exec("DROP TABLE revisions; UPDATE meta SET value = '1' WHERE key = 'schema'");
      old.close();
    };
    first();
    closed((again) => {
      assert.equal(again.id, "first");
      assert.deepEqual(again.load().unikernels, [{ name, spec: spec(["a"]), restarts: 0, run: run("one") }]);
      assert.equal(again.load().policies.length, 1);
      const [revision, ...more] = again.revisions.of(name);
      assert.deepEqual(more, []);
      assert.deepEqual([revision?.number, revision?.command, revision?.spec], [1, "imported", spec(["a"])]);
      assert.ok(Math.abs((revision?.at ?? 0) - Date.now()) < 60_000);
    });
    closed((again) => assert.equal(again.revisions.of(name).length, 1, "it is done once"));
    // What stands in the way of it: nothing has changed then.
    first();
    const obstacle = new DatabaseSync(file);
    obstacle.exec("CREATE TABLE revisions (x)");
    obstacle.close();
    assert.throws(() => new Store(file, "x"), /table revisions already exists.*Nothing was started/s);
    const looked = new DatabaseSync(file);
    assert.equal((looked.prepare("SELECT value FROM meta WHERE key = 'schema'").get() as { value: string }).value, "1");
    looked.close();
  });

  it("numbers revisions, keeps the newest, and knows the images that they need", () => {
    const store = opened();
    const name = parseName("x");
    const other = parseName("y");
    const of = (digest: string, size = 1): UnikernelSpec => ({ ...spec([digest]), image: { sha256: digest, size } });
    let state = EMPTY_STATE;
    const made = (who: Name, what: UnikernelSpec, command: RevisionCommand, at: number) => {
      state = apply(state, { kind: "unikernel-admitted", name: who, spec: what });
      const started = { kind: "unikernel-started", name: who, run: run(`${at}`) } as const;
      state = record(store, state, started, { kind: "revision-made", name: who, command, at });
    };
    made(name, of("a"), "create", 1);
    made(other, of("o"), "create", 2);
    made(name, of("b"), "force-create", 3);
    assert.deepEqual(store.revisions.of(name), [
      { number: 2, at: 3, command: "force-create", spec: of("b") },
      { number: 1, at: 1, command: "create", spec: of("a") },
    ]);
    assert.deepEqual([...store.revisions.images()].sort(), ["a", "b", "o"]);
    state = record(store, state, { kind: "name-option-dropped", name });
    assert.deepEqual(
      store.revisions.of(name).map((one) => one.spec.arguments.addName),
      [false, of("a").arguments.addName],
      "what the newest one has turned out to be",
    );
    for (let at = 4; at < 4 + REVISIONS_MAX; at++) made(name, of(`n${at}`), "force-create", at);
    const numbers = store.revisions.of(name).map((one) => one.number);
    assert.deepEqual(
      numbers,
      Array.from({ length: REVISIONS_MAX }, (_, at) => REVISIONS_MAX + 2 - at),
    );
    assert.equal(store.revisions.images().includes("b"), false);
    made(name, of("big", 2 * REVISION_IMAGES_MAX), "force-create", 50);
    made(name, of("small"), "rollback", 51);
    assert.deepEqual(
      store.revisions.of(name).map((one) => one.number),
      [REVISIONS_MAX + 4],
      "the former is too big",
    );
    closed((again) => assert.equal(again.revisions.of(name).length, 1));
    state = record(store, state, { kind: "unikernel-removed", name });
    assert.deepEqual(store.revisions.of(name), []);
    assert.deepEqual(store.revisions.images(), ["o"]);
  });

  it("keeps the revisions of what ended by itself if there is anything to go back to, of a limited number", () => {
    const store = opened();
    let state = EMPTY_STATE;
    const live = (who: string, revisions: number, at: number) => {
      const name = parseName(who);
      state = apply(state, { kind: "unikernel-admitted", name, spec: spec([]) });
      const made: Event = { kind: "revision-made", name, command: "create", at };
      state = record(
        store,
        state,
        { kind: "unikernel-started", name, run: run(who) },
        ...new Array(revisions).fill(made),
      );
      state = record(store, state, { kind: "unikernel-ended", name, status: "exit 0", at });
    };
    live("once", 1, 1);
    assert.deepEqual(store.revisions.of(parseName("once")), []);
    for (let at = 0; at <= ENDED_REVISIONS_MAX; at++) live(`twice${at}`, 2, 10 + at);
    const left = Array.from(
      { length: ENDED_REVISIONS_MAX + 1 },
      (_, at) => store.revisions.of(parseName(`twice${at}`)).length,
    );
    assert.deepEqual(left, [0, ...new Array(ENDED_REVISIONS_MAX).fill(2)]);
    live("twice1", 1, 100);
    assert.equal(store.revisions.of(parseName("twice1"))[0]?.number, 3, "it goes on where it was");
    // Whatever a tenant does, others keep theirs.
    live("quiet:x", 2, 1);
    for (let at = 0; at <= ENDED_REVISIONS_MAX; at++) live(`busy:sub${at}:x`, 2, 200 + at);
    const kept = ["quiet:x", "twice16", "busy:sub0:x", "busy:sub1:x"];
    assert.deepEqual(
      kept.map((text) => store.revisions.of(parseName(text)).length),
      [2, 2, 0, 2],
    );
  });

  it("of a newer program is refused", () => {
    opened().close();
    open.splice(0);
    const database = new DatabaseSync(file);
    database.exec(`UPDATE meta SET value = '${SCHEMA_VERSION + 1}' WHERE key = 'schema'`);
    database.close();
    assert.throws(() => new Store(file, "x"), /its layout has version 3, this program knows 2/);
    const emptied = new DatabaseSync(file);
    emptied.exec("DELETE FROM meta");
    emptied.close();
    assert.throws(() => new Store(file, "x"), /it has no schema/);
  });

  it("is not made anew beside what is left of a lost one", () => {
    writeFileSync(`${file}-wal`, "left");
    assert.throws(() => new Store(file, "x"), /it is missing, but .*-wal is there/);
    assert.equal(existsSync(file), false);
    rmSync(`${file}-wal`);
    writeFileSync(`${file}.new`, "a draft of a crash");
    assert.equal(opened("x").id, "x");
  });

  it("that cannot be opened or made is refused", () => {
    mkdirSync(file);
    assert.throws(() => new Store(file, "x"), StoreError);
    rmSync(file, { recursive: true });
    assert.throws(() => new Store(join(folder, "missing", "albatross.sqlite"), "x"), StoreError);
  });
});
