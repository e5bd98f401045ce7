/**
 * Every way in which a unikernel is replaced (force-create, restart --replace-arguments, rollback), and every point at
 * which that can fail: what runs goes on, or comes back.
 */
import assert from "node:assert/strict";
import { chmodSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import type { Policy } from "../../core/policy.ts";
import type { MacAddress } from "../../core/unikernel.ts";
import type { Command } from "../../core/wire/message.ts";
import {
  create,
  destroy,
  forceCreate,
  images,
  Machine,
  network,
  plain,
  restart,
  restarting,
  until,
} from "./harness.ts";

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
  await machine.start();
});
after(() => machine.close());

async function rootOf(of: Machine): Promise<Policy> {
  const [payload] = await of.converse(":", { kind: "policy-info" });
  assert.ok(payload?.kind === "success" && payload.success.kind === "policies");
  return (
    payload.success.policies.find(({ name }) => name.text === ":")?.policy ?? assert.fail("there is no root policy")
  );
}

type Wishes = Parameters<typeof plain>[0];

const endless = { words: ["sleep=1000"] } as const;
const rollback = (revision: number): Command => ({ kind: "unikernel-rollback", revision });
const withArguments = (wishes: Wishes): Command => ({ kind: "unikernel-restart", arguments: plain(wishes) });

/** The only process of a unikernel, which may just have been started by another program. */
async function theProcess(on: Machine, name: string): Promise<number> {
  const [pid, ...more] = await until(`${name} runs`, () => {
    const found = on.processesOf(name);
    return found.length > 0 && found;
  });
  assert.deepEqual(more, []);
  return pid ?? assert.fail("it does not run");
}

/** Holds commands against a unikernel that runs: each must be refused, and leave the very process running. */
async function keeps(on: Machine, name: string, refusals: readonly (readonly [Command, RegExp])[]): Promise<void> {
  const running = [await theProcess(on, name)];
  const [before] = await on.info(name);
  const clean = on.traces();
  for (const [command, text] of refusals) {
    assert.match(await on.ask(name, command), text, command.kind);
    assert.deepEqual(on.processesOf(name), running, `${command.kind}: the process is another`);
  }
  assert.deepEqual(await on.info(name), [before]);
  assert.equal((await on.statusOf(name))?.state, "running");
  assert.deepEqual(on.traces(), clean);
}

