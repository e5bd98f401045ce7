/** Plugins of the endpoint and of the log, and backends of plugins from afar. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { runClient } from "../cli/run-client.ts";
import { freePort } from "../client/tls-peer.ts";
import { EndpointRig } from "../daemon/tls-endpoint/endpoint-rig.ts";
import { PluginFolder } from "../plugins/plugin-files.ts";
import { create, destroy, images, Machine, until } from "./harness.ts";

const shellPlugin = `({ startProcess }) => ({
  apiVersion: 1,
  name: "sleepy",
  backends: [{
    interfaceVersion: 1,
    name: "sleepy",
    handles: (type) => type === "sleepy",
    check: async ({ imageFile }) => ({
      description: imageFile === undefined ? "without image" : "with image",
      emulated: false,
      launch: async (request) => startProcess(["/bin/sh", "-c", "cat $0; exec sleep 1000", request.imageFile], request),
    }),
  }],
});`;

/** Carries bytes over a socket in the file system. */
const socketPlugin = (path: string) => `({ log }) => ({
  apiVersion: 1,
  name: "local",
  transports: [
    { name: "broken", listen() { throw new Error("no such wire") } },
    { name: "local", listen: (accept) => new Promise((resolve, reject) => {
      const server = require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
        const handlers = accept({
          send: (bytes) => socket.write(bytes),
          get pending() { return socket.writableLength },
          drained: () => new Promise((done) => (socket.writableLength === 0 ? done() : socket.once("drain", done))),
          end: () => socket.end(),
          destroy: () => socket.destroy(),
          pause: () => socket.pause(),
          resume: () => socket.resume(),
        }, "local");
        socket.on("data", (chunk) => handlers.data(chunk));
        socket.on("end", () => handlers.end?.());
        socket.on("drain", () => handlers.drain?.());
        socket.on("error", () => socket.destroy());
        socket.on("close", () => handlers.close(undefined));
      });
      server.on("error", reject);
      server.listen(${JSON.stringify(path)}, () => resolve({ where: ${JSON.stringify(path)}, close: () => server.close() }));
    }) },
  ],
})`;

describe("a transport of a plugin", () => {
  it("carries clients besides TCP; one that does not work is left out", async () => {
    const rig = new EndpointRig();
    try {
      using folder = new PluginFolder();
      const path = join(folder.path, "socket");
      const file = folder.write("local.cjs", `module.exports = ${socketPlugin(path)};`);
      const endpoint = await rig.start([`--plugin=${file}`]);
      await endpoint.logged("[ERROR] cannot listen on broken: the plugin local failed to listen: no such wire");
      await endpoint.logged(`listening on ${path}`);
      const words = ["s_client", "-unix", path, "-tls1_3", "-CAfile", rig.file("cacert.pem"), "-verify_return_error"];
      const { stdout } = spawnSync("openssl", words, { input: "", encoding: "utf8", timeout: 30_000 });
      assert.match(stdout, /Verify return code: 0 \(ok\)/);
      await endpoint.logged(/no connection with local: .*certificate/);
      assert.equal(await endpoint.stop(), 0);
      assert.equal(existsSync(path), false);
    } finally {
      await rig.machine.close();
    }
  });
});

