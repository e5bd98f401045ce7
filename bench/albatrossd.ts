/**
 * Speed and memory of albatrossd: `npm run build`, then `bun bench/albatrossd.ts [TENDER]`, as root.
 *
 * Each figure stands beside the floor of the same run: what the machine needs for the same work without albatrossd.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromText } from "../core/byte-string.ts";
import { parseName } from "../core/name.ts";
import { createBridge, findLink, removeLink } from "../host/linux/links.ts";
import { openHostNetwork } from "../host/network.ts";
import { buildUnikernels } from "../test/unikernels/build.ts";
import {
  commandFrame,
  createFrame,
  DaemonRig,
  exchange,
  exchangeQuickly,
  padded,
  quantile,
  subscribe,
} from "./daemon-rig.ts";

const tender = process.argv[2];
const folder = mkdtempSync(join(tmpdir(), "albatross-bench-images-"));
const images = await buildUnikernels(folder, { target: "hvt" });
const image = (name: keyof typeof images): Uint8Array => readFileSync(images[name]);
const show = (line: string, value: string) => console.log(`${line.padEnd(62)} ${value}`);
const ms = (value: number) => `${value.toFixed(1)} ms`;
const infoFrame = commandFrame(":", { kind: "unikernel-info" });
const destroyFrame = (name: string) => commandFrame(name, { kind: "unikernel-destroy" });

async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}

async function mustSucceed(rig: DaemonRig, frame: Uint8Array): Promise<void> {
  const [reply] = await exchange(rig.socket("vmmd"), frame);
  if (reply?.payload.kind !== "success") throw new Error(`a command was refused: ${JSON.stringify(reply?.payload)}`);
}

async function requestsPerSecond(path: string, count: number): Promise<number> {
  for (let at = 0; at < 500; at++) await exchangeQuickly(path, infoFrame);
  const each = count / 4;
  const worker = async () => {
    for (let at = 0; at < each; at++) await exchangeQuickly(path, infoFrame);
  };
  return (count / (await timed(() => Promise.all([worker(), worker(), worker(), worker()])))) * 1000;
}

async function infoRequests(rig: DaemonRig): Promise<void> {
  const floorPath = join(folder, "floor.sock");
  const floorServer = spawn(process.execPath, ["-e", floorProgram(floorPath)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => floorServer.stdout.once("data", resolve));
  const floor = await requestsPerSecond(floorPath, 10_000);
  floorServer.kill();
  let running = 0;
  for (const wanted of [0, 10, 100]) {
    for (; running < wanted; running++) {
      await mustSucceed(rig, createFrame(`i${running}`, image("ticker"), { args: ["interval=1000000"] }));
    }
    const rate = await requestsPerSecond(rig.socket("vmmd"), 10_000);
    const ratio = (rate / floor).toFixed(2);
    show(
      `info per second, a connection each, ${wanted} unikernels`,
      `${rate.toFixed(0)} (bare server ${floor.toFixed(0)}, ${ratio})`,
    );
  }
  for (let at = 0; at < running; at++) await mustSucceed(rig, destroyFrame(`i${at}`));
}

const floorProgram = (path: string) =>
  `Bun.listen({unix:${JSON.stringify(path)},socket:{data(s){s.write(new Uint8Array(30));s.end()}}});console.log("up")`;

function bareTender(): Promise<number> {
  const command = tender === undefined ? [join(import.meta.dirname, "../dist/albatross"), "tender"] : [tender];
  const [program = "", ...args] = [...command, "--mem=2", "--", images.hello];
  const start = performance.now();
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve) => {
    let first = 0;
    child.stdout.once("data", () => {
      first = performance.now() - start;
    });
    child.once("close", () => resolve(first));
  });
}

async function firstLine(rig: DaemonRig): Promise<void> {
  const [bare, through, replied]: number[][] = [[], [], []];
  const hello = image("hello");
  for (let round = 0; round < 30; round++) {
    bare?.push(await bareTender());
    const name = `h${round}`;
    const line = Promise.withResolvers<number>();
    const subscription = await subscribe(rig.socket("console"), parseName(name), () => line.resolve(performance.now()));
    const frame = createFrame(name, hello);
    const start = performance.now();
    await mustSucceed(rig, frame);
    replied?.push(performance.now() - start);
    through?.push((await line.promise) - start);
    subscription.destroy();
  }
  const [floor, ours, reply] = [quantile(bare ?? [], 0.5), quantile(through ?? [], 0.5), quantile(replied ?? [], 0.5)];
  show(
    "create to first console line, median",
    `${ms(ours)} (bare tender ${ms(floor)}, difference ${ms(ours - floor)})`,
  );
  show("create to reply, median", ms(reply));
}

async function networks(rig: DaemonRig): Promise<void> {
  const bridge = `albb${process.pid % 100_000}`;
  createBridge(fromText(bridge));
  try {
    const [creates, destroys, tapCreates, tapDestroys]: number[][] = [[], [], [], []];
    const host = openHostNetwork();
    const frame = createFrame("net", image("net-echo"), { bridge });
    for (let round = 0; round < 15; round++) {
      let tap = "";
      tapCreates?.push(
        await timed(async () => {
          tap = await host.createTap(fromText(bridge));
        }),
      );
      tapDestroys?.push(await timed(() => host.destroyTap(tap)));
      creates?.push(await timed(() => mustSucceed(rig, frame)));
      destroys?.push(await timed(() => mustSucceed(rig, destroyFrame("net"))));
    }
    const median = (values: readonly number[] | undefined) => ms(quantile(values ?? [], 0.5));
    show("create with a network device, median", `${median(creates)} (the tap alone ${median(tapCreates)})`);
    show("destroy of it, median", `${median(destroys)} (the tap alone ${median(tapDestroys)})`);
  } finally {
    const link = findLink(fromText(bridge));
    if (link !== undefined) removeLink(link.index);
  }
}

async function largeImages(rig: DaemonRig): Promise<void> {
  const ticker = image("ticker");
  const took: number[] = [];
  for (let k = 1; k <= 50; k++) {
    const frame = createFrame(`b${k}`, padded(ticker, 10_000_000), { args: ["interval=1000000"] });
    took.push(await timed(() => mustSucceed(rig, frame)));
  }
  const { resident, own } = rig.memory();
  const part = (from: number, to: number) => ms(quantile(took.slice(from, to), 0.5));
  show(
    "k-th create with a 10 MB image, median of 1–10 / 21–30 / 41–50",
    `${part(0, 10)} / ${part(20, 30)} / ${part(40, 50)}`,
  );
  show("albatrossd resident after it (of which its own)", `${resident.toFixed(0)} MB (${own.toFixed(0)} MB)`);
  await rig.stopDaemon();
  const start = performance.now();
  await rig.startDaemon();
  await exchange(rig.socket("vmmd"), infoFrame);
  show("start with 50 unikernels in the database until info answers", ms(performance.now() - start));
  for (let k = 1; k <= 50; k++) await mustSucceed(rig, destroyFrame(`b${k}`));
}

async function latencyUnderLoad(rig: DaemonRig): Promise<void> {
  const ticker = image("ticker");
  const frames = Array.from({ length: 20 }, (_, at) => createFrame(`l${at}`, padded(ticker, 5_000_000)));
  // A process of its own creates, so that this one measures nothing of it.
  const loader = spawn(process.execPath, [join(import.meta.dirname, "creator.ts"), rig.socket("vmmd")], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  for (const frame of frames) loader.stdin.write(frame);
  loader.stdin.end();
  let loading = true;
  loader.once("close", () => {
    loading = false;
  });
  const took: number[] = [];
  while (loading) took.push(await timed(() => exchangeQuickly(rig.socket("vmmd"), infoFrame)));
  show(
    `info while 20 creates with 5 MB images run, p50 / p99 of ${took.length}`,
    `${ms(quantile(took, 0.5))} / ${ms(quantile(took, 0.99))}`,
  );
  for (let at = 0; at < 20; at++) await mustSucceed(rig, destroyFrame(`l${at}`));
}

const rig = new DaemonRig(tender === undefined ? [] : [`--tender=${tender}`]);
try {
  await rig.startConsole();
  await rig.startDaemon();
  await infoRequests(rig);
  await firstLine(rig);
  await networks(rig);
  await largeImages(rig);
  await latencyUnderLoad(rig);
} finally {
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
}
