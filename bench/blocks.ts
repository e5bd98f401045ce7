/**
 * Block devices: `npm run build`, then `bun bench/blocks.ts`. Contents set and dumped over the Unix socket, the memory of
 * albatrossd meanwhile, and a long list.
 *
 * Each figure stands beside the floor of the same run: the same bytes written to a file of the same folder and put on
 * the disk, or sent through a Unix socket between two processes.
 *
 * @module
 */
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createDeflate } from "node:zlib";
import { FrameReader, frame, REPLY_FRAME_LIMIT } from "../core/wire/framing.ts";
import { decodeMessage } from "../core/wire/message-codec.ts";
import { connectUnix } from "../runtime/unix-socket.ts";
import { commandFrame, DaemonRig, exchange, exchangeQuickly } from "./daemon-rig.ts";

const MIB = 2 ** 20;
const CHUNK = 256 * 1024;
const rig = new DaemonRig();
const show = (line: string, value: string) => console.log(`${line.padEnd(58)} ${value}`);

/** A pattern that compresses to about half, and has no zeros. */
const chunk = new Uint8Array(CHUNK);
crypto.getRandomValues(chunk.subarray(0, 65_536));
for (let at = 65_536; at < CHUNK; at++) chunk[at] = ((chunk[at - 65_536] ?? 0) & 0x0f) | 0x10;

async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return (performance.now() - start) / 1000;
}

/** The highest resident memory of albatrossd while `task` runs, MB. */
async function watched(task: () => Promise<number>): Promise<{ seconds: number; resident: number }> {
  let resident = 0;
  const timer = setInterval(() => {
    resident = Math.max(resident, rig.memory().resident);
  }, 10);
  try {
    const seconds = await task();
    return { seconds, resident: Math.max(resident, rig.memory().resident) };
  } finally {
    clearInterval(timer);
  }
}

async function set(name: string, frames: readonly Uint8Array[], compressed: boolean): Promise<void> {
  const answered = Promise.withResolvers<string>();
  const reader = new FrameReader(REPLY_FRAME_LIMIT);
  const connection = await connectUnix(rig.socket("vmmd"), () => ({
    data: (bytes) => {
      for (const whole of reader.push(bytes)) {
        const { payload } = decodeMessage(whole);
        answered.resolve(payload.kind === "failure" ? payload.text : payload.kind);
      }
    },
    end: () => connection.destroy(),
    close: () => answered.resolve("closed"),
  }));
  connection.send(commandFrame(name, { kind: "block-set", compressed }));
  for (const each of frames) if (!connection.send(each)) await connection.drained();
  connection.send(frame(new Uint8Array()));
  const answer = await answered.promise;
  if (answer !== "success") throw new Error(`Cannot set ${name}: ${answer}`);
}

async function deflated(count: number, level: number): Promise<Uint8Array[]> {
  const output = createDeflate({ level, chunkSize: 64 * 1024 });
  const frames: Uint8Array[] = [];
  const feed = async () => {
    for (let at = 0; at < count; at++) {
      if (!output.write(chunk)) await new Promise<void>((resolve) => void output.once("drain", () => resolve()));
    }
    output.end();
  };
  void feed();
  for await (const bytes of output) frames.push(frame(bytes as Uint8Array));
  return frames;
}

function writeFile(count: number): number {
  const path = join(rig.folder, "floor");
  const start = performance.now();
  const file = openSync(path, "w");
  for (let at = 0; at < count; at++) writeSync(file, chunk);
  fsyncSync(file);
  closeSync(file);
  const seconds = (performance.now() - start) / 1000;
  rmSync(path);
  return seconds;
}

let floors = 0;

/** A process that sends so many bytes to whoever connects. */
async function socketFloor(bytes: number): Promise<number> {
  const path = join(rig.folder, `floor${floors++}.sock`);
  const sender = Bun.spawn([process.execPath, join(import.meta.dirname, "blocks-sender.ts"), path, String(bytes)], {
    stdout: "pipe",
  });
  await sender.stdout.getReader().read();
  const seconds = await timed(() => exchangeQuickly(path, new Uint8Array(1)));
  sender.kill();
  await sender.exited;
  return seconds;
}

const speed = (bytes: number, seconds: number) => `${(bytes / MIB / seconds).toFixed(0)} MB/s`;

try {
  await rig.startConsole();
  await rig.startDaemon();
  for (const size of [64, 1024]) {
    const name = `device${size}`;
    const bytes = size * MIB;
    const count = bytes / CHUNK;
    await exchange(rig.socket("vmmd"), commandFrame(name, { kind: "block-add", size }));
    const rounds = size === 64 ? 7 : 2;
    const best = async (title: string, task: () => Promise<unknown>, floor: () => Promise<number> | number) => {
      const runs: { seconds: number; resident: number }[] = [];
      let least = Number.POSITIVE_INFINITY;
      for (let round = 0; round < rounds; round++) {
        least = Math.min(least, await floor());
        runs.push(await watched(() => timed(task)));
      }
      const seconds = Math.min(...runs.map((run) => run.seconds));
      const resident = Math.max(...runs.map((run) => run.resident)).toFixed(0);
      show(`${title} ${size} MB`, `${speed(bytes, seconds)} (floor ${speed(bytes, least)}), resident ${resident} MB`);
    };
    const plain = Array.from({ length: count }, () => frame(chunk));
    await best(
      "set, plain",
      () => set(name, plain, false),
      () => writeFile(count),
    );
    const dump = (level: number) =>
      exchangeQuickly(rig.socket("vmmd"), commandFrame(name, { kind: "block-dump", level }));
    await best(
      "dump, plain",
      () => dump(0),
      () => socketFloor(bytes),
    );
    if (size === 64) {
      const packed = await deflated(count, 1);
      await best(
        "set, compressed",
        () => set(name, packed, true),
        () => writeFile(count),
      );
      await best(
        "dump, compressed at level 1",
        () => dump(1),
        () => socketFloor(bytes),
      );
    }
  }
  for (let at = 0; at < 1000; at++) {
    await exchange(rig.socket("vmmd"), commandFrame(`list:device${at}`, { kind: "block-add", size: 1 }));
  }
  const listed = await timed(async () => {
    for (let round = 0; round < 100; round++) {
      await exchangeQuickly(rig.socket("vmmd"), commandFrame(":", { kind: "block-info" }));
    }
  });
  show("list of 1,000 devices", `${(listed * 10).toFixed(2)} ms`);
} finally {
  await rig.close();
}
