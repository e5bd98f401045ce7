import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { type Client, Daemon, sleep, until, type Writer } from "./harness.ts";

/** Writes numbered lines into a fifo from a process of its own, as fast as it goes. */
function flood(path: string, lines: number, padding = 40): ChildProcess {
  const script = `
import sys
out = open(sys.argv[1], "wb", buffering=0)
pad = b"." * ${padding}
for n in range(${lines}): out.write(b"%d %s\\n" % (n, pad))
out.close()`;
  return spawn("python3", ["-c", script, path], { stdio: ["ignore", "ignore", "inherit"] });
}

const numberOf = (line: string | undefined) => Number(line?.split(" ")[0]);

/** Every number is there, once and in order, or counted as dropped. */
function assertConsecutive(lines: readonly string[], from: number): void {
  let expected = from;
  for (const [at, line] of lines.entries()) {
    const dropped = /^\[albatross: (\d+) lines? dropped for this subscriber\]$/.exec(line)?.[1];
    if (dropped !== undefined) expected += Number(dropped);
    else if (numberOf(line) === expected) expected++;
    else assert.fail(`line ${at} is ${line}, expected number ${expected}`);
  }
}

describe("streaming consoles", () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await Daemon.start("--max-subscribers=200");
  });
  after(() => daemon.remove());

  it("passes every byte value through", async () => {
    const writer = await daemon.console(":bytes");
    const { client } = await daemon.subscription(":bytes");
    const all = Uint8Array.from({ length: 256 }, (_, at) => at);
    writer.write(all);
    writer.write("\n");
    await until(() => client.lines.length === 2, "two lines");
    assert.equal(`${client.lines[0]}\n${client.lines[1]}`, Buffer.from(all).toString("latin1"));
    writer.close();
  });

  it("gives whoever subscribes in the middle of a flood history and live lines once and in order", {
    timeout: 30_000,
  }, async () => {
    const total = 200_000;
    const writer = await daemon.console(":flood");
    const { client: first } = await daemon.subscription(":flood");
    first.keep = false;
    flood(daemon.fifoPath(":flood"), total);
    const late: Client[] = [];
    while (late.length < 8 && numberOf(first.lines.at(-1)) !== total - 1) {
      const { client } = await daemon.subscription(":flood", { count: 100 * late.length });
      client.keep = false;
      late.push(client);
      await sleep(5);
    }
    await until(() => numberOf(first.lines.at(-1)) === total - 1, "the last line");
    assertConsecutive(first.lines, 0);
    assert.ok(late.length > 3, `only ${late.length} subscribed in time`);
    for (const client of late) {
      await until(() => numberOf(client.lines.at(-1)) === total - 1, "the last line of a late subscriber");
      assertConsecutive(client.lines, numberOf(client.lines[0]));
      client.connection.destroy();
    }
    writer.close();
  });

  it("neither blocks the unikernel nor others for a subscriber that takes nothing, and tells it what it lost", {
    timeout: 30_000,
  }, async () => {
    const total = 400_000;
    const writer = await daemon.console(":slow");
    const { client: slow } = await daemon.subscription(":slow");
    const { client: quick } = await daemon.subscription(":slow");
    slow.connection.pause();
    quick.keep = false;
    const start = Date.now();
    flood(daemon.fifoPath(":slow"), total);
    await until(() => numberOf(quick.lines.at(-1)) === total - 1, "the last line of the quick one");
    assert.ok(Date.now() - start < 8000);
    assertConsecutive(quick.lines, 0);
    assert.ok(!slow.closed);
    slow.connection.resume();
    await until(() => slow.lines.at(-1)?.startsWith("[albatross: ") === true, "the notice");
    const lost = Number(/^\[albatross: (\d+) lines dropped for this subscriber\]$/.exec(slow.lines.at(-1) ?? "")?.[1]);
    const received = slow.lines.slice(0, -1);
    assertConsecutive(received, 0);
    assert.ok(lost > 0);
    assert.equal(received.length + lost, total, "every line is either delivered or counted");
    writer.write("400000 afterwards\n");
    await until(() => slow.lines.at(-1) === "400000 afterwards", "the line after the notice");
    writer.close();
  });

  it("waits for a subscriber that is merely behind: it loses nothing", { timeout: 30_000 }, async () => {
    const total = 200_000;
    const writer = await daemon.console(":behind");
    const { client } = await daemon.subscription(":behind");
    client.keep = false;
    flood(daemon.fifoPath(":behind"), total);
    const stutter = setInterval(() => {
      client.connection.pause();
      setTimeout(() => client.connection.resume(), 10);
    }, 25);
    await until(() => numberOf(client.lines.at(-1)) === total - 1, "the last line");
    clearInterval(stutter);
    assertConsecutive(client.lines, 0);
    assert.equal(client.lines.length, total);
    writer.close();
  });

  it("leaks nothing over hundreds of subscribers that come and go", { timeout: 30_000 }, async () => {
    const writer = await daemon.console(":churn");
    writer.write("history\n".repeat(100));
    await daemon.subscription(":churn");
    await sleep(50);
    const before = daemon.descriptors;
    for (let round = 0; round < 5; round++) {
      const clients = await Promise.all(Array.from({ length: 100 }, () => daemon.subscription(":churn")));
      writer.write(`round ${round}\n`);
      for (const [at, { client, answer }] of clients.entries()) {
        assert.equal(answer, "subscribed");
        if (at % 3 === 0) client.connection.destroy();
        else if (at % 3 === 1) client.connection.end();
        else client.command(":churn", { kind: "console-inactive" });
      }
      for (const { client } of clients) await client.gone();
    }
    await until(() => daemon.descriptors <= before, `${daemon.descriptors} descriptors, ${before} before`);
    writer.close();
  });

  it("reads two hundred consoles at once, and closes them all when their unikernels end", {
    timeout: 30_000,
  }, async () => {
    const before = daemon.descriptors;
    const names = Array.from({ length: 200 }, (_, at) => `many:u${at}`);
    const writers: Writer[] = [];
    for (const name of names) writers.push(await daemon.console(name, 300));
    for (const [at, writer] of writers.entries()) writer.write(`I am ${at}`);
    for (const writer of writers) writer.close();
    await until(() => daemon.descriptors <= before + 1, "the fifos to be closed");
    for (const at of [0, 57, 199]) {
      const { client } = await daemon.subscription(names[at] ?? "");
      await until(() => client.lines.length === 1, "the history");
      assert.deepEqual(client.lines, [`I am ${at}`]);
    }
  });

  it("passes interactive output on without delay", async () => {
    const writer = await daemon.console(":prompt");
    const { client } = await daemon.subscription(":prompt");
    const delays: number[] = [];
    for (let round = 0; round < 20; round++) {
      await sleep(20);
      const start = performance.now();
      writer.write(`${round}\n`);
      while (client.lines.length <= round) await new Promise((resolve) => setImmediate(resolve));
      delays.push(performance.now() - start);
    }
    delays.sort((a, b) => a - b);
    assert.ok((delays[10] ?? 1000) < 50, `${delays[10]} ms`);
    writer.close();
  });
});
