/** What goes on by the scripting interface: consoles, statistics, the event log. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { AbortedError, type Albatross, ConnectError, type ConsoleLine, connect, InputError } from "../../mod.ts";
import { images, Machine, until } from "../end-to-end/harness.ts";
import { openDescriptors } from "../runtime/open-descriptors.ts";
import { rejection } from "./rejection.ts";

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;
let albatross: Albatross;

before(async () => {
  kernels = await images();
  await machine.start();
  await machine.startStats();
  albatross = await connect({ tmpdir: machine.tmpdir });
  const options = { memoryMb: 16, addName: false, image: kernels.ticker };
  await albatross.create("ticker", { ...options, arguments: ["interval=20"] });
});
after(() => machine.close());

async function first<T>(iterable: AsyncIterable<T>): Promise<T> {
  for await (const value of iterable) return value;
  return assert.fail("there is nothing");
}

describe("console", () => {
  it("gives past lines, then each as it comes", async () => {
    await until("there are lines", async () => (await first(albatross.console("ticker"))).text !== "");
    const begin = new Date();
    const lines: ConsoleLine[] = [];
    for await (const line of albatross.console("ticker", { count: 1 })) {
      lines.push(line);
      if (lines.length === 5) break;
    }
    const ticks = lines.map(({ text }) => Number(/tick (\d+)/.exec(text)?.[1]));
    assert.deepEqual(
      ticks,
      Array.from({ length: 5 }, (_, at) => (ticks[0] ?? 0) + at),
    );
    assert.deepEqual(Buffer.from(lines[0]?.bytes ?? []).toString(), lines[0]?.text);
    const since = await first(albatross.console("ticker", { since: begin }));
    assert.ok(since.time >= begin);
  });

  it("ends with an error after the signal, before and during the iteration", async () => {
    const stop = new AbortController();
    let seen = 0;
    const reading = async () => {
      for await (const _line of albatross.console("ticker", { signal: stop.signal })) if (seen++ === 3) stop.abort();
    };
    assert.equal((await rejection(reading(), AbortedError)).code, "aborted");
    await rejection(reading(), AbortedError);
  });

  it("closes its connection when the loop is left", async () => {
    const before = await openDescriptors();
    for (let round = 0; round < 20; round++) await first(albatross.console("ticker"));
    assert.equal(await openDescriptors(), before);
  });

  it("holds back a daemon that is faster than its reader, and loses lines there, not here", async () => {
    await albatross.create("flood", { memoryMb: 16, addName: false, image: kernels.flood });
    const resident = () => process.memoryUsage().rss;
    const begin = resident();
    let lines = 0;
    for await (const _line of albatross.console("flood", { count: 1000 })) {
      if (++lines % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      if (lines === 3000) break;
    }
    await albatross.destroy("flood");
    assert.ok(resident() - begin < 200 * 2 ** 20, `${resident() - begin} bytes more are resident`);
  });

  it("refuses names and daemons that are not there", async () => {
    await rejection(first(albatross.console("a b")), InputError);
    await rejection(first(albatross.console("alice:")), InputError);
    const elsewhere = await connect({ tmpdir: `${machine.directory}/nowhere` });
    await rejection(first(elsewhere.console("ticker")), ConnectError);
  });
});

describe("statistics", () => {
  it("gives numbers of one unikernel, and of all", async () => {
    const sample = await first(albatross.statistics("ticker"));
    assert.equal(sample.name.text, ":ticker");
    assert.ok(sample.usage.utime + sample.usage.stime > 0);
    assert.equal(typeof sample.usage.maxrss, "number");
    assert.ok((sample.memory?.rss ?? 0) > 0);
    assert.deepEqual(sample.interfaces, []);
    assert.equal((await first(albatross.statistics())).name.text, ":ticker");
    const stop = AbortSignal.timeout(10);
    await rejection(first(albatross.statistics("nobody", { signal: stop })), AbortedError);
  });
});

describe("measure", () => {
  it("measures any process until it is told not to", async () => {
    await albatross.measure("tests", { pid: process.pid });
    const { name, memory } = await first(albatross.statistics("tests"));
    assert.equal(name.text, ":tests");
    assert.ok((memory?.rss ?? 0) > 1000, "more than a few pages");
    await albatross.measureNoMore("tests");
    await albatross.measure("tests", { pid: process.pid });
    await albatross.measureNoMore("tests");
  });
});

describe("log", () => {
  it("gives past events, then present ones, from any place on", async () => {
    await machine.startLog();
    await albatross.create("one", { memoryMb: 16, image: kernels.ticker });
    await until("the start is logged", async () => (await events("one")).includes("unikernel-started"));
    const entries = [];
    for await (const entry of albatross.log({ name: "one", count: 100, follow: false })) entries.push(entry);
    const started = entries.find(({ event }) => event === "unikernel-started");
    assert.equal(started?.host, ":one");
    assert.equal(typeof started?.fields["pid"], "number");
    const following = albatross.log({ cursor: started?.cursor });
    const next = following.next();
    await albatross.destroy("one");
    const seen = [(await next).value?.event];
    for await (const { event } of following) {
      seen.push(event);
      if (event === "unikernel-removed") break;
    }
    assert.ok(seen.includes("unikernel-stopped"), seen.join());
    const bad = await rejection(first(albatross.log({ cursor: "nonsense" })), InputError);
    assert.equal(bad.code, "argument");
  });

  async function events(name: string): Promise<readonly string[]> {
    const found: string[] = [];
    for await (const { event } of albatross.log({ name, count: 100, follow: false })) found.push(event);
    return found;
  }
});
