/** The forwarder as a process, between a statistics daemon and a receiver. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { parseName } from "../../../core/name.ts";
import type { Payload } from "../../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { UsageError } from "../../../daemon/common/flags.ts";
import { parseInfluxAddress } from "../../../daemon/common/influx-flag.ts";
import { forward } from "../../../daemon/influx/forward.ts";
import { openSink } from "../../../daemon/influx/options.ts";
import { HttpSink } from "../../../plugins/influx/http-sink.ts";
import { TcpSink } from "../../../plugins/influx/tcp-sink.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "../../client/scripted-peer.ts";
import { Daemon, program, until } from "../../end-to-end/harness.ts";
import { sampleStatistics } from "../../support/statistics.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-influx-"));
  mkdirSync(join(directory, "util"));
});
after(() => rmSync(directory, { recursive: true }));

describe("the command line", () => {
  const run = (...words: string[]) => {
    const [file, ...first] = program("albatross-influx");
    const { status, stderr } = spawnSync(file, [...first, ...words], { encoding: "utf8", timeout: 60_000 });
    return { status, stderr };
  };

  it("must name a receiver: 123", () => {
    assert.deepEqual(run(), { status: 123, stderr: "albatross-influx: influx host not provided\n" });
  });

  for (const words of [
    ["--influx="],
    ["--influx=host:0"],
    ["--influx=host:65536"],
    ["--influx=host:x"],
    ["--influx=host", "--influx-url=http://x", "--influx-database=d"],
    ["--influx=host", "--influx-database=d"],
    ["--influx=host", "--influx-gzip"],
    ["--influx-url=http://x"],
    ["--influx-url=http://x", "--influx-org=o"],
    ["--influx-url=http://x", "--influx-database=d", "--influx-bucket=b"],
    ["--influx-url=http://x", "--influx-database=d", "--no-timestamps"],
    ["--influx-url=http://a:b@x", "--influx-database=d"],
    ["--influx-url=http://x", "--influx-database=d", "--influx-credentials-file=/nonexistent"],
    ["--influx=host", "--name="],
    ["--influx=host", "-n", "a b"],
  ]) {
    it(`is wrong with ${words.join(" ")}: 124`, () => {
      const { status, stderr } = run(...words);
      assert.equal(status, 124, stderr);
      assert.match(stderr, /^(Usage: .*\n)?albatross-influx: .+\n$/);
    });
  }

  for (const [text, host, port] of [
    ["example.org", "example.org", 8094],
    ["127.0.0.1:1234", "127.0.0.1", 1234],
    ["::1", "::1", 8094],
    ["[::1]", "::1", 8094],
    ["[fe80::1%eth0]:99", "fe80::1%eth0", 99],
    ["localhost:65535", "localhost", 65_535],
  ] as const) {
    it(`takes ${text} as a receiver`, () => assert.deepEqual(parseInfluxAddress(text), { host, port }));
  }

  for (const bad of ["", ":1", "a:", "[::1", "::1]", "a b", "[a]:1", "a:b:c:d]", "a:123456"]) {
    it(`takes no receiver ${JSON.stringify(bad)}`, () => assert.throws(() => parseInfluxAddress(bad), UsageError));
  }
});

describe("credentials", () => {
  const log = { info: () => undefined, warning: () => undefined };
  const none = { influx: undefined, organisation: undefined, bucket: undefined, compress: false, noTimestamps: false };
  const options = { ...none, url: "http://127.0.0.1:1", database: "d", credentialsFile: undefined };

  it("come from the environment or from a file with one line, never from the command line", async () => {
    const file = join(directory, "credentials");
    writeFileSync(file, "me:secret\n");
    for (const sink of [
      openSink(options, { INFLUX_CREDENTIALS: "me:secret" }, log),
      openSink({ ...options, credentialsFile: file }, {}, log),
    ]) {
      assert.ok(sink instanceof HttpSink);
      await sink.close();
    }
    assert.throws(() => openSink(options, { INFLUX_CREDENTIALS: "token" }, log), /USER:PASSWORD/);
    for (const text of ["", "a:b\nc\n"]) {
      writeFileSync(file, text);
      assert.throws(() => openSink({ ...options, credentialsFile: file }, {}, log), /exactly one line/);
    }
  });

  it("are not needed for lines by TCP", async () => {
    const sink = openSink(
      {
        ...none,
        influx: { host: "127.0.0.1", port: 1 },
        url: undefined,
        database: undefined,
        credentialsFile: undefined,
      },
      {},
      log,
    );
    assert.ok(sink instanceof TcpSink);
    await sink.close();
  });
});

const data: Payload = { kind: "data", data: { kind: "statistics", statistics: sampleStatistics } };
const subscribed: Payload = { kind: "success", success: { kind: "string", text: fromText("subscribed") } };

/** A statistics daemon that sends a sample of each name to whoever subscribes. */
function statsDaemon(
  path: string,
  names: readonly string[],
  sequences: bigint[],
  sockets: Socket[] = [],
): Promise<ScriptedPeer> {
  return listenPeer(
    (socket) =>
      onFrames(socket, (payload) => {
        const { header } = decodeMessage(payload);
        sequences.push(header.sequence);
        sockets.push(socket);
        socket.write(encodeFrame({ header, payload: subscribed }));
        for (const name of names)
          socket.write(encodeFrame({ header: { sequence: 0n, name: parseName(name) }, payload: data }));
      }),
    path,
  );
}

