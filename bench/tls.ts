/**
 * The TLS endpoint: handshakes with an `info` command per second beside `openssl s_server` as the floor, images deployed,
 * and the memory that large ones take. Run by `bun bench/tls.ts`, after `npm run build` with `ALBATROSS_PROGRAMS=dist`.
 *
 * @module
 */
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { socketFile } from "../core/paths.ts";
import { EndpointRig, leafFor } from "../test/daemon/tls-endpoint/endpoint-rig.ts";
import { ScriptedDaemon } from "../test/daemon/tls-endpoint/scripted-daemon.ts";
import { create } from "../test/end-to-end/harness.ts";
import type { TestCertificate } from "../test/support/certificates.ts";

const HANDSHAKES = 2000;
const MIB = 1024 * 1024;
const empty = new Uint8Array(0);

const usage = (pid: number) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10; // clock ticks are hundredths of a second
};
const status = (pid: number, field: string) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

const rig = new EndpointRig();
const { root } = rig;

function handshakes(what: string, pid: number, port: number, leaf: TestCertificate, say: string): void {
  const file = rig.file("bench.json");
  writeFileSync(file, JSON.stringify({ port, ca: root.pem, cert: leaf.chainPem, key: leaf.keyPem, say }));
  for (const atOnce of [1, 8]) {
    const before = usage(pid);
    const words = [join(import.meta.dirname, "tls-client.ts"), file, String(HANDSHAKES), String(atOnce)];
    const rate = execFileSync(process.execPath, words, { encoding: "utf8" }).trim();
    const cpu = ((usage(pid) - before) / HANDSHAKES).toFixed(2);
    console.log(
      `${what}, ${atOnce} at once: ${rate}/s, ${cpu} ms of CPU each, ${status(pid, "VmRSS").toFixed(0)} MB resident`,
    );
  }
}

function* pieces(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

try {
  await rig.machine.start();
  const endpoint = await rig.start();
  const leaf = leafFor(root, ".", { kind: "unikernel-info" });
  handshakes("handshake and info", endpoint.pid, rig.port, leaf, "");

  const [ca = "", cert = "", key = ""] = rig.operands;
  const port = 19_443;
  const floor = spawn(
    "openssl",
    ["s_server", "-accept", String(port), "-cert", cert, "-key", key, "-CAfile", ca, "-Verify", "5"].concat([
      "-verify_return_error",
      "-tls1_3",
      "-num_tickets",
      "0",
      "-quiet",
      "-rev",
    ]),
    { stdio: "ignore" },
  );
  await sleep(500);
  const file = rig.file("bench.json");
  writeFileSync(file, JSON.stringify({ port, ca: root.pem, cert: leaf.chainPem, key: leaf.keyPem, say: "x\n" }));
  const before = usage(floor.pid ?? 0);
  const words = [join(import.meta.dirname, "tls-client.ts"), file, String(HANDSHAKES), "1"];
  const rate = execFileSync(process.execPath, words, { encoding: "utf8" }).trim();
  const cpu = ((usage(floor.pid ?? 0) - before) / HANDSHAKES).toFixed(2);
  console.log(`openssl s_server, 1 at once: ${rate}/s, ${cpu} ms of CPU each`);
  floor.kill();

  await endpoint.stop();
  const fresh = await rig.start();
  const image = randomBytes(10_000_000);
  for (let count = 0; count < 4; count++) {
    const start = performance.now();
    await rig.ask(leafFor(root, "x", create(empty)), { stream: pieces(image) });
    const took = performance.now() - start;
    const peak = status(fresh.pid, "VmHWM").toFixed(0);
    console.log(`stream of 10 MB: ${took.toFixed(0)} ms, ${(10_000 / took).toFixed(0)} MB/s, peak ${peak} MB`);
  }
  const large = leafFor(root, "x", create(randomBytes(15_000_000)));
  const start = performance.now();
  await rig.ask(large);
  console.log(
    `15 MB in the leaf: ${(performance.now() - start).toFixed(0)} ms, peak ${status(fresh.pid, "VmHWM").toFixed(0)} MB`,
  );
  await rig.machine.close();
} finally {
  await rig.close();
}

const streams = new EndpointRig();
const daemon = new ScriptedDaemon(socketFile(streams.machine.tmpdir, "vmmd"));
try {
  const endpoint = await streams.start();
  daemon.script = async ({ line, command, reply }) => {
    const message = await command();
    for (let frame = await line.next(); frame !== undefined; frame = await line.next()) {
      for await (const part of frame.pieces) void part;
    }
    await reply(message, { kind: "success", success: { kind: "empty" } });
  };
  const piece = new Uint8Array(MIB);
  const start = performance.now();
  const leaf = leafFor(streams.root, "disk", { kind: "block-set", compressed: false });
  await streams.ask(leaf, { stream: Array.from({ length: 200 }, () => piece) });
  const rate = 200_000 / (performance.now() - start);
  console.log(`block stream of 200 MiB: ${rate.toFixed(0)} MiB/s, peak ${status(endpoint.pid, "VmHWM").toFixed(0)} MB`);
} finally {
  daemon.close();
  await streams.close();
}
process.exit();