describe("a replacement is refused before the present one is stopped", () => {
  it("for the policy: memory, CPUs, bridges and blocks, of its own path, a parent or the host", async () => {
    const policy = { unikernels: 2, cpuIds: [0], memory: 40, block: 2, bridges: [] };
    await machine.expect("p:", { kind: "policy-add", policy: { ...policy, memory: 60 } }, "added policy");
    await machine.expect("p:q:", { kind: "policy-add", policy }, "added policy");
    await machine.expect("p:other", create(kernels["exit-code"], { ...endless, memory: 16 }), "created unikernel");
    await machine.expect("p:q:u", create(kernels["exit-code"], { ...endless, memory: 16 }), "created unikernel");
    const exit = kernels["exit-code"];
    const all = (wishes: Wishes): readonly Command[] => [forceCreate(exit, wishes), withArguments(wishes)];
    const bridges = { networks: [network("service", fromText("nobridge"))] };
    await keeps(machine, "p:q:u", [
      ...all({ memory: 41 }).map((command) => [command, /^refused: maximum allowed memory \(40, used 0\)/] as const),
      ...all({ cpuIds: [1] }).map((command) => [command, /^refused: CPUids 1 are not allowed by policy/] as const),
      ...all(bridges).map((command) => [command, /^refused: bridges nobridge not allowed by policy/] as const),
      ...all({ memory: 0 }).map((command) => [command, /^refused: .*at least 1 MB/] as const),
    ]);
    // The path allows it, the parent does not: 16 MB of 60 are used by the other one.
    await machine.expect("p:q:", { kind: "policy-add", policy: { ...policy, memory: 60 } }, "added policy");
    const parent = all({ memory: 50 }).map((command) => [command, /^refused: .*memory/] as const);
    await keeps(machine, "p:q:u", [
      ...parent,
      ...all({ memory: 2 ** 40 }).map((one) => [one, /^refused: .*memory/] as const),
    ]);
    for (const name of ["p:q:u", "p:other"]) await machine.expect(name, destroy, "destroyed unikernel");
    for (const name of ["p:q:", "p:"]) await machine.expect(name, { kind: "policy-remove" }, "removed policy");
  });

  it("for the manifest: other devices than the image wants, or no image", async () => {
    await machine.expect("m", create(kernels["exit-code"], endless), "created unikernel");
    await machine.expect("disk", { kind: "block-add", size: 1 }, "added block device");
    const networks = [network("service", machine.bridge())];
    const blockDevices = [{ name: fromText("disk"), device: undefined, sectorSize: undefined }];
    await keeps(machine, "m", [
      [withArguments({ networks }), /^refused: specified bridge\(s\) does not match with the manifest/],
      [withArguments({ blockDevices }), /^refused: specified block device\(s\) does not match with manifest/],
      [forceCreate(kernels["net-echo"]), /^refused: specified bridge\(s\)/],
      [forceCreate(kernels["exit-code"], { networks }), /^refused: specified bridge\(s\)/],
      [forceCreate(new Uint8Array(100)), /^refused: error during ELF parsing$/],
    ]);
    await machine.expect("m", destroy, "destroyed unikernel");
    await machine.expect("disk", { kind: "block-remove" }, "removed block");
  });

  it("for a bridge that is allowed, but not there (any more)", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      const rootPolicy = await rootOf(machine);
      const [stays, goes] = [machine.bridge(), machine.bridge()];
      const policy = { ...rootPolicy, bridges: [stays, goes].sort() };
      await machine.expect(":", { kind: "policy-add", policy }, "added policy");
      const on = (bridge: typeof stays) => ({ networks: [network("service", bridge)] });
      await machine.expect("b", create(kernels["net-echo"], on(goes)), "created unikernel");
      await machine.expect("b", forceCreate(kernels["net-echo"], on(stays)), "created unikernel");
      machine.removeBridge(goes);
      const missing = new RegExp(`^refused: interface ${goes} does not exist`);
      await keeps(machine, "b", [
        [forceCreate(kernels["net-echo"], on(goes)), missing],
        [withArguments(on(goes)), missing],
        [rollback(0), missing],
      ]);
      await machine.expect("b", destroy, "destroyed unikernel");
    });
  });

  it("for the tender: gone, not executable, or of another version", async () => {
    await Machine.with(async (other) => {
      const tender = join(other.directory, "tender");
      // It waits without a child: that would have the same command line until it is another program.
      const write = (version: number) =>
        writeFileSync(
          tender,
          `#!/bin/sh\n[ "$1" = --version ] && echo "ABI version ${version}" && exit\nexec sh -c "while :; do read line; done" sh "$@"\n`,
        );
      write(2);
      chmodSync(tender, 0o755);
      await other.start({ flags: [`--tender=${tender}`] });
      await other.expect("t", create(kernels["exit-code"]), "created unikernel");
      await other.expect("t", forceCreate(kernels["exit-code"], { memory: 20 }), "created unikernel");
      const all = [restart, withArguments({ memory: 18 }), forceCreate(kernels["exit-code"]), rollback(0)];
      const away = `${tender}.away`;
      renameSync(tender, away);
      await keeps(
        other,
        "t",
        all.map((command) => [command, /^refused: .*tender/] as const),
      );
      writeFileSync(tender, "no program", { mode: 0o644 });
      await keeps(
        other,
        "t",
        all.map((command) => [command, /^refused: .*/] as const),
      );
      rmSync(tender);
      write(3);
      chmodSync(tender, 0o755);
      await keeps(
        other,
        "t",
        all.map((command) => [command, /^refused: unexpected solo5 tender --version output/] as const),
      );
      rmSync(tender);
      renameSync(away, tender);
      await other.expect("t", rollback(0), "created unikernel");
    });
  });

  it("for a block device: unknown, used by another, or whose file is gone", async () => {
    for (const [disk, size] of [
      ["one", 1],
      ["two", 1],
      ["three", 1],
    ] as const) {
      await machine.expect(disk, { kind: "block-add", size }, "added block device");
    }
    const on = (device: string) => ({
      blockDevices: [{ name: fromText("storage"), device: fromText(device), sectorSize: undefined }],
    });
    const hold = kernels["block-hold"];
    await machine.expect("d", create(hold, on("three")), "created unikernel");
    await machine.expect("d", forceCreate(hold, on("one")), "created unikernel");
    await machine.expect("other", create(hold, on("two")), "created unikernel");
    const file = join(machine.dbdir, "block", ":three");
    rmSync(file);
    const gone = /^refused: block device \[unikernel: :three\] not found$/;
    await keeps(machine, "d", [
      [withArguments(on("none")), /^refused: block device \[unikernel: :none\] not found$/],
      [forceCreate(hold, on("none")), /^refused: block device \[unikernel: :none\] not found$/],
      [withArguments(on("two")), /^refused: block device \[unikernel: :two\] already in use$/],
      [forceCreate(hold, on("two")), /^refused: block device \[unikernel: :two\] already in use$/],
      [withArguments(on("three")), gone],
      [forceCreate(hold, on("three")), gone],
      [rollback(0), gone],
    ]);
    writeFileSync(file, Buffer.alloc(2 ** 20));
    await machine.expect("d", rollback(0), "created unikernel");
    for (const name of ["d", "other"]) await machine.expect(name, destroy, "destroyed unikernel");
    for (const disk of ["one", "two", "three"]) await machine.expect(disk, { kind: "block-remove" }, "removed block");
  });

  it("for the image, if that is gone from the store", async () => {
    await machine.expect("i", create(kernels["ticker"]), "created unikernel");
    const view = await machine.console("i");
    await view.line("tick"); // its tender has read the image
    view.close();
    const [entry] = await machine.info("i");
    const image = join(machine.dbdir, "images", Buffer.from(entry?.info.digest ?? []).toString("hex"));
    const aside = join(machine.directory, "aside");
    renameSync(image, aside);
    const running = [await theProcess(machine, "i")];
    for (const command of [restart, withArguments({ memory: 20 })]) {
      assert.match(await machine.ask("i", command), /^refused: .*no such file/i);
      assert.deepEqual(machine.processesOf("i"), running);
    }
    renameSync(aside, image);
    await machine.expect("i", restart, "created unikernel");
    await machine.expect("i", destroy, "destroyed unikernel");
  });

  it("for the console daemon, without which nothing starts", async () => {
    await Machine.with(async (other) => {
      const console = await other.startConsole();
      await other.startDaemon();
      await other.expect("c", create(kernels["exit-code"], { ...endless, memory: 20 }), "created unikernel");
      await other.expect("c", forceCreate(kernels["exit-code"], endless), "created unikernel");
      await console.stop();
      const all = [restart, withArguments(endless), forceCreate(kernels["ticker"]), rollback(0)];
      await keeps(
        other,
        "c",
        all.map((command) => [command, /^refused: could not create unikernel: console failed$/] as const),
      );
      await other.startConsole();
      await other.expect("c", restart, "created unikernel");
    });
  });
});

