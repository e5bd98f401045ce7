/** What could not be written is written with what comes next: as it was, whatever is being tried meanwhile. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { it } from "node:test";
import { EMPTY_STATE, type UnikernelSpec } from "../../../core/engine/state.ts";
import { parseName } from "../../../core/name.ts";
import { Ledger } from "../../../daemon/albatrossd/ledger.ts";
import { Store } from "../../../daemon/albatrossd/store.ts";
import { plain } from "../../end-to-end/harness.ts";

const silent = {
  error: () => undefined,
  warning: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  enabled: () => false,
};

it("a replacement that is not acknowledged yet is not written with what could not be written before", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-ledger-"));
  const file = join(folder, "albatross.sqlite");
  const store = new Store(file, "id");
  const change = (sql: string) => {
    using database = new DatabaseSync(file);
    database.exec(sql);
  };
  try {
    const ledger = new Ledger(EMPTY_STATE, store, () => undefined, silent);
    const name = parseName("foo:hello");
    const spec = (word: string): UnikernelSpec => ({
      type: "solo5",
      image: { sha256: "ab".repeat(32), size: 77 },
      arguments: plain({ words: [word], addName: true }),
    });
    const run = {
      instance: "one",
      pid: 4711,
      processStart: 1,
      bootId: "boot",
      startedAt: 1_700_000_000_000,
      taps: [],
      launcher: "solo5-hvt",
    };
    ledger.note({ kind: "unikernel-admitted", name, spec: spec("former") });
    ledger.commit(
      { kind: "unikernel-started", name, run },
      { kind: "revision-made", name, command: "create", at: run.startedAt },
    );
    change("CREATE TRIGGER refuse BEFORE INSERT ON unikernels BEGIN SELECT RAISE(ABORT, 'no room'); END");
    ledger.settle({ kind: "name-option-dropped", name });
    ledger.settle({ kind: "unikernel-started", name, run: { ...run, instance: "two" } });
    change("DROP TRIGGER refuse");
    ledger.note({ kind: "unikernel-respecified", name, spec: spec("wished") });
    ledger.commit({ kind: "unikernel-stopping", name });
    const former = plain({ words: ["former"], addName: false });
    assert.deepEqual(
      store.load().unikernels.map((each) => [each.spec.arguments, each.run]),
      [[former, undefined]],
    );
    assert.deepEqual(
      store.revisions.of(name).map((revision) => revision.spec.arguments),
      [former],
    );
  } finally {
    store.close();
    rmSync(folder, { recursive: true });
  }
});

it("what cannot be written of two thousand unikernels takes little memory", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-ledger-"));
  const store = new Store(join(folder, "albatross.sqlite"), "id");
  try {
    const names = Array.from({ length: 2_000 }, (_, at) => parseName(`foo:hello-${at}`));
    const spec = { type: "solo5", image: undefined, arguments: plain() } as const;
    const ledger = new Ledger(EMPTY_STATE, store, () => undefined, silent);
    ledger.restore(...names.map((name) => ({ kind: "unikernel-admitted", name, spec }) as const));
    store.close(); // so that nothing can be written any more
    const before = process.memoryUsage().rss;
    for (const name of names)
      ledger.settle({ kind: "unikernel-failed", name, until: 0, reason: "no room", failures: 1 });
    const grown = process.memoryUsage().rss - before;
    assert.ok(grown < 200 * 1024 * 1024, `${grown} bytes more`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
