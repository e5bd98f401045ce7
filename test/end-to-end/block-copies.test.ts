/** Snapshots, clones, other sizes, ZFS volumes and full disks: on whatever file system, within the policies. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import type { Command } from "../../core/wire/message.ts";
import { add, contentOf, dump, fileOf, leftovers, MIB, noise, same, set, stream } from "./block-rig.ts";
import { create, destroy, images, Machine } from "./harness.ts";

let kernels: Awaited<ReturnType<typeof images>>;
before(async () => {
  kernels = await images();
});

const copy = (target: string, snapshot: boolean): Command => ({
  kind: "block-copy",
  target: fromText(target),
  snapshot,
});
const resize = (size: number, shrink = false): Command => ({ kind: "block-resize", size, shrink });
const remove: Command = { kind: "block-remove" };
const device = (name: string) => [{ name: fromText("storage"), device: fromText(name), sectorSize: undefined }];
const policy = (block: number): Command => ({
  kind: "policy-add",
  policy: { unikernels: 4, cpuIds: [0], memory: 100, block, bridges: [] },
});

/** A machine whose block devices lie on a file system of their own, which `mount` puts on the given folder. */
async function onFileSystem(
  mount: (folder: string, machine: Machine) => void,
  test: (machine: Machine) => Promise<void>,
) {
  await Machine.with(async (machine) => {
    const folder = join(machine.dbdir, "block");
    mkdirSync(folder, { mode: 0o700 });
    mount(folder, machine);
    try {
      await machine.start();
      await test(machine);
    } finally {
      await machine.stopAll();
      execFileSync("umount", [folder]);
    }
  });
}

function mountBtrfs(folder: string, machine: Machine): void {
  const image = join(machine.directory, "btrfs");
  writeFileSync(image, "");
  truncateSync(image, 256 * MIB);
  execFileSync("mkfs.btrfs", ["-q", image]);
  execFileSync("mount", ["-o", "loop", image, folder]);
}

const hasBtrfs =
  process.getuid?.() === 0 &&
  existsSync("/dev/loop-control") &&
  spawnSync("grep", ["-qw", "btrfs", "/proc/filesystems"]).status === 0;