describe("a replacement that fails after the present one was stopped", () => {
  it("brings that back, by whatever command, and makes no revision", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      const rootPolicy = await rootOf(machine);
      // A CPU that the host does not have: found out only when the process is started.
      await machine.expect(
        ":",
        { kind: "policy-add", policy: { ...rootPolicy, cpuIds: [...rootPolicy.cpuIds, 1023] } },
        "added policy",
      );
      const exit = kernels["exit-code"];
      await machine.expect("s", create(exit, { ...endless, startup: 9 }), "created unikernel");
      for (const command of [
        forceCreate(exit, { ...endless, cpuIds: [1023] }),
        withArguments({ ...endless, cpuIds: [1023] }),
      ]) {
        const old = await theProcess(machine, "s");
        assert.match(await machine.ask("s", command), /^refused: .*1023.*; the former unikernel was started again$/);
        const [again, ...more] = machine.processesOf("s");
        assert.ok(again !== undefined && again !== old && more.length === 0);
        const [entry] = await machine.info("s");
        assert.deepEqual([entry?.info.cpuIds, entry?.info.startup], [[0], 9]);
      }
      const [payload] = await machine.converse("s", { kind: "unikernel-revisions", count: 10 });
      assert.ok(payload?.kind === "success" && payload.success.kind === "string");
      assert.equal((JSON.parse(payload.success.text) as unknown[]).length, 1);
      await machine.expect("s", destroy, "destroyed unikernel");
    });
  });

  it("because the start cannot be written brings that back, also unwritten, and nothing runs twice later", async () => {
    await Machine.with(async (other) => {
      const daemon = await other.start();
      await other.expect("f", create(kernels["exit-code"], { ...endless, memory: 20 }), "created unikernel");
      await other.expect("f", forceCreate(kernels["exit-code"], endless), "created unikernel");
      other.changeDatabase("CREATE TRIGGER r BEFORE INSERT ON unikernels BEGIN SELECT RAISE(ABORT, 'no room'); END");
      const back = /^refused: .*cannot write to the database: no room; the former unikernel was started again$/;
      assert.match(await other.ask("f", withArguments({ memory: 18, ...endless })), back);
      await theProcess(other, "f");
      assert.equal((await other.info("f"))[0]?.info.memory, 16);
      // That it runs again would have to be written with whatever comes next, before it is ended for that.
      await keeps(other, "f", [[rollback(0), /^refused: .*cannot write to the database: no room$/]]);
      other.changeDatabase("DROP TRIGGER r");
      await daemon.stop("SIGKILL");
      await other.startDaemon();
      await other.reaches("f", "running");
      await theProcess(other, "f");
      assert.equal((await other.info("f"))[0]?.info.memory, 16);
      await other.expect("f", rollback(0), "created unikernel");
    });
  });
});

