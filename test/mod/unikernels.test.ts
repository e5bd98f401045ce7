/** Unikernels by the scripting interface: real daemons, real unikernels. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { openImageInput } from "../../client/api/input.ts";
import {
  AbortedError,
  type Albatross,
  ConnectError,
  connect,
  InputError,
  inspectImage,
  parseName,
  RefusedError,
} from "../../mod.ts";
import { images, Machine, until } from "../end-to-end/harness.ts";
import { destroyAll } from "./destroy-all.ts";
import { rejection } from "./rejection.ts";

const machine = new Machine();
const directory = mkdtempSync(join(tmpdir(), "albatross-mod-"));
let kernels: Awaited<ReturnType<typeof images>>;
let albatross: Albatross;

before(async () => {
  kernels = await images();
  for (const name of ["hello", "ticker"] as const) writeFileSync(join(directory, `${name}.hvt`), kernels[name]);
  await machine.start();
  albatross = await connect({ tmpdir: machine.tmpdir });
});
afterEach(() => destroyAll(albatross));
after(async () => {
  await machine.close();
  rmSync(directory, { recursive: true });
});

const ticking = { memoryMb: 16, arguments: ["interval=20"], addName: false } as const;

describe("create", () => {
  it("takes an image as bytes, path, URL, stream and generator", async () => {
    const path = join(directory, "ticker.hvt");
    async function* generated() {
      for (let at = 0; at < kernels.ticker.length; at += 1000) yield kernels.ticker.subarray(at, at + 1000);
    }
    const sources = {
      bytes: kernels.ticker,
      path,
      url: pathToFileURL(path),
      stream: new Blob([kernels.ticker.slice()]).stream(),
      generator: generated(),
      list: [kernels.ticker.subarray(0, 5), kernels.ticker.subarray(5)],
    };
    for (const [name, image] of Object.entries(sources)) await albatross.create(name, { ...ticking, image });
    const found = await albatross.info();
    assert.deepEqual(
      found.map(({ name }) => name.text).sort(),
      Object.keys(sources)
        .map((name) => `:${name}`)
        .sort(),
    );
    assert.equal(new Set(found.map(({ digest }) => digest)).size, 1);
  });

  it("tells what a unikernel is, in a form that makes the same one again", async () => {
    const options = {
      memoryMb: 24,
      cpuIds: [0],
      arguments: ["interval=20", "grüße"],
      restartOnFail: true,
      exitCodes: [2, 3],
    };
    await albatross.create("first", { ...options, startup: 7, addName: false, image: kernels.ticker });
    const [first] = await albatross.info("first");
    assert.ok(first !== undefined);
    assert.deepEqual({ ...first, ...options }, first);
    assert.equal(first.status?.state, "running");
    assert.ok(Date.now() - first.started.getTime() < 60_000);
    const image = await albatross.get(first.name);
    assert.deepEqual(image, kernels.ticker);
    assert.deepEqual(await albatross.get("first", { compressionLevel: 5 }), kernels.ticker);
    await albatross.create("second", { ...first, image });
    const [second] = await albatross.info("second");
    const { name: _1, started: _2, status: _3, ...same } = second ?? first;
    const { name: _4, started: _5, status: _6, ...expected } = first;
    assert.deepEqual(same, expected);
  });

  it("watches the start if that is wanted", async () => {
    const good = await albatross.create("good", { ...ticking, image: kernels.ticker, watch: true });
    assert.equal(good.early?.state, "running");
    assert.equal(good.early?.failed, false);
    const bad = await albatross.create("bad", { memoryMb: 16, image: kernels.abort, watch: true });
    assert.equal(bad.early?.failed, true);
    assert.ok((bad.early?.lines.length ?? 0) > 0);
    assert.equal((await albatross.create("unseen", { ...ticking, image: kernels.ticker })).early, undefined);
  });

  it("replaces, restarts and rolls back", async () => {
    await albatross.create("one", { ...ticking, image: kernels.ticker });
    const refused = await rejection(albatross.create("one", { ...ticking, image: kernels.ticker }), RefusedError);
    assert.equal(refused.code, "refused");
    assert.equal(refused.exitStatus, 117);
    await albatross.create("one", { ...ticking, memoryMb: 18, image: kernels.ticker, force: true });
    await albatross.restart("one", { replace: { ...ticking, memoryMb: 20 } });
    const memory = async () => (await albatross.info("one")).map(({ memoryMb }) => memoryMb);
    assert.deepEqual(await memory(), [20]);
    assert.deepEqual(
      (await albatross.revisions("one")).map(({ revision, command }) => [revision, command]),
      [
        [3, "restart"],
        [2, "force-create"],
        [1, "create"],
      ],
    );
    await albatross.rollback("one");
    assert.deepEqual(await memory(), [18]);
    await albatross.rollback("one", { revision: 1 });
    assert.deepEqual(await memory(), [16]);
    assert.equal((await albatross.revisions("one", { count: 1 })).length, 1);
  });

  it("says what is wrong before anything is sent", async () => {
    const elsewhere = await connect({ tmpdir: join(directory, "nowhere") });
    const cases: readonly [() => Promise<unknown>, string, RegExp][] = [
      [() => elsewhere.create("a b", { image: kernels.hello }), "argument", /name "a b": invalid name/],
      [() => elsewhere.create("a:", { image: kernels.hello }), "argument", /path a: here/],
      [() => elsewhere.create("a", {}), "image", /without an image/],
      [() => elsewhere.create("a", { image: join(directory, "missing.hvt") }), "image", /missing/],
      [() => elsewhere.create("a", { image: new Uint8Array(5000) }), "image", /Cannot use the image/],
      [() => elsewhere.create("a", { image: [new Uint8Array(5000)] }), "image", /Cannot use the image/],
      [() => elsewhere.create("a", { image: ["text"] as never }), "argument", /only Uint8Array/],
      [() => elsewhere.create("a", { image: 5 as never }), "argument", /no bytes/],
      [() => elsewhere.create("a", { image: kernels.net2 }), "image", /specified bridge\(s\) does not match/],
      [
        () => elsewhere.create("a", { image: kernels.hello, networks: [{ name: "x" }, { name: "x" }] }),
        "argument",
        /twice/,
      ],
      [() => elsewhere.create("a", { image: kernels.hello, networks: [{ name: "x", mac: "y" }] }), "argument", /MAC/],
      [
        () => elsewhere.create("a", { image: kernels.hello, blocks: [{ name: "x", sectorSize: 513 }] }),
        "argument",
        /513/,
      ],
      [() => elsewhere.create("a", { image: kernels.hello, cpuIds: [] }), "argument", /CPU/],
      [() => elsewhere.create("a", { image: kernels.hello, memoryMb: 0 }), "argument", /memory/],
      [() => elsewhere.create("a", { image: kernels.hello, compressionLevel: 10 }), "argument", /level 10/],
      [() => elsewhere.create("a", { image: kernels.hello, type: "Nope!" }), "argument", /type Nope!/],
    ];
    for (const [call, code, message] of cases) {
      const error = await rejection(call(), InputError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.equal(error.exitStatus, 124);
    }
    const unreachable = await rejection(elsewhere.create("a", { image: kernels.hello }), ConnectError);
    assert.equal(unreachable.systemCode, "ENOENT");
    assert.equal(unreachable.exitStatus, 122);
  });

  it("ends the reading of a stream that it was aborted in, and leaves nothing", async () => {
    let cancelled = false;
    const stuck = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(kernels.hello.slice(0, 100)),
      cancel: () => {
        cancelled = true;
      },
    });
    const stop = new AbortController();
    const call = albatross.create("never", { image: stuck, memoryMb: 16, signal: stop.signal });
    stop.abort(new Error("enough"));
    const error = await rejection(call, AbortedError);
    assert.equal((error.cause as Error).message, "enough");
    assert.equal(error.exitStatus, 130);
    await until("the stream is cancelled", () => cancelled);
    assert.deepEqual(await albatross.info("never"), []);
  });

  it("takes streams up to a limit", async () => {
    const stream = () => new Blob([new Uint8Array(10)]).stream();
    using image = await openImageInput(stream(), undefined, 10);
    assert.equal(image.size, 10);
    assert.equal((await rejection(openImageInput(stream(), undefined, 9), InputError)).code, "image");
  });

  it("passes on what the stream fails with", async () => {
    async function* failing() {
      yield kernels.hello.subarray(0, 100);
      throw new RangeError("the source broke");
    }
    await assert.rejects(albatross.create("never", { image: failing() }), /RangeError: the source broke/);
  });
});

describe("connect", () => {
  it("talks to the daemon of a socket, whichever that is", async () => {
    const near = await connect({ socket: machine.socket });
    await near.create("one", { ...ticking, image: kernels.ticker });
    assert.equal((await near.info()).length, 1);
    const lines = (await connect({ socket: machine.consoleSocket })).console("one");
    assert.match((await lines.next()).value?.text ?? "", /./);
    await lines.return();
    const none = await connect({ socket: `${machine.socket}.none` });
    assert.equal((await rejection(none.info(), ConnectError)).address, `${machine.socket}.none`);
  });
});

describe("inspectImage", () => {
  it("tells what an image is and needs", async () => {
    const stream = new Blob([kernels["two-devices"].slice()]).stream();
    const { devices, digest, bytes, target } = await inspectImage(stream);
    assert.equal(bytes, kernels["two-devices"].length);
    assert.equal(target, "hvt");
    assert.equal(digest, createHash("sha256").update(kernels["two-devices"]).digest("hex"));
    assert.deepEqual(new Set(devices.map(({ type }) => type)), new Set(["network", "block"]));
    assert.equal((await rejection(inspectImage(new Uint8Array(100)), InputError)).code, "image");
  });
});

describe("names", () => {
  it("are those by which the same client can ask", async () => {
    await albatross.policies.add("alice", { unikernels: 3, memoryMb: 64, cpuIds: [0] });
    await albatross.create("alice:web", { ...ticking, image: kernels.ticker });
    for (const asked of [":", "alice:", "alice:web", parseName("alice:")]) {
      assert.deepEqual(
        (await albatross.info(asked)).map(({ name, status }) => [name.text, status?.state]),
        [["alice:web", "running"]],
      );
    }
    assert.deepEqual(
      (await albatross.policies.list("alice")).map(({ name }) => name.text),
      ["alice:"],
    );
    const [policy] = await albatross.policies.list("alice:");
    assert.deepEqual(
      { ...policy, name: undefined },
      {
        name: undefined,
        unikernels: 3,
        memoryMb: 64,
        cpuIds: [0],
        blockMb: undefined,
        bridges: [],
      },
    );
    await albatross.destroy("alice:web");
    assert.ok((await albatross.inactiveConsoles()).map(({ text }) => text).includes("alice:web"));
    assert.deepEqual(
      (await albatross.inactiveConsoles("alice")).map(({ text }) => text),
      ["alice:web"],
    );
    await albatross.policies.remove("alice");
    const unusable = await rejection(
      albatross.policies.add("bob", { unikernels: 0, memoryMb: 64, cpuIds: [0] }),
      InputError,
    );
    assert.equal(unusable.code, "policy");
    assert.deepEqual(await albatross.policies.list("alice"), []);
    await rejection(albatross.policies.remove("alice"), RefusedError);
  });
});