describe("copies of a device", () => {
  const machine = new Machine();
  const content = noise(2 * MIB, 11);

  before(async () => {
    await machine.start();
    await machine.expect("foo:", policy(10), "added policy");
    await machine.expect("foo:disk", add(2), "added block device");
    assert.equal(await set(machine, "foo:disk", stream(content)), "set block device");
  });
  after(() => machine.close());

  it("have its content, and are devices of their own", async () => {
    for (const snapshot of [true, false]) {
      await machine.expect("foo:disk", copy("other", snapshot), "added block device");
      same(contentOf(machine, "foo:other"), content);
      assert.equal(statSync(fileOf(machine, "foo:other")).mode & 0o777, 0o600);
      assert.equal(await set(machine, "foo:other", stream(noise(9))), "set block device");
      same(contentOf(machine, "foo:disk"), content);
      await machine.expect("foo:other", remove, "removed block");
    }
    assert.deepEqual(leftovers(machine), []);
  });

  it("keep the holes of large ones, and cost no time for them", async () => {
    await machine.expect("large", add(64 * 1024), "added block device");
    truncateSync(fileOf(machine, ":large"), 0);
    truncateSync(fileOf(machine, ":large"), 64 * 1024 * MIB);
    execFileSync("dd", [
      "if=/dev/urandom",
      `of=${fileOf(machine, ":large")}`,
      "bs=4096",
      "count=3",
      "seek=10000000",
      "conv=notrunc",
      "status=none",
    ]);
    await machine.expect("large", copy("copied", false), "added block device");
    const [from, to] = [statSync(fileOf(machine, ":large")), statSync(fileOf(machine, ":copied"))];
    assert.equal(to.size, from.size);
    assert.ok(to.blocks * 512 < MIB);
    const differ = spawnSync("cmp", [
      "-i",
      String(10_000_000 * 4096),
      "-n",
      "12288",
      fileOf(machine, ":large"),
      fileOf(machine, ":copied"),
    ]);
    assert.equal(differ.status, 0);
    for (const name of ["large", "copied"]) await machine.expect(name, remove, "removed block");
  });

  it("are refused under names that are none or taken, and of what is not there", async () => {
    await machine.expect("foo:disk", copy("disk", true), "refused: block device with same name already exists");
    for (const bad of ["", "a:b", "../x", "x".repeat(64)]) {
      await machine.expect("foo:disk", copy(bad, true), /^refused: snapshot block: invalid label/);
    }
    await machine.expect("nope", copy("x", false), "refused: clone block: not found");
    await machine.expect("nope", copy("x", true), "refused: snapshot block: not found");
    await machine.expect("nope", resize(1), "refused: resize block: not found");
  });

  it("count in every policy above, at the limit and one past it", async () => {
    await machine.expect("foo:", policy(4), "added policy");
    await machine.expect("foo:disk", copy("fits", false), "added block device");
    const refusal = "refused: block device policy limit of 4 MB (used 4 MB) would be exceeded by the request (2 MB)";
    await machine.expect("foo:disk", copy("more", true), refusal);
    await machine.expect("foo:fits", remove, "removed block");
    await machine.expect("foo:disk", resize(4), "resized block device");
    await machine.expect(
      "foo:disk",
      resize(5),
      "refused: block device policy limit of 4 MB (used 0 MB) would be exceeded by the request (5 MB)",
    );
    await machine.expect("foo:disk", resize(2, true), "resized block device");
    assert.deepEqual(leftovers(machine), []);
  });

  it("of one that a unikernel has are refused where they cannot be taken at one instant, with advice", async () => {
    if (
      hasBtrfs &&
      spawnSync("stat", ["-f", "-c", "%T", machine.dbdir], { encoding: "utf8" }).stdout.trim() === "btrfs"
    )
      return;
    await machine.expect("foo:disk", resize(2), "resized block device");
    await machine.expect(
      "foo:user",
      create(kernels["block-check"], { blockDevices: device("disk"), words: ["count"] }),
      "created unikernel",
    );
    await machine.expect(
      "foo:disk",
      copy("live", true),
      /^refused: snapshot block: .* is in use, and the file system .* btrfs or XFS$/,
    );
    await machine.expect("foo:disk", copy("live", false), /^refused: clone block: is in use. Take a snapshot/);
    await machine.expect("foo:disk", resize(3), "refused: resize block: is in use");
    await machine.expect("foo:user", destroy, "destroyed unikernel");
    assert.equal(existsSync(fileOf(machine, "foo:live")), false);
    assert.deepEqual(leftovers(machine), []);
  });
});

describe("the size of a device", () => {
  const machine = new Machine();
  before(() => machine.start());
  after(() => machine.close());

  it("can grow by zeros, and shrinks only if that is wanted", async () => {
    const content = noise(2 * MIB, 5);
    await machine.expect("disk", add(2), "added block device");
    assert.equal(await set(machine, "disk", stream(content)), "set block device");
    await machine.expect("disk", resize(4), "resized block device");
    same(await dump(machine, "disk"), Buffer.concat([content], 4 * MIB));
    await machine.expect(
      "disk",
      resize(1),
      "refused: resize block: from 4 MB to 1 MB loses what is stored beyond. Allow it with --shrink",
    );
    await machine.expect("disk", resize(1, true), "resized block device");
    same(await dump(machine, "disk"), content.subarray(0, MIB));
    for (const bad of [0, -1])
      await machine.expect("disk", resize(bad, true), "refused: overflow while computing bytes");
    await machine.expect("disk", resize(2 ** 50), /^refused: (overflow|block device policy)/);
    assert.equal(statSync(fileOf(machine, ":disk")).size, MIB);
    const [payload] = await machine.converse("disk", { kind: "block-info" });
    assert.ok(payload?.kind === "success" && payload.success.kind === "block-devices");
    assert.equal(payload.success.devices[0]?.size, 1);
  });
});

describe("on btrfs", { skip: !hasBtrfs }, () => {
  it("btrfs: a snapshot of a running unikernel's device is what the device was at one instant", async () => {
    await onFileSystem(mountBtrfs, async (machine) => {
      await machine.expect("disk", add(8), "added block device");
      const command = create(kernels["block-check"], { blockDevices: device("disk"), words: ["count"] });
      await machine.expect("user", command, "created unikernel");
      await (await machine.console("user")).line("counting");
      for (let round = 0; round < 20; round++) {
        await machine.expect("disk", copy(`snap${round}`, true), "added block device");
        const snapshot = contentOf(machine, `:snap${round}`);
        const [first = 0, last = 0] = [snapshot[0], snapshot.at(-1)];
        // The last sector is always written after the first.
        assert.ok(first === last || first === ((last + 1) & 0xff), `${first} and ${last} are not of one instant`);
      }
      assert.equal(machine.processesOf("user").length, 1);
      await machine.expect("user", destroy, "destroyed unikernel");
      await machine.expect("disk", copy("clone", false), "added block device");
      same(await dump(machine, "clone"), await dump(machine, "disk"));
      assert.deepEqual(leftovers(machine), []);
    });
  });
});