describe("restart with new arguments", () => {
  it("applies all ten", async () => {
    const [bridge, another] = [machine.bridge(), machine.bridge()];
    for (const disk of ["ten1", "ten2"])
      await machine.expect(disk, { kind: "block-add", size: 1 }, "added block device");
    const of = (device: string, on: typeof bridge, sectorSize: number | undefined, mac: string | undefined) => ({
      blockDevices: [{ name: fromText("storage"), device: fromText(device), sectorSize }],
      networks: [{ name: fromText("service"), bridge: on, mac: mac as MacAddress | undefined }],
    });
    const image = kernels["two-devices"];
    await machine.expect("ten", create(image, of("ten1", bridge, undefined, undefined)), "created unikernel");
    const changed = plain({
      failBehaviour: { kind: "restart", exitCodes: [3, 5] },
      startup: 4,
      addName: true,
      cpuIds: [0, 1],
      memory: 24,
      ...of("ten2", another, 4096, "02:00:00:11:22:33"),
      words: ["x", "y"],
      cpus: 2,
      linuxBootPartition: fromText("msdos1"),
    });
    await machine.expect("ten", { kind: "unikernel-restart", arguments: changed }, "created unikernel");
    const [entry] = await machine.info("ten");
    const { info } = entry ?? assert.fail("it is not listed");
    assert.deepEqual(
      {
        failBehaviour: info.failBehaviour,
        startup: info.startup,
        addName: (await machine.statusOf("ten"))?.addName,
        cpuIds: info.cpuIds,
        memory: info.memory,
        blockDevices: info.blockDevices.map(({ name, device, sectorSize }) => ({ name, device, sectorSize })),
        networks: info.networks,
        arguments: info.arguments,
        cpus: info.cpus,
        linuxBootPartition: info.linuxBootPartition,
      },
      changed,
    );
    await machine.expect("ten", restart, "created unikernel");
    assert.deepEqual(
      { ...(await machine.info("ten"))[0]?.info, started: 0 },
      { ...info, started: 0 },
      "and keeps them",
    );
    await machine.expect("ten", destroy, "destroyed unikernel");
    for (const disk of ["ten1", "ten2"]) await machine.expect(disk, { kind: "block-remove" }, "removed block");
  });

  it("frees what is not used any more, for others", async () => {
    const policy = { unikernels: 2, cpuIds: [0], memory: 60, block: undefined, bridges: [] };
    await machine.expect("r:", { kind: "policy-add", policy }, "added policy");
    const exit = kernels["exit-code"];
    await machine.expect(
      "r:big",
      create(exit, { ...endless, memory: 50, failBehaviour: restarting }),
      "created unikernel",
    );
    await machine.expect("r:next", create(exit, { ...endless, memory: 30 }), /^refused: maximum allowed memory/);
    await machine.expect("r:big", withArguments({ ...endless, memory: 20 }), "created unikernel");
    await machine.expect("r:next", create(exit, { ...endless, memory: 30 }), "created unikernel");
    await machine.expect("r:big", withArguments({ ...endless, memory: 31 }), /^refused: maximum allowed memory/);
    for (const name of ["r:big", "r:next"]) await machine.expect(name, destroy, "destroyed unikernel");
    await machine.expect("r:", { kind: "policy-remove" }, "removed policy");
  });
});
