/**
 * albatross-log as a process: feeders, subscribers, restarts, and what it refuses.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { EVENT_MAX } from "../../../core/log/event.ts";
import { parseName } from "../../../core/name.ts";
import type { Command } from "../../../core/wire/message.ts";
import { encodeFrame } from "../../../core/wire/message-codec.ts";
import { READERS_PER_NAME_MAX } from "../../../daemon/log/log-service.ts";
import { until } from "../../end-to-end/harness.ts";
import { numbered, numberOf } from "./journal-rig.ts";
import { LogClient, LogRig } from "./log-rig.ts";

let rig: LogRig;

beforeEach(async () => {
  rig = await LogRig.start();
});

afterEach(async () => await rig.remove());

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => String(from + at));
}

describe("albatross-log", () => {
  it("answers every event with its own header once it is on the disk, and has it after kill -9", async () => {
    const feeder = await rig.client();
    for (let at = 0; at < 300; at++) feeder.feed(numbered(at), BigInt(at + 1));
    await until("all are acknowledged", () => feeder.messages.length === 300);
    assert.deepEqual(
      feeder.messages.map(({ header, payload }) => [Number(header.sequence), header.name.text, payload.kind]),
      range(1, 301).map((at) => [Number(at), "foo:a", "success"]),
    );
    await rig.stop("SIGKILL");
    await rig.launch();
    assert.deepEqual((await rig.subscription()).numbers, range(0, 300));
  });

  it("loses nothing that it has acknowledged, and repeats nothing, whenever it is killed", async () => {
    let acknowledged = 0;
    for (let round = 0; round < 5; round++) {
      const feeder = await rig.client();
      // What was not acknowledged is sent again, as feeders do.
      for (let at = acknowledged; at < acknowledged + 2000; at++)
        feeder.feed(numbered(at), (9n << 32n) + BigInt(at + 1));
      await until("some are acknowledged", () => feeder.messages.length > 100 * round);
      await rig.stop("SIGKILL");
      await feeder.gone();
      acknowledged = Number((feeder.messages.at(-1)?.header.sequence ?? 0n) & 0xffff_ffffn) || acknowledged;
      await rig.launch();
    }
    const { numbers } = await rig.subscription();
    assert.ok(numbers.length >= acknowledged && acknowledged > 0);
    assert.deepEqual(numbers, range(0, numbers.length));
  });

  it("tells subscribers what is past, that this was all, and then what happens", async () => {
    await rig.feed(numbered(1), numbered(2));
    const client = await rig.subscription();
    assert.deepEqual(client.said, ["startup", "1", "2", "caught-up"]);
    assert.deepEqual(
      client.events.map(({ number }) => number),
      [1, 2, 3, 3],
    );
    assert.match(client.cursorText, /^[0-9a-f]{16}\.3$/);
    await rig.feed(numbered(3));
    await client.says("3");
    assert.equal(client.messages.at(-1)?.header.name.text, "foo:a");
  });

  it("gives the last events by number, at the numbers there are and one past", async () => {
    await rig.feed(...range(0, 10).map((at) => numbered(Number(at))));
    const last = async (count: number | bigint) => (await rig.subscription(":", { count })).said.slice(0, -1);
    assert.deepEqual(await last(0), []);
    assert.deepEqual(await last(-1), []); // the original never ended here (console.md 9.6)
    assert.deepEqual(await last(-(2n ** 62n)), []);
    assert.deepEqual(await last(1), ["9"]);
    assert.deepEqual(await last(10), range(0, 10));
    assert.deepEqual(await last(11), ["startup", ...range(0, 10)]);
    assert.deepEqual(await last(12), ["startup", ...range(0, 10)]);
    assert.deepEqual(await last(2n ** 62n - 1n), ["startup", ...range(0, 10)]);
  });

  it("gives the events since an instant", async () => {
    await rig.feed(numbered(1));
    const client = await rig.subscription();
    const data = client.messages[2]?.payload;
    assert.ok(data?.kind === "data" && data.data.kind === "log");
    const at = data.data.timestamp;
    await until("time passes", () => Date.now() > at);
    await rig.feed(numbered(2));
    assert.deepEqual((await rig.subscription(":", { since: at })).numbers, ["1", "2"]);
    assert.deepEqual((await rig.subscription(":", { since: at + 1 })).numbers, ["2"]);
    assert.deepEqual((await rig.subscription(":", { since: Date.now() + 1e9 })).numbers, []);
    assert.deepEqual((await rig.subscription(":", { since: 0 })).numbers, ["1", "2"]);
  });

  it("goes on behind a cursor without gap or repeat, across restarts and new files", async () => {
    let cursor = (await rig.subscription()).cursor;
    const seen: string[] = [];
    for (let round = 0; round < 4; round++) {
      await rig.feed(...range(10 * round, 10 * round + 10).map((at) => numbered(Number(at))));
      if (round % 2 === 0) rig.hangUp();
      else await rig.stop(round === 1 ? "SIGKILL" : "SIGTERM");
      if (round % 2 === 1) await rig.launch();
      else await until("the log has hung up", () => rig.output.includes("opening the files"));
      const client = await rig.subscription(":", { cursor });
      seen.push(...client.numbers);
      cursor = client.cursor;
    }
    assert.deepEqual(seen, range(0, 40));
    assert.deepEqual((await rig.subscription(":", { cursor })).numbers, []);
    assert.equal((await rig.subscription(":", { cursor })).cursor.entry, cursor.entry);
    assert.ok(rig.files.length >= 2, rig.files.join());
  });

  it("tells of what a cursor has missed, if the log does not have it any more", async () => {
    const { cursor } = await rig.subscription();
    await rig.feed(numbered(1), numbered(2));
    rig.hangUp();
    await until("a new file", () => rig.files.length === 2);
    await rig.stop();
    rmSync(join(rig.store, rig.files[0] ?? ""));
    await rig.launch();
    const client = await rig.subscription(":", { cursor });
    assert.deepEqual(client.said, ["lost 2", "hup", "startup", "caught-up"]);
    // Others' events are nobody's business.
    assert.equal((await rig.subscription("foo:", { cursor })).said[0], "lost 0");
  });

  it("begins anew, and says so, with the cursor of another log", async () => {
    const { cursor } = await rig.subscription();
    await rig.stop();
    rmSync(rig.store, { recursive: true });
    await rig.launch();
    await rig.feed(numbered(1));
    assert.deepEqual((await rig.subscription(":", { cursor })).said, ["lost 0", "startup", "1", "caught-up"]);
    const future = { log: (await rig.subscription()).cursor.log, entry: 2n ** 64n - 1n };
    const client = await rig.subscription(":", { cursor: future });
    assert.deepEqual(client.said, ["lost 0", "caught-up"]);
    assert.equal(client.cursor.entry, 2n);
  });

  it("tells subscribers only of names at or below theirs", async () => {
    const names = ["foo:a", "foo:b:c", "foobar:a", ":foo", ":a", "foo:"];
    await rig.feed(...names.map((name, at) => numbered(at, name)));
    const wanted = async (name: string) => {
      const client = await rig.subscription(name);
      const live = await rig.subscription(name, { count: 0 });
      await rig.feed(...names.map((each, at) => numbered(at, each)), numbered(99, `${parseName(name).key}:end`));
      await live.says("99");
      assert.deepEqual(live.numbers.slice(0, -1), client.numbers.slice(0, live.numbers.length - 1), name);
      return live.numbers.slice(0, -1);
    };
    assert.deepEqual(await wanted("foo:"), ["0", "1", "5"]); // and not those of the root's :foo
    assert.deepEqual(await wanted(":a"), ["4"]);
    assert.deepEqual(await wanted("foo:a"), ["0"]);
    assert.deepEqual(await wanted("foo:b:"), ["1"]);
    assert.deepEqual((await rig.subscription("foo:", { count: 2 })).numbers.length, 2);
    assert.ok(!(await rig.subscription("foo:")).said.includes("startup"));
  });

  it("serves several subscribers of one name; a further one displaces nobody", async () => {
    const clients: LogClient[] = [];
    for (let at = 0; at < READERS_PER_NAME_MAX; at++) clients.push(await rig.subscription("foo:", { count: 0 }));
    const refused = await rig.client();
    refused.subscribe("foo:", { count: 0 });
    await refused.gone();
    assert.equal(refused.messages[0]?.payload.kind, "failure");
    const other = await rig.subscription("foo:a", { count: 0 });
    await rig.feed(numbered(7));
    for (const client of [...clients, other]) await client.says("7");
    clients[0]?.close();
    await until("a place is free", async () => {
      const next = await rig.client();
      next.subscribe("foo:", { count: 0 });
      await until("an answer", () => next.messages.length > 0);
      return next.messages[0]?.payload.kind === "success";
    });
  });

  it("has no seam between history and live events, while thousands come", async () => {
    const feeder = await rig.client();
    let sent = 0;
    const clients: LogClient[] = [];
    while (sent < 5000) {
      for (let at = 0; at < 100; at++) feeder.feed(numbered(sent++), BigInt(sent));
      if (sent % 500 === 0) {
        const client = await rig.client();
        client.subscribe(":", { count: 1_000_000 });
        clients.push(client);
      }
      await until("a part is acknowledged", () => feeder.messages.length >= sent - 400);
    }
    for (const client of clients) {
      await until("all have come", () => client.numbers.length === 5000);
      assert.deepEqual(client.numbers, range(0, 5000));
    }
  });

  it("lets a slow reader take its time, while others have everything at once", async () => {
    const slow = await rig.subscription(":", { count: 0 });
    const quick = await rig.subscription(":", { count: 0 });
    slow.connection.pause();
    const count = 20_000;
    for (let at = 0; at < count; at += 2000) {
      await rig.feed(...range(at, at + 2000).map((each) => numbered(Number(each))));
    }
    await quick.says(String(count - 1));
    assert.equal(quick.numbers.length, count);
    slow.connection.resume();
    await slow.says(String(count - 1));
    assert.deepEqual(slow.numbers, range(0, count));
    await rig.feed(numbered(count));
    await slow.says(String(count));
  });

  it("tells a reader that is too slow for what is kept how much it has missed", async () => {
    await rig.stop();
    await rig.launch("--max-size=1");
    const slow = await rig.subscription(":", { count: 0 });
    slow.connection.pause();
    const count = 30_000;
    for (let at = 0; at < count; at += 2000) {
      await rig.feed(...range(at, at + 2000).map((each) => numbered(Number(each))));
    }
    slow.connection.resume();
    await slow.says(String(count - 1));
    const losses = slow.events.flatMap(({ event }) => (event.kind === "lost" ? [Number(event.count)] : []));
    assert.equal(losses.length, 1);
    assert.equal(slow.numbers.length - 1 + (losses[0] ?? 0), count);
  });

  it("tells of events that were damaged meanwhile, also of the last ones, and goes on", async () => {
    const rig = await LogRig.start();
    try {
      await rig.feed(numbered(1), numbered(2));
      const [path] = rig.files.map((file) => join(rig.store, file));
      assert.ok(path !== undefined);
      const bytes = readFileSync(path);
      bytes.writeUInt8(0xff ^ bytes.readUInt8(bytes.length - 1), bytes.length - 1);
      writeFileSync(path, bytes);
      const client = await rig.subscription();
      assert.deepEqual(client.said, ["startup", "1", "lost 1", "caught-up"]);
      await rig.feed(numbered(3));
      await client.says("3");
      assert.deepEqual(client.numbers, ["1", "lost 1", "3"]);
    } finally {
      await rig.remove();
    }
  });

  it("begins new files on SIGHUP, after the old ones were moved away", async () => {
    await rig.feed(numbered(1));
    renameSync(rig.store, `${rig.store}.old`);
    rig.hangUp();
    await until("there is a new file", () => rig.output.includes("opening the files"));
    await rig.feed(numbered(2));
    assert.deepEqual((await rig.subscription()).said, ["hup", "2", "caught-up"]);
    const { stdout } = spawnSync(
      process.execPath,
      [...rig.words("--read-only", `--log-directory=${rig.store}.old`).filter((word) => !word.startsWith("--logfile"))],
      { encoding: "utf8", timeout: 60_000 },
    );
    assert.match(stdout, /^entry 1: \S+: startup\nentry 2: \S+: foo:a ended with exit 1, not restarted\n$/);
  });

  it("prints the log with --read-only, also beside a running one", async () => {
    await rig.feed(...range(0, 3000).map((at) => numbered(Number(at))));
    const { stdout, status } = spawnSync(process.execPath, [...rig.words("--read-only")], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(status, 0);
    assert.equal(stdout.split("\n").length, 3002);
    assert.match(stdout, /\nentry 3001: .* exit 2999, not restarted\n$/);
  });

  it("refuses a file in place of its directory, and a limit that cannot be", async () => {
    const file = join(rig.directory, "file");
    writeFileSync(file, "");
    const run = (...flags: string[]) =>
      spawnSync(process.execPath, [...rig.words(...flags)], { encoding: "utf8", timeout: 60_000 });
    const wrong = spawnSync(process.execPath, [...rig.words().slice(0, 2), `--logfile=${file}`], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(wrong.status, 124);
    assert.match(wrong.stderr, /is not a directory: the log consists of several files/);
    for (const flag of ["--max-size=0", "--max-size=1025", "--max-age=0", "--max-age=x"])
      assert.equal(run(flag).status, 124, flag);
    const second = join(rig.directory, "second");
    mkdirSync(second);
    const words = rig.words().map((word) => (word.startsWith("--tmpdir=") ? `--tmpdir=${second}` : word));
    const rival = spawnSync(process.execPath, [...words], { encoding: "utf8", timeout: 60_000 });
    assert.equal(rival.status, 125);
    assert.match(rival.stderr, /Another daemon uses this directory/);
  });

  it("closes connections that say anything else, and goes on", async () => {
    const command = (value: Command) =>
      encodeFrame({ header: { sequence: 0n, name: parseName(":a") }, payload: { kind: "command", command: value } });
    const data = (kind: "startup" | "caught-up") =>
      encodeFrame({
        header: { sequence: 1n, name: parseName(":") },
        payload: { kind: "data", data: { kind: "log", timestamp: 0, event: { kind } } },
      });
    const bad = [
      command({ kind: "unikernel-info" }),
      command({ kind: "console-subscribe", from: { count: 1 } }),
      data("startup"),
      data("caught-up"),
      Uint8Array.of(0, 0, 0, 4, 1, 2, 3, 4),
      Uint8Array.of(0, 0, 0, 0),
      Uint8Array.of(0x7f, 0xff, 0xff, 0xff, 0x30),
    ];
    await rig.subscription(); // from now on a file is open for reading
    const before = rig.descriptors;
    for (const bytes of bad) {
      const client = await rig.client();
      client.connection.send(bytes);
      await client.gone();
      assert.equal(client.messages.length, 0);
    }
    assert.equal((await rig.subscription()).numbers.length, 0);
    await until("descriptors are given back", () => rig.descriptors <= before + 1);
  });

  it("takes an event of the largest size, and none that is one byte larger", async () => {
    const frame = (length: number) => {
      const event = {
        kind: "unikernel-ended",
        name: parseName("foo:a"),
        status: fromText("x".repeat(length)),
      } as const;
      const header = { sequence: 1n, name: event.name };
      return encodeFrame({ header, payload: { kind: "data", data: { kind: "log", timestamp: 0, event } } });
    };
    const overhead = frame(60_000).length - 4 - 60_000;
    const largest = await rig.client();
    largest.connection.send(frame(EVENT_MAX - overhead));
    await until("it is acknowledged", () => largest.messages.length === 1);
    const larger = await rig.client();
    larger.connection.send(frame(EVENT_MAX - overhead + 1));
    await larger.gone();
    assert.equal(larger.messages.length, 0);
    assert.equal((await rig.subscription()).numbers.length, 1);
    await rig.stop("SIGKILL");
    await rig.launch();
    const { events } = await rig.subscription();
    assert.ok(events.some((each) => numberOf(each.event).length === EVENT_MAX - overhead - "exit ".length));
  });

  it("takes the socket that systemd passes", async () => {
    await rig.stop();
    const path = join(rig.directory, "passed.sock");
    const words = ["-l", path, process.execPath, ...rig.words("--systemd-socket-activation")];
    const child = spawn("systemd-socket-activate", words, { stdio: "ignore" });
    try {
      const client = await until("it is served", async () => {
        try {
          return await LogClient.open(path);
        } catch {
          return undefined;
        }
      });
      client.subscribe(":", { count: 100 });
      await until("the past comes", () => client.said.includes("caught-up"));
      client.close();
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("ends a subscription when the subscriber says anything", async () => {
    const client = await rig.subscription();
    client.subscribe(":", { count: 0 });
    await client.gone();
    assert.equal(client.said.filter((text) => text === "caught-up").length, 1);
  });
});
