/**
 * The daemons as they are on FreeBSD, on a machine that only acts it: its C library translates to Linux, and BHyve's programs
 * note how they are called. Everything else, from the client's command to the processes, is real.
 */
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { fromText } from "../../core/byte-string.ts";
import type { Command } from "../../core/wire/message.ts";
import { decodeMessage } from "../../core/wire/message-codec.ts";
import { machine as machineOf } from "../backends/bhyve-rig.ts";
import { compileStub, FREEBSD_SYSTEM, PRETEND_FREEBSD, type StubLibrary } from "../support/stub-library.ts";
import { commandFrame, Daemon, destroy, Machine, network, until, Wire } from "./harness.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
const skip = process.platform === "linux" && process.getuid?.() === 0 ? false : "it needs root on Linux";

const create = (changes: Partial<ReturnType<typeof machineOf>> = {}): Command => ({
  kind: "unikernel-create",
  config: {
    ...machineOf([["0", "disk"]], [], { cpus: 2, addName: true, ...changes }),
    type: "bhyve",
    compressed: false,
    image: new Uint8Array(),
  },
});

describe("albatrossd on FreeBSD", { skip }, () => {
  let library: StubLibrary;
  let machine: Machine;
  let programs: string;
  const daemons: Daemon[] = [];

  const start = async (role: string, socket: string, ...words: readonly string[]): Promise<Daemon> => {
    const environment = { LD_LIBRARY_PATH: join(machine.directory, "lib"), PATH: programs };
    const command = [
      process.execPath,
      "--preload",
      PRETEND_FREEBSD,
      main,
      role,
      `--tmpdir=${machine.tmpdir}`,
      ...words,
    ];
    const daemon = new Daemon(command, environment);
    daemons.push(daemon);
    await until(`${role} serves`, async () => {
      if (!daemon.running) assert.fail(`it ended with ${await daemon.exited}:\n${daemon.log}`);
      return await Wire.open(socket).then(
        (wire) => {
          wire.close();
          return true;
        },
        () => false,
      );
    });
    return daemon;
  };
  const startDaemon = () => start("albatrossd", machine.socket, `--dbdir=${machine.dbdir}`, "-vv");
  const calls = () => readFileSync(join(machine.directory, "calls"), "utf8").trimEnd().split("\n");

  before(async () => {
    library = compileStub(FREEBSD_SYSTEM);
    machine = new Machine();
    programs = join(machine.directory, "bin");
    for (const folder of [
      programs,
      join(machine.directory, "lib"),
      join(machine.tmpdir, "util"),
      join(machine.tmpdir, "fifo"),
    ]) {
      mkdirSync(folder);
    }
    copyFileSync(library.path, join(machine.directory, "lib", "libc.so.7"));
    for (const program of ["bhyveload", "bhyve", "bhyvectl"]) {
      const file = join(programs, program);
      const note = `echo "${program} $@" | /usr/bin/tee -a '${machine.directory}/calls'`;
      writeFileSync(file, `#!/bin/sh\n${note}\n${program === "bhyve" ? "exec /bin/sleep 1000" : ""}\n`);
      chmodSync(file, 0o755);
    }
    await start("albatross-console", machine.consoleSocket);
  });
  const stopAllBut = async (count: number) => {
    for (const daemon of daemons.splice(count).toReversed()) await daemon.stop();
  };
  afterEach(async () => await stopAllBut(1)); // the console stays
  after(async () => {
    await stopAllBut(0);
    await machine.close();
    library.remove();
  });

  it("runs a BHyve machine from its creation over adoption to its destruction", async () => {
    const first = await startDaemon();
    await machine.expect("disk", { kind: "block-add", size: 4 } as Command, "added block device");
    await machine.expect("vm", create(), "created unikernel");
    const [entry] = await machine.info();
    assert.equal(entry?.info.type, "bhyve");
    const name = new TextDecoder().decode(entry?.info.digest);
    assert.match(name, /^alba-[0-9]{1,5}$/);
    const disk = join(machine.dbdir, "block", ":disk");
    const expected = [
      `bhyveload -m512m -d${disk} ${name}`,
      `bhyve -A -H -P -s0,hostbridge -s1,lpc -s2,virtio-blk,${disk} -lcom1,stdio -c2 -m512M ${name}`,
    ];
    const view = await machine.console("vm");
    for (const line of expected) await view.line(line);
    assert.deepEqual(calls(), expected);
    const { pid } = (await machine.statusOf("vm")) ?? {};
    const stats = await start("albatross-stats", machine.statsSocket, "--interval=1", "--gather-bhyve-stats", "-vv");
    const wire = await Wire.open(machine.statsSocket);
    wire.send(commandFrame("vm", { kind: "statistics-subscribe" }));
    await wire.frame(0);
    const { payload } = decodeMessage(await wire.frame(1));
    wire.close();
    assert.ok(payload.kind === "data" && payload.data.kind === "statistics");
    const { memory, interfaces, hypervisor } = payload.data.statistics;
    assert.deepEqual([memory?.vsize, interfaces, hypervisor], [4096n, [], undefined]);
    assert.match(stats.log, /lacks statistics of bhyve: .*libvmmapi/);
    assert.equal(await stats.stop(), 0);
    await first.stop("SIGKILL");
    const second = await startDaemon();
    assert.equal((await machine.statusOf("vm"))?.pid, pid, "it is adopted");
    assert.equal(new TextDecoder().decode((await machine.info())[0]?.info.digest), name);
    await machine.expect("vm", destroy, "destroyed unikernel");
    assert.deepEqual(calls(), [...expected, `bhyvectl --destroy --vm=${name}`]);
    assert.equal(await second.stop("SIGTERM"), 0);
  });

  it("refuses, in the original's words, what a machine cannot be", async () => {
    const daemon = await startDaemon();
    const before = calls().length;
    for (const [changes, answer] of [
      [{ blockDevices: [] }, "refused: couldn't find initial block device"],
      [
        { networks: [network("service", fromText("service"))] },
        "refused: network device on service with name service not in ascending order (expected 0)",
      ],
      [{ networks: [network("0", fromText("nonesuch"))] }, "refused: bridges nonesuch not allowed by policy"],
      [
        { linuxBootPartition: fromText("gpt2") },
        /^refused: Cannot run a BHyve machine: there is no program grub-bhyve/,
      ],
      [{ arguments: [fromText("x")] }, /^refused: Cannot pass arguments to a BHyve machine/],
    ] as const) {
      await machine.expect("vm", create(changes), answer);
    }
    assert.equal(calls().length, before, "nothing was run");
    assert.equal(await daemon.stop("SIGTERM"), 0);
  });

  it("is not activated by systemd", async () => {
    const command = [process.execPath, "--preload", PRETEND_FREEBSD, main, "albatrossd", "--systemd-socket-activation"];
    const daemon = new Daemon(command, { LD_LIBRARY_PATH: join(machine.directory, "lib") });
    assert.equal(await daemon.ends(), 124);
    assert.match(daemon.log, /--systemd-socket-activation is for Linux only/);
  });

  it("knows the host's processors, memory and bridges", async () => {
    const daemon = await startDaemon();
    const [payload] = await machine.converse(":", { kind: "policy-info" });
    assert.ok(payload?.kind === "success" && payload.success.kind === "policies");
    const root = payload.success.policies[0]?.policy;
    assert.deepEqual([root?.cpuIds, root?.memory, root?.bridges], [[0, 1], 4096, ["service"]]);
    assert.equal(await daemon.stop("SIGTERM"), 0);
  });
});
