/**
 * How fast messages are encoded and decoded.
 *
 * Run: `bun bench/codec.ts`, or `deno run bench/codec.ts`.
 *
 * @module
 */
import { type ByteString, fromText } from "../core/byte-string.ts";
import { parseName } from "../core/name.ts";
import type { MacAddress, UnikernelInfo } from "../core/unikernel.ts";
import { FrameReader } from "../core/wire/framing.ts";
import { ImageSplitter } from "../core/wire/image-splitter.ts";
import type { Message, Payload } from "../core/wire/message.ts";
import { decodeMessage, encodeFrame, encodeMessage } from "../core/wire/message-codec.ts";

/** Each measurement takes about this long, milliseconds. */
const DURATION = 500;

/** Runs `work` for a while and prints how long one call takes. */
function measure(label: string, work: () => number): void {
  let sink = 0;
  for (let round = 0; round < 20; round++) sink += work();
  let count = 0;
  const start = performance.now();
  let elapsed = 0;
  while (elapsed < DURATION) {
    for (let round = 0; round < 10; round++) sink += work();
    count += 10;
    elapsed = performance.now() - start;
  }
  const nanoseconds = (elapsed * 1e6) / count;
  const text = `${nanoseconds.toFixed(0).padStart(10)} ns/op ${(1e9 / nanoseconds).toFixed(0).padStart(10)} ops/s`;
  console.log(`${label.padEnd(44)} ${text}${sink === 0 ? " (nothing done)" : ""}`);
}

function message(name: string, payload: Payload): Message {
  return { header: { sequence: 0n, name: parseName(name) }, payload };
}

const image = new Uint8Array(1_000_000).fill(0x7f);

const create = message("foo:hello", {
  kind: "command",
  command: {
    kind: "unikernel-create",
    config: {
      type: "solo5",
      compressed: false,
      image,
      failBehaviour: { kind: "restart", exitCodes: [] },
      startup: undefined,
      addName: true,
      cpuIds: [0, 1],
      memory: 32,
      blockDevices: [{ name: fromText("storage"), device: fromText("data"), sectorSize: 512 }],
      networks: [{ name: fromText("service"), bridge: fromText("br0"), mac: "00:80:41:01:02:03" as MacAddress }],
      arguments: [fromText("--ipv4=10.0.0.2/24"), fromText("--hello=world")],
      cpus: 1,
      linuxBootPartition: undefined,
    },
  },
});

const info: UnikernelInfo = {
  type: "solo5",
  startup: undefined,
  failBehaviour: { kind: "quit" },
  cpuIds: [0],
  memory: 32,
  digest: new Uint8Array(32).fill(0xab),
  blockDevices: [{ name: fromText("storage"), device: fromText("data"), sectorSize: 512, size: 20 }],
  networks: [{ name: fromText("service"), bridge: fromText("br0"), mac: "00:80:41:01:02:03" as MacAddress }],
  arguments: [fromText("--ipv4=10.0.0.2/24")],
  started: 1_780_000_000_000,
  cpus: 1,
  linuxBootPartition: undefined,
};

const infos = message(":", {
  kind: "success",
  success: {
    kind: "unikernels",
    unikernels: Array.from({ length: 100 }, (_, at) => ({ name: parseName(`tenant${at}:web`), info })),
  },
});

const line = message("foo:hello", {
  kind: "data",
  data: {
    kind: "console",
    timestamp: 1_780_000_000_123,
    line: new TextEncoder().encode("2026-05-29T10:11:12-00:00: [INFO] [application] a request was served"),
  },
});

const failure = message("foo:hello", { kind: "failure", text: "destroy: not found" as ByteString });

for (const [label, value] of [
  ["create with an image of 1 MB", create],
  ["info of 100 unikernels", infos],
  ["console line", line],
  ["failure", failure],
] as const) {
  const bytes = encodeMessage(value);
  measure(`encode ${label}, ${bytes.length} bytes`, () => encodeFrame(value).length);
  measure(`decode ${label}`, () => (decodeMessage(bytes).payload.kind === value.payload.kind ? 1 : 0));
}

const createBytes = encodeMessage(create);
measure("split create with an image of 1 MB, 64 KiB chunks", () => {
  let taken = 0;
  const splitter = new ImageSplitter(createBytes.length, {
    limit: createBytes.length,
    onImage: (bytes) => {
      taken += bytes.length;
    },
  });
  for (let at = 0; at < createBytes.length; at += 65_536) splitter.push(createBytes.subarray(at, at + 65_536));
  splitter.finish();
  return taken;
});

const frames = new Uint8Array(100 * encodeFrame(line).length);
for (let at = 0; at < 100; at++) frames.set(encodeFrame(line), at * encodeFrame(line).length);
measure("cut 100 console frames out of one chunk", () => [...new FrameReader(65_536).push(frames)].length);
