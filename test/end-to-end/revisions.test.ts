/** What a unikernel was, and how it becomes that again. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { toText } from "../../core/byte-string.ts";
import type { Command } from "../../core/wire/message.ts";
import { runClient } from "../cli/run-client.ts";
import { create, destroy, forceCreate, images, Machine, plain, restart, restarting, say, until } from "./harness.ts";

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
  await machine.start();
});
after(() => machine.close());

const endless = { words: ["sleep=1000"] } as const;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const rollback = (revision = 0): Command => ({ kind: "unikernel-rollback", revision });

interface Shown {
  readonly revision: number;
  readonly time: string;
  readonly command: string;
  readonly digest: string;
  readonly imageBytes: number;
  readonly memoryMb: number;
  readonly arguments: readonly string[] | null;
}

async function revisions(name: string, count = 100): Promise<readonly Shown[]> {
  const [payload] = await machine.converse(name, { kind: "unikernel-revisions", count });
  if (payload?.kind !== "success" || payload.success.kind !== "string") assert.fail(say(payload));
  return JSON.parse(toText(payload.success.text) ?? "") as Shown[];
}

const digestOf = async (name: string) => Buffer.from((await machine.info(name))[0]?.info.digest ?? []).toString("hex");
const stored = (image: Uint8Array) => existsSync(join(machine.dbdir, "images", sha256(image)));
const short = (list: readonly Shown[]) => list.map((one) => `${one.revision} ${one.command} ${one.memoryMb}`);

describe("a unikernel's revisions", () => {
  it("are made by what changes it, and by nothing else", async () => {
    const image = kernels["exit-code"];
    await machine.expect("r", create(image, endless), "created unikernel");
    await machine.expect("r", restart, "created unikernel");
    await machine.expect("r", create(image, endless), /already running/);
    await machine.expect("r", forceCreate(kernels["net-echo"]), /^refused: specified bridge/);
    const replaced: Command = { kind: "unikernel-restart", arguments: plain({ memory: 24, words: ["sleep=2000"] }) };
    await machine.expect("r", replaced, "created unikernel");
    await machine.expect("r", forceCreate(kernels["ticker"], { memory: 20 }), "created unikernel");
    const all = await revisions("r");
    assert.deepEqual(short(all), ["3 force-create 20", "2 restart 24", "1 create 16"]);
    assert.deepEqual(
      all.map((one) => one.digest),
      [sha256(kernels["ticker"]), sha256(image), sha256(image)],
    );
    assert.deepEqual(all[1]?.arguments, ["sleep=2000"]);
    assert.equal(all[2]?.imageBytes, image.length);
    assert.ok(Math.abs(Date.parse(all[0]?.time ?? "") - Date.now()) < 60_000);
    assert.deepEqual(short(await revisions("r", 1)), ["3 force-create 20"]);
    assert.deepEqual(await revisions("r", 0), []);
    assert.deepEqual(await revisions("r", -1), []);
    await machine.expect("r", destroy, "destroyed unikernel");
    await machine.expect("r", { kind: "unikernel-revisions", count: 3 }, "refused: revisions: no unikernel found");
    await machine.expect("r", rollback(), "refused: rollback: no unikernel found");
    assert.deepEqual(machine.traces(), []);
  });

  it("can be gone back to, which is a new one, with the image of then", async () => {
    await machine.expect("b", create(kernels["exit-code"], { ...endless, memory: 18 }), "created unikernel");
    await machine.expect("b", rollback(), "refused: rollback: there is no revision before the present one");
    await machine.expect("b", forceCreate(kernels["ticker"], { memory: 20 }), "created unikernel");
    assert.ok(stored(kernels["exit-code"]), "its image is kept");
    const second = (await machine.statusOf("b"))?.pid;
    await machine.expect("b", rollback(), "created unikernel");
    assert.equal(await digestOf("b"), sha256(kernels["exit-code"]));
    assert.notEqual((await machine.statusOf("b"))?.pid, second);
    await until("only that one runs", () => machine.processesOf("b").length === 1);
    assert.equal((await machine.info("b"))[0]?.info.memory, 18);
    // The one before is now what the rollback ended.
    await machine.expect("b", rollback(), "created unikernel");
    assert.equal(await digestOf("b"), sha256(kernels["ticker"]));
    await machine.expect("b", rollback(1), "created unikernel");
    assert.deepEqual(short(await revisions("b")), [
      "5 rollback 18",
      "4 rollback 20",
      "3 rollback 18",
      "2 force-create 20",
      "1 create 18",
    ]);
    await machine.expect("b", rollback(9), "refused: rollback: revision 9 is not kept; there are 5, 4, 3, 2, 1");
    await machine.expect("b", destroy, "destroyed unikernel");
    assert.ok(!stored(kernels["ticker"]));
  });

  it("are shown and gone back to by the client", async () => {
    await machine.expect("k", create(kernels["exit-code"], endless), "created unikernel");
    await machine.expect("k", forceCreate(kernels["ticker"], { memory: 20 }), "created unikernel");
    const flag = `--tmpdir=${machine.tmpdir}`;
    const shown = await runClient(["revisions", "k", flag]);
    assert.equal(shown.status, 0);
    assert.match(shown.stdout, /^REVISION .*\n2 .* force-create .* 20 MB .*\n1 .* create .* 16 MB .*\n$/);
    const back = await runClient(["rollback", "k", "--json", flag]);
    assert.equal(back.status, 0, back.stdout);
    assert.equal((JSON.parse(back.stdout) as { watch: { state: string } }).watch.state, "running");
    assert.equal(await digestOf("k"), sha256(kernels["exit-code"]));
    assert.equal((await runClient(["rollback", "k", "77", flag])).status, 117);
    await machine.expect("k", destroy, "destroyed unikernel");
  });

  it("outlive albatrossd", async () => {
    await Machine.with(async (other) => {
      const daemon = await other.start();
      await other.expect("o", create(kernels["exit-code"], endless), "created unikernel");
      await other.expect("o", forceCreate(kernels["ticker"]), "created unikernel");
      await daemon.stop("SIGKILL");
      await other.startDaemon();
      await other.expect("o", rollback(), "created unikernel");
      const digest = Buffer.from((await other.info("o"))[0]?.info.digest ?? []).toString("hex");
      assert.equal(digest, sha256(kernels["exit-code"]));
    });
  });

  it("bring back one that ended after a change, and are forgotten by destroy", async () => {
    await machine.expect("e", create(kernels["exit-code"], endless), "created unikernel");
    await machine.expect("e", forceCreate(kernels["exit-code"], { words: ["exit=2"] }), "created unikernel");
    await machine.vanishes("e");
    assert.deepEqual(short(await revisions("e")), ["2 force-create 16", "1 create 16"]);
    await machine.expect("e", rollback(), "created unikernel");
    assert.equal((await machine.statusOf("e"))?.state, "running");
    await machine.expect("e", forceCreate(kernels["exit-code"], { words: ["exit=2"] }), "created unikernel");
    await machine.vanishes("e");
    await machine.expect("e", destroy, "refused: destroy: not found");
    await machine.expect("e", rollback(), "refused: rollback: no unikernel found");
    assert.deepEqual(machine.traces(), []);
  });

  it("bring back one that crashes again and again", async () => {
    await machine.expect("c", create(kernels["exit-code"], endless), "created unikernel");
    const crashing = forceCreate(kernels["exit-code"], { words: ["exit=2"], failBehaviour: restarting });
    await machine.expect("c", crashing, "created unikernel");
    await machine.reaches("c", "crash-loop");
    await machine.expect("c", rollback(), "created unikernel");
    assert.equal((await machine.statusOf("c"))?.state, "running");
    await machine.expect("c", destroy, "destroyed unikernel");
  });

  it("count against no policy, but a rollback is held to the policy of now, before anything is stopped", async () => {
    const policy = { unikernels: 1, cpuIds: [0], memory: 40, block: undefined, bridges: [] };
    await machine.expect("p:", { kind: "policy-add", policy }, "added policy");
    await machine.expect("p:x", create(kernels["exit-code"], { ...endless, memory: 40 }), "created unikernel");
    await machine.expect("p:x", forceCreate(kernels["exit-code"], { ...endless, memory: 20 }), "created unikernel");
    await machine.expect("p:", { kind: "policy-add", policy: { ...policy, memory: 30 } }, "added policy");
    const before = await machine.statusOf("p:x");
    await machine.expect("p:x", rollback(), /^refused: .*memory/);
    assert.deepEqual(await machine.statusOf("p:x"), before);
    assert.deepEqual(short(await revisions("p:x")), ["2 force-create 20", "1 create 40"]);
    await machine.expect("p:x", destroy, "destroyed unikernel");
    await machine.expect("p:", { kind: "policy-remove" }, "removed policy");
  });

  it("whose image was removed from the store are refused, and what runs goes on", async () => {
    await machine.expect("g", create(kernels["exit-code"], endless), "created unikernel");
    await machine.expect("g", forceCreate(kernels["ticker"]), "created unikernel");
    rmSync(join(machine.dbdir, "images", sha256(kernels["exit-code"])));
    const before = await machine.statusOf("g");
    await machine.expect(
      "g",
      rollback(),
      /^refused: rollback: the image of revision 1 is not in the database directory/,
    );
    assert.deepEqual(await machine.statusOf("g"), before);
    await machine.expect("g", destroy, "destroyed unikernel");
  });

  it("of a path are none", async () => {
    await machine.expect("foo:", { kind: "unikernel-revisions", count: 3 }, "refused: revisions: no unikernel found");
    await machine.expect("foo:", rollback(), "refused: rollback: no unikernel found");
    await machine.expect(":", rollback(1), "refused: rollback: no unikernel found");
  });
});
