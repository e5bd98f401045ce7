/**
 * Sinks: what they get, and that none of them disturbs the log.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { formatEventForSyslog, SYSLOG_TEXT_MAX } from "../../../core/log/syslog.ts";
import { parseName } from "../../../core/name.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { SINK_BATCH, SINK_QUEUE_MAX, SinkRunner } from "../../../daemon/log/sink-runner.ts";
import { SINKS_MAX } from "../../../daemon/log/sinks-flag.ts";
import { jsonLinesSink } from "../../../plugins/event-log/json-lines.ts";
import { syslogSink } from "../../../plugins/event-log/syslog.ts";
import type { EventSink, SinkEvent } from "../../../plugins/event-sink.ts";
import { until } from "../../end-to-end/harness.ts";
import { numbered, numberOf } from "./journal-rig.ts";
import { LogRig } from "./log-rig.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => String(from + at));

/** Prints the cursors of what comes; rests after a few, as a syslog that has other things to do. */
const slowReceiver = `
import re, socket, sys, time
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("ready", flush=True)
while True:
    time.sleep(0.7)
    for _ in range(100):
        print(re.search(rb'cursor="([^"]*)"', receiver.recv(65536)).group(1).decode(), flush=True)
`;

/** A sink whose failures are the test's. */
class TestSink implements EventSink {
  readonly name = "test";
  readonly got: SinkEvent[] = [];
  readonly batches: number[] = [];
  failure: Error | undefined;
  hang: Promise<void> | undefined;
  closed = false;