describe("a full disk", () => {
  const tmpfs = (folder: string) => execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", folder]);

  it("refuses a content that does not fit, and leaves the old one and no file", async () => {
    await onFileSystem(tmpfs, async (machine) => {
      const content = noise(7 * MIB, 2);
      await machine.expect("disk", add(7), "added block device");
      assert.equal(await set(machine, "disk", stream(content)), "set block device");
      const fresh = noise(7 * MIB, 3);
      assert.match(await set(machine, "disk", stream(fresh)), /^refused: error writing to file descriptor: ENOSPC/);
      same(contentOf(machine, "disk"), content);
      assert.deepEqual(leftovers(machine), []);
      await machine.expect(
        "disk",
        { kind: "block-set-old", compressed: false, data: fresh },
        /^refused: error writing .*ENOSPC/,
      );
      await machine.expect("disk", resize(5, true), "resized block device");
      await machine.expect("disk", copy("half", false), "added block device");
      await machine.expect("half", resize(7), "resized block device");
      await machine.expect("half", remove, "removed block");
      same(await dump(machine, "disk"), content.subarray(0, 5 * MIB));
      assert.deepEqual(leftovers(machine), []);
      // What is mostly zeros fits.
      assert.equal(await set(machine, "disk", stream(new Uint8Array(4 * MIB), noise(MIB))), "set block device");
    });
  });
});

describe("ZFS volumes", { skip: process.getuid?.() !== 0 }, () => {
  it("are for the unikernels on one path, really below /dev/zvol, disks, and used by one at a time", async () => {
    const pool = `albatross-test-${process.pid}`;
    const folder = join("/dev/zvol", pool);
    await Machine.with(async (machine) => {
      const disk = join(machine.directory, "disk");
      writeFileSync(disk, "");
      truncateSync(disk, MIB);
      mkdirSync(folder, { recursive: true });
      const loop = execFileSync("losetup", ["-f", "--show", disk], { encoding: "utf8" }).trim();
      try {
        symlinkSync(loop, join(folder, "volume"));
        writeFileSync(join(folder, "file"), "no disk");
        await machine.startConsole();
        await machine.startDaemon({ flags: ["--allow-zvol-for", "foo:"] });
        const on = (path: string) => create(kernels["block-check"], { blockDevices: device(path), words: ["count"] });
        const volume = `${folder}/volume`;
        const refused: readonly (readonly [string, string, RegExp])[] = [
          ["bar:x", volume, /not found$/],
          ["x", volume, /not found$/],
          ["foo:below:x", volume, /not found$/],
          ["foo:x", `${folder}/missing`, /not found$/],
          ["foo:x", `${folder}/file`, /is not a disk/],
          ["foo:x", `/dev/zvol/../${loop.slice(5)}`, /not found$/],
          ["foo:x", `/dev/zvol/${pool}/../../${loop.slice(5)}`, /not found$/],
          ["foo:x", `/dev/zvol/./${pool}/volume`, /not found$/],
          ["foo:x", `/dev/zvol//${pool}/volume`, /not found$/],
          ["foo:x", "/dev/zvolX", /not found$/],
          ["foo:x", "/dev/zvol", /not found$/],
          ["foo:x", `${volume},ro`, /not found$/],
          ["foo:x", `${volume} `, /not found$/],
          ["foo:x", loop, /not found$/],
        ];
        for (const [name, path, reason] of refused) await machine.expect(name, on(path), reason);
        assert.deepEqual(machine.processes(), []);
        await machine.expect("foo:user", on(volume), "created unikernel");
        await (await machine.console("foo:user")).line("counting");
        await machine.expect("foo:other", on(volume), `refused: block device ${volume} already in use`);
        await machine.expect("foo:user", destroy, "destroyed unikernel");
      } finally {
        await machine.stopAll();
        execFileSync("losetup", ["-d", loop]);
        rmSync(folder, { recursive: true });
      }
    });
  });
});