describe("the forwarder", () => {
  it("connects both ways again and again, counting its subscriptions", async () => {
    const lines: string[] = [];
    const told: string[] = [];
    const log = { info: (text: string) => told.push(text), warning: (text: string) => told.push(text) };
    const stop = new AbortController();
    const path = join(directory, "util/again.sock");
    const sink = { write: (text: string) => lines.push(text), dropped: 0, close: () => Promise.resolve() };
    const options = {
      path,
      name: parseName("foo:"),
      dropPath: true,
      stamped: false,
      sink,
      log,
      signal: stop.signal,
      retryMs: 10,
    };
    const forwarding = forward(options);
    await until("the daemon is missed", () => told.some((text) => text.includes("no statistics")));
    const sequences: bigint[] = [];
    const sockets: Socket[] = [];
    let peer = await statsDaemon(path, [":a", "bar:a"], sequences, sockets);
    await until("samples come", () => lines.length === 2);
    sockets[0]?.destroy();
    await until("they come again", () => lines.length === 4);
    await peer.close();
    await until("the end is noticed", () => told.filter((text) => text.includes("no statistics")).length >= 2);
    peer = await statsDaemon(path, [":a"], sequences);
    await until("and again", () => lines.length === 5);
    stop.abort();
    await forwarding;
    await peer.close();
    assert.ok(
      sequences.every((value, at) => at === 0 || value > (sequences[at - 1] ?? 0n)),
      String(sequences),
    );
    assert.ok(lines.every((text) => text.startsWith("resource_usage,vm=a ")));
    assert.equal(told.filter((text) => text.includes("foo:a and foo:bar:a are both called a in Influx")).length, 1);
  });

  it("is a program that forwards as the original does without timestamps", async () => {
    let received = "";
    const receiver = createServer((socket) => {
      socket
        .on("error", () => undefined)
        .on("data", (chunk) => {
          received += chunk.toString();
        });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
    const sockets: Socket[] = [];
    const peer = await statsDaemon(join(directory, "util/stat.sock"), [], [], sockets);
    const { port } = receiver.address() as AddressInfo;
    const words = [
      `--tmpdir=${directory}`,
      `--influx=127.0.0.1:${port}`,
      "--no-timestamps",
      "--no-drop-path",
      "-n",
      "foo:",
      "-vv",
    ];
    const daemon = new Daemon([...program("albatross-influx"), ...words], {});
    try {
      await daemon.logged("connected to 127.0.0.1");
      await daemon.logged("subscribed to [unikernel: foo:]");
      sockets[0]?.write(encodeFrame({ header: { sequence: 0n, name: parseName(":hello") }, payload: data }));
      await until("lines come", () => received.split("\n").length === 5);
      assert.match(
        received,
        /^resource_usage,vm=foo:hello utime=1\.230000,.*majflt=4i\nkinfo_mem,vm=foo:hello .*\nvmm,.*\ninterface,.*host_to_vm_dropped=25i\n$/,
      );
    } finally {
      assert.equal(await daemon.stop(), 0);
      await peer.close();
      receiver.close();
    }
  });

  it("writes by HTTPS to a server whose authority it was told, and to no other", async () => {
    const [keyFile, certFile] = [join(directory, "server.key"), join(directory, "server.pem")];
    const made = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-subj",
      "/CN=test",
    ];
    const names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", keyFile, "-out", certFile];
    assert.equal(spawnSync("openssl", [...made, ...names]).status, 0);
    let received = "";
    const options = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
    const server = createHttpsServer(options, (request, response) => {
      request.on("data", (chunk: Buffer) => {
        received += `${request.headers.authorization}: ${chunk.toString()}`;
      });
      request.on("end", () => response.writeHead(204).end());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const peer = await statsDaemon(join(directory, "util/stat.sock"), [":hello"], []);
    const url = `--influx-url=https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const words = [`--tmpdir=${directory}`, url, "--influx-org=o", "--influx-bucket=b", "-vv"];
    const environment = { INFLUX_CREDENTIALS: "t0ken" };
    const trusting = { ...environment, NODE_EXTRA_CA_CERTS: certFile };
    const daemons = [environment, trusting].map((each) => new Daemon([...program("albatross-influx"), ...words], each));
    try {
      await daemons[0]?.logged(/cannot write to InfluxDB, trying again: .*certificate/);
      await until("lines come", () => received.includes("vmm,vm=hello"));
      assert.match(received, /^Token t0ken: resource_usage,vm=hello /);
      assert.equal(received.split("resource_usage").length, 2, "the other one has written, too");
    } finally {
      for (const daemon of daemons) assert.equal(await daemon.stop(), 0);
      await peer.close();
      server.closeAllConnections();
      server.close();
    }
  });
});