  async write(events: readonly SinkEvent[]): Promise<void> {
    await this.hang;
    if (this.failure !== undefined) throw this.failure;
    this.got.push(...events);
    this.batches.push(events.length);
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  get said(): readonly string[] {
    return this.got.map(({ event }) => numberOf(event));
  }
}

function runner(sink: EventSink) {
  const complaints: string[] = [];
  const log = createLog("test", "debug", { write: (text) => complaints.push(text), writableLength: 0 });
  const run = new SinkRunner(sink, log, () => 1);
  const take = (at: number) => run.take({ timestamp: 0, event: numbered(at), cursor: String(at) });
  return { run, take, complaints };
}

describe("a sink", () => {
  it("gets events in order, a bounded number at a time", async () => {
    const sink = new TestSink();
    const { run, take } = runner(sink);
    for (let at = 0; at < 2 * SINK_BATCH + 1; at++) take(at);
    await until("all are taken", () => run.waiting === 0);
    assert.deepEqual(sink.said, range(0, 2 * SINK_BATCH + 1));
    assert.ok(sink.batches.every((size) => size <= SINK_BATCH));
    await run.close();
    assert.ok(sink.closed);
  });

  it("that fails gets the same again, and is complained of once", async () => {
    const sink = new TestSink();
    sink.failure = new Error("disk full");
    const { run, take, complaints } = runner(sink);
    take(1);
    await until("it has failed", () => complaints.length > 0);
    take(2);
    await until("it has been tried again", () => run.waiting === 2);
    sink.failure = undefined;
    await until("all are taken", () => run.waiting === 0);
    assert.deepEqual(sink.said, ["1", "2"]);
    assert.deepEqual(complaints, [
      "test: [ERROR] test does not take events: disk full; trying again\n",
      "test: [WARNING] test takes events again\n",
    ]);
    await run.close();
  });

  it("that hangs loses what is beyond its queue, at the limit and one past it, and is told of it", async () => {
    const sink = new TestSink();
    const { promise, resolve } = Promise.withResolvers<void>();
    sink.hang = promise;
    const { run, take } = runner(sink);
    for (let at = 0; at < SINK_QUEUE_MAX + 3; at++) take(at);
    assert.equal(run.waiting, SINK_QUEUE_MAX);
    resolve();
    await until("all are taken", () => run.waiting === 0);
    assert.deepEqual(sink.said, [...range(0, SINK_QUEUE_MAX), "lost 3"]);
    await run.close();
  });

  it("that hangs for ever does not keep the log from ending", async () => {
    const sink = new TestSink();
    sink.hang = new Promise(() => undefined);
    const { run, take } = runner(sink);
    take(1);
    await run.close();
    assert.ok(sink.closed);
  });
});

describe("the sink for a syslog", () => {
  it("goes on behind what was taken before a failure: a short queue is got past, and nothing comes twice", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-sink-"));
    const socket = join(folder, "log");
    const receiver = spawn("python3", ["-u", "-c", slowReceiver, socket], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    receiver.stdout.on("data", (chunk: Buffer) => {
      text += chunk;
    });
    const { run, take } = runner(syslogSink(socket));
    try {
      await until("it listens", () => text.includes("ready"));
      for (let at = 0; at < SINK_BATCH; at++) take(at);
      await until("all are taken", () => run.waiting === 0);
      await until(
        () => `all have come: ${text}`,
        () => text.split("\n").includes(String(SINK_BATCH - 1)),
      );
      assert.deepEqual(text.trim().split("\n").slice(1), range(0, SINK_BATCH));
    } finally {
      receiver.kill("SIGKILL");
      await run.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the sink for JSON lines", () => {
  it("begins a line of its own where an earlier process was torn out of one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-sink-"));
    const path = join(folder, "events.json");
    try {
      for (const [former, expected] of [
        ['{"kind":"log-ev', 2],
        ["{}\n", 2],
        ["", 1],
      ] as const) {
        writeFileSync(path, former);
        const sink = jsonLinesSink(path);
        await sink.write([{ timestamp: 0, event: numbered(7), cursor: "c" }]);
        await sink.close();
        const lines = readFileSync(path, "utf8").trimEnd().split("\n");
        assert.equal(lines.length, expected, former);
        assert.equal((JSON.parse(lines.at(-1) ?? "") as { cursor: string }).cursor, "c");
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("albatross-log with sinks", () => {
  it("appends JSON lines, goes on after a failure, and opens the file anew on SIGHUP", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-sink-"));
    const path = join(folder, "events.json");
    mkdirSync(path); // no file can be written there
    const rig = await LogRig.start(`--sink=json-lines:${path}`);
    try {
      await rig.feed(numbered(1));
      await until("it has failed", () => rig.output.includes("does not take events"));
      const { numbers } = await rig.subscription(); // the log does not care
      assert.deepEqual(numbers, ["1"]);
      rmdirSync(path);
      const lines = (file: string) =>
        (existsSync(file) ? readFileSync(file, "utf8") : "")
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as { event: string; cursor: string; status?: string });
      await until("the file has both", () => lines(path).length === 2);
      renameSync(path, `${path}.1`);
      rig.hangUp();
      await until("there is a new file", () => existsSync(path) && lines(path).length > 0);
      await rig.feed(numbered(2));
      await until("it has the next", () => lines(path).some(({ status }) => status === "exit 2"));
      const all = [...lines(`${path}.1`), ...lines(path)];
      assert.deepEqual(
        all.map(({ event, cursor }) => `${event} ${cursor.split(".")[1]}`),
        ["startup 1", "unikernel-ended 2", "hup 3", "unikernel-ended 4"],
      );
    } finally {
      await rig.remove();
      rmSync(folder, { recursive: true });
    }
  });

  it("sends to a syslog, whether or not that is there", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-sink-"));
    const [socket, file] = [join(folder, "log"), join(folder, "lines")];
    const rig = await LogRig.start(`--sink=syslog:${socket}`);
    let receiver: ReturnType<typeof spawn> | undefined;
    try {
      await rig.feed(numbered(1, "foo:web"));
      await until("it has failed", () => rig.output.includes("does not take events"));
      const words = ["--datagram", "--inetd", "-l", socket, "/bin/sh", "-c", `exec cat >${file}`];
      receiver = spawn("systemd-socket-activate", words, { stdio: "ignore" });
      const text = () => (existsSync(file) ? readFileSync(file, "utf8") : "");
      await until("both have come", () => text().includes("not restarted"));
      const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
      const cursor = (entry: number) => String.raw`cursor="[0-9a-f]{16}\.${entry}"`;
      const startup = String.raw`<30>1 ${time} \S+ albatross-log ${rig.pid} startup \[albatross@49836 name=":" ${cursor(1)}\] startup`;
      const ended = String.raw`<30>1 ${time} \S+ albatross-log ${rig.pid} unikernel-ended \[albatross@49836 name="foo:web" ${cursor(2)}\] foo:web ended with exit 1, not restarted`;
      assert.match(text(), new RegExp(`^${startup}${ended}$`));
    } finally {
      receiver?.kill("SIGKILL");
      await rig.remove();
      rmSync(folder, { recursive: true });
    }
  });

  it("takes so many sinks and no more, and none that it does not know", async () => {
    const rig = await LogRig.start(
      ...Array.from({ length: SINKS_MAX }, (_, at) => `--sink=json-lines:/dev/null#${at}`),
    );
    try {
      const run = (...flags: string[]) =>
        spawnSync(process.execPath, [...rig.words("--read-only", ...flags)], { encoding: "utf8", timeout: 60_000 });
      assert.equal(run(...Array.from({ length: SINKS_MAX + 1 }, () => "--sink=syslog")).status, 124);
      for (const sink of ["carrier-pigeon", "json-lines", "json-lines:"]) {
        assert.equal(run(`--sink=${sink}`).status, 124, sink);
      }
      assert.match(run("--sink=x").stderr, /expected one of json-lines, syslog/);
    } finally {
      await rig.remove();
    }
  });
});

describe("a message of syslog", () => {
  it("is ASCII, bounded, and has a severity", () => {
    const event = {
      kind: "refused",
      name: parseName("a:"),
      address: new Uint8Array(4),
      port: 1,
      reason: fromText("é\n".repeat(2000)),
    } as const;
    const text = formatEventForSyslog({ timestamp: 0, event }, undefined, { host: "hé st", program: "p", pid: 2 });
    assert.match(
      text,
      /^<28>1 1970-01-01T00:00:00\.000Z hst p 2 refused \[albatross@49836 name="a:"\] a: refused [ -~]*$/,
    );
    assert.ok(text.length < SYSLOG_TEXT_MAX + 200);
  });
});