describe("an event sink of a plugin", () => {
  it("gets what happens, again if it failed", async () => {
    const kernels = await images();
    await Machine.with(async (machine) => {
      using folder = new PluginFolder();
      const target = join(folder.path, "events");
      const file = folder.write(
        "sink.cjs",
        `let failures = 2;
         module.exports = { apiVersion: 1, name: "keeper", eventSinks: [{ name: "keeper",
           async write(events) {
             if (failures-- > 0) throw new Error("not yet");
             require("node:fs").appendFileSync(${JSON.stringify(target)}, events.map(({ event }) => event.kind + "\\n").join(""));
           },
           async close() {} }] };`,
      );
      mkdirSync(join(machine.tmpdir, "util"), { recursive: true });
      const words = [
        `--tmpdir=${machine.tmpdir}`,
        `--logfile=${join(machine.directory, "log")}`,
        `--plugin=${file}`,
        "-vv",
      ];
      const log = machine.launch("albatross-log", words);
      await log.logged("listening on");
      await machine.start();
      await machine.expect(":web", create(kernels.ticker), "created unikernel");
      await machine.expect(":web", destroy, "destroyed unikernel");
      const kinds = () => (existsSync(target) ? readFileSync(target, "utf8").trim().split("\n") : []);
      await until("the sink has all events", () => kinds().includes("unikernel-removed"));
      const wanted = ["startup", "daemon-started", "unikernel-admitted", "unikernel-started", "unikernel-stopped"];
      for (const kind of wanted) assert.equal(kinds().filter((each) => each === kind).length, 1, kind);
      await log.logged(/the plugin keeper failed to write events: not yet/);
      assert.equal(await log.stop(), 0);
    });
  });
});

describe("a backend of a plugin, from afar,", () => {
  const machine = new Machine();
  const folder = new PluginFolder();
  const cwd = folder.path;
  let destination = "";
  const as = (...words: readonly string[]) =>
    runClient([...words, "--ca=cacert.pem", "--ca-key=ca.key", destination], { cwd });

  before(async () => {
    const file = folder.plugin("sleepy.js", shellPlugin);
    await machine.start({ flags: [`--plugin=${file}`] });
    assert.equal((await runClient(["generate", "ca", "db"], { cwd })).status, 0);
    const port = await freePort();
    destination = `--destination=127.0.0.1:${port}`;
    const files = ["cacert.pem", "server.pem", "server.key"].map((name) => join(cwd, name));
    const words = [`--tmpdir=${machine.tmpdir}`, "--ip=127.0.0.1", `--port=${port}`, ...files];
    const endpoint = machine.launch("albatross-tls-endpoint", words);
    await until(
      () => `the endpoint serves: ${endpoint.log}`,
      async () => (await as("info")).status === 0,
    );
    writeFileSync(join(cwd, "image"), "the image\n");
  });
  after(async () => {
    await machine.close();
    folder[Symbol.dispose]();
  });

  it("gets its image in a stream, by its digest, in the certificate, or none at all", async () => {
    for (const [name, image, ...more] of [
      ["stream", "image"],
      ["digest", "image"],
      ["certificate", "image", "--image-in-certificate"],
      ["without", "/dev/null"],
    ] as const) {
      const { status, stdout, stderr } = await as("create", name, image, "--typ=sleepy", "--mem=8", ...more);
      assert.equal(status, 0, stdout + stderr);
      const { launcher } = await machine.reaches(`:${name}`, "running");
      assert.equal(launcher, image === "image" ? "with image" : "without image", name);
    }
    await (await machine.console(":digest")).line("the image");
  });

  it("is created by a signed request", async () => {
    const run = (...words: readonly string[]) => runClient(words, { cwd });
    assert.equal((await run("create", "signed", "image", "--typ=sleepy", "--mem=8", "--csr")).status, 0);
    const signed = await run("sign", "cacert.pem", "db", "ca.key", "signed.req");
    assert.equal(signed.status, 0, signed.stderr);
    assert.match(signed.stdout, /typ sleepy/);
    const carried = await run("certificate", "signed.pem", "signed.key", "--server-ca=cacert.pem", destination);
    assert.equal(carried.status, 0, carried.stdout + carried.stderr);
    assert.equal((await machine.reaches(":signed", "running")).launcher, "with image");
  });

  it("is refused by its name where there is none", async () => {
    const { status, stdout, stderr } = await as("create", "x", "image", "--typ=absent", "--mem=8");
    assert.equal(status, 117);
    assert.match(stdout + stderr, /there are backends for hvt, spt, bhyve, sleepy only/);
  });
});
