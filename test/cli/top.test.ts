import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { actionsOf } from "../../cli/top/keys.ts";
import { HISTORY_MAX, ROWS_MAX, TopModel } from "../../cli/top/model.ts";
import { screenLines, shortBytes, shortSpan, sparkline, tableLines, type View } from "../../cli/top/render.ts";
import type { UnikernelStatus } from "../../client/status.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { Statistics } from "../../core/statistics.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import { unikernelInfo } from "../support/unikernel-info.ts";

const info: UnikernelInfo = unikernelInfo({ started: 1000 });

function statistics(cpuSeconds: number, bytes: bigint): Statistics {
  const time = { seconds: BigInt(Math.floor(cpuSeconds)), microseconds: Math.round((cpuSeconds % 1) * 1e6) };
  const zero = { seconds: 0n, microseconds: 0 };
  const counters = { maxrss: 0n, ixrss: 0n, idrss: 0n, isrss: 0n, minflt: 0n, majflt: 0n, nswap: 0n, inblock: 0n };
  const others = { outblock: 0n, msgsnd: 0n, msgrcv: 0n, nsignals: 0n, nvcsw: 0n, nivcsw: 0n };
  const data = {
    ...{
      bridge: fromText("service"),
      flags: 0,
      sendLength: 0,
      maxSendLength: 0,
      sendDrops: 0,
      mtu: 1500,
      baudrate: 0n,
    },
    ...{ inputPackets: 0n, inputErrors: 0n, outputPackets: 0n, outputErrors: 0n, collisions: 0n },
    ...{ inputBytes: bytes * 2n, outputBytes: bytes, inputMcast: 0n, outputMcast: 0n },
    ...{ inputDropped: 0n, outputDropped: 0n },
  };
  return {
    resourceUsage: { utime: time, stime: zero, ...counters, ...others },
    interfaces: [data],
    hypervisor: undefined,
    memory: { vsize: 0n, rss: 2560n, tsize: 0n, dsize: 0n, ssize: 0n, runtime: 0n, cow: 0, start: zero },
  };
}

function status(name: string, changes: Partial<UnikernelStatus> = {}): UnikernelStatus {
  const nothing = { reason: undefined, next: undefined, lastExit: undefined, launcher: undefined, pid: undefined };
  return { name, state: "running", restarts: 0, addName: undefined, ...nothing, ...changes };
}

function modelOf(...names: readonly string[]): TopModel {
  const model = new TopModel();
  model.list(
    names.map((name) => ({ name: parseName(name), info })),
    names.map((name) => status(parseName(name).text)),
  );
  return model;
}

const view: View = {
  title: "top",
  sort: "cpu",
  selected: undefined,
  trouble: undefined,
  now: 61_000,
  columns: 120,
  lines: 20,
  styled: false,
};

describe("TopModel", () => {
  it("knows rates from the second sample on, traffic from the unikernel's side", () => {
    const model = modelOf("a");
    const name = parseName("a");
    model.sample(name, statistics(1, 1000n), 10);
    assert.deepEqual(
      { ...model.rows("cpu")[0], history: [] },
      {
        ...{ name: ":a", state: "running", reason: undefined, cpu: undefined, history: [], memory: 2560 * 4096 },
        ...{ assigned: 32 * 2 ** 20, received: undefined, sent: undefined, restarts: 0, started: 1000 },
      },
    );
    model.sample(name, statistics(2, 3000n), 14);
    const [row] = model.rows("cpu");
    assert.deepEqual([row?.cpu, row?.received, row?.sent], [0.25, 500, 1000]);
  });

  it("takes samples that come together, after they were held up, for those of all the time", () => {
    const model = modelOf("a");
    const rates = () => model.rows("cpu").map(({ cpu, received }) => [cpu, received])[0];
    for (const at of [0, 0.001]) model.sample(parseName("a"), statistics(0, 0n), at);
    assert.deepEqual(rates(), [undefined, undefined]);
    for (const held of [1, 2, 3]) model.sample(parseName("a"), statistics(held, 100n * BigInt(held)), 4 + held / 1e9);
    const [cpu = 0, received = 0] = rates() ?? [];
    assert.ok(Math.abs(cpu - 0.75) < 0.001 && Math.abs(received - 75) < 0.1, `${cpu}, ${received}`);
    assert.deepEqual(model.rows("cpu")[0]?.history, [cpu], "they are one load, not three");
    model.sample(parseName("a"), statistics(4, 400n), 5 + 3 / 1e9);
    assert.deepEqual(rates(), [1, 100]);
  });

  it("shows no rate where a counter went back: it is another process", () => {
    const model = modelOf("a");
    model.sample(parseName("a"), statistics(9, 1000n), 10);
    model.sample(parseName("a"), statistics(1, 10n), 11);
    assert.deepEqual([model.rows("cpu")[0]?.cpu, model.rows("cpu")[0]?.received], [undefined, undefined]);
  });

  it("remembers as many loads as its limit", () => {
    const model = modelOf("a");
    for (let at = 0; at <= HISTORY_MAX + 1; at++) model.sample(parseName("a"), statistics(at / 2, 0n), at);
    assert.equal(model.rows("cpu")[0]?.history.length, HISTORY_MAX);
  });

  it("takes as many unikernels as its limit, and not one more", () => {
    const many = Array.from({ length: ROWS_MAX + 1 }, (_, at) => ({ name: parseName(`u${at}`), info }));
    const model = new TopModel();
    model.list(many, undefined);
    assert.equal(model.rows("name").length, ROWS_MAX);
  });

  it("forgets what is not listed any more, and takes no samples of it", () => {
    const model = modelOf("a", "b");
    model.list([{ name: parseName("b"), info }], undefined);
    model.sample(parseName("a"), statistics(1, 1n), 1);
    assert.deepEqual(
      model.rows("name").map(({ name }) => name),
      [":b"],
    );
  });

  it("sorts the largest first, and names in their order", () => {
    const model = modelOf("c", "a", "b");
    for (const [name, load] of Object.entries({ a: 1, b: 3, c: 2 })) {
      model.sample(parseName(name), statistics(0, 0n), 0);
      model.sample(parseName(name), statistics(load, 0n), 10);
    }
    const names = (key: "cpu" | "name" | "uptime") => model.rows(key).map(({ name }) => name);
    assert.deepEqual(names("cpu"), [":b", ":c", ":a"]);
    assert.deepEqual(names("name"), [":a", ":b", ":c"]);
    assert.deepEqual(names("uptime"), [":a", ":b", ":c"]); // the same start
  });
});

describe("the table of top", () => {
  it("shows what is known, and a dash for what is not", () => {
    assert.deepEqual(tableLines(modelOf("web:shop").rows("cpu"), view), [
      "UNIKERNEL  STATE    CPU%  MEM   OF  NET IN/s  OUT/s  RESTARTS  UPTIME",
      "web:shop   running     -    -  32M         -      -         0  1m 00s",
    ]);
  });

  it("leaves out columns and cuts names where the terminal is narrow, and never exceeds it", () => {
    const model = modelOf(`${"long".repeat(10)}:${"name".repeat(10)}`, "b");
    for (const columns of [120, 80, 60, 40, 20, 10, 1]) {
      for (const line of tableLines(model.rows("cpu"), { ...view, columns })) {
        assert.ok(line.length <= columns, `${columns}: ${line}`);
      }
    }
    assert.match(tableLines(model.rows("cpu"), { ...view, columns: 60 }).join("\n"), /^longlon…amename /m);
  });

  it("shows the rows around the chosen one, title and help, in as many lines as there are", () => {
    const names = Array.from({ length: 100 }, (_, at) => `u${String(at).padStart(3, "0")}`);
    const lines = screenLines(modelOf(...names).rows("name"), { ...view, lines: 14, selected: ":u050" });
    assert.equal(lines.length, 14);
    assert.match(lines[0] ?? "", /^top: 100 unikernels, 100 running/);
    assert.ok(lines.some((line) => line.startsWith(":u050")));
    assert.match(lines.at(-1) ?? "", /q quit/);
  });

  it("tells why the chosen one does not run, without control characters of the reason", () => {
    const model = new TopModel();
    model.list([{ name: parseName("a"), info }], [status(":a", { state: "failed", reason: "no \x1b[2J bridge" })]);
    const lines = screenLines(model.rows("cpu"), { ...view, selected: ":a" });
    assert.equal(lines[1], ":a: no  [2J bridge");
    assert.match(lines[3] ?? "", /^:a +failed/);
  });
});

describe("the words of top", () => {
  it("sparkline() goes from the bottom to full height, and not beyond", () => {
    assert.equal(sparkline([0, 0.5, 1, 7]), "▁▅██");
  });

  it("shortBytes() needs four digits at most", () => {
    const words = [0, 999, 1000, 1536, 10_240, 1_047_527_424, 2 ** 40].map(shortBytes);
    assert.deepEqual(words, ["0", "999", "1.0K", "1.5K", "10K", "999M", "1.0T"]);
  });

  it("shortSpan() names the two largest units", () => {
    assert.deepEqual([0, 61_000, 3_600_000, 93_600_000, -5].map(shortSpan), [
      ...["0m 00s", "1m 01s", "1h 00m", "1d 02h", "0m 00s"],
    ]);
  });

  it("actionsOf() takes several keys at once, and leaves out those without a meaning", () => {
    assert.deepEqual(actionsOf("\x1b[Bzm\r\x1b[15~q"), [
      { kind: "move", by: 1 },
      { kind: "sort", key: "memory" },
      { kind: "console" },
      { kind: "quit" },
    ]);
    assert.deepEqual(actionsOf("\x1b"), [{ kind: "back" }]);
  });
});
