/** Networks and block devices, with the real things. */
import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import { macOf } from "../../daemon/albatrossd/instance.ts";
import { findLink, listLinks } from "../../host/linux/links.ts";
import { create, destroy, images, Machine, network, restart } from "./harness.ts";

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
  await machine.start();
});
after(() => machine.close());

describe("unikernels on a bridge", () => {
  it("exchange frames, and their taps come and go with them", async () => {
    const bridge = machine.bridge();
    await machine.expect(
      "echo",
      create(kernels["net-echo"], { networks: [network("service", bridge)] }),
      "created unikernel",
    );
    const given = { ...network("service", bridge), mac: "02:00:00:11:22:33" } as ReturnType<typeof network>;
    const [tap] = machine.taps();
    assert.equal(listLinks("tun").find(({ name }) => name === tap)?.master, findLink(bridge)?.index);
    await machine.expect("ask", create(kernels["net2"], { networks: [given] }), "created unikernel");
    const echo = await machine.console("echo");
    const ask = await machine.console("ask");
    await ask.line("all replies received");
    await echo.line(/received.*02:00:00:11:22:33/);
    await machine.vanishes("ask");
    assert.deepEqual(machine.taps(), [tap]);
    const [entry] = await machine.info("echo");
    const derived = macOf(parseName("echo"), network("service", bridge));
    assert.deepEqual(entry?.info.networks, [{ name: "service", bridge, mac: derived }]);
    assert.match(derived, /^00:80:41:/);
    await ask.line(new RegExp(`from.*${derived}|${derived}`));
    await machine.expect("echo", restart, "created unikernel");
    assert.equal((await machine.info("echo"))[0]?.info.networks[0]?.mac, derived, "it has the same address again");
    assert.equal(machine.taps().length, 1);
    await machine.expect("echo", destroy, "destroyed unikernel");
    assert.deepEqual(machine.taps(), []);
  });

  it("lose no tap when many are created and destroyed at once", async () => {
    const bridge = machine.bridge();
    const clean = machine.traces();
    const names = Array.from({ length: 8 }, (_, at) => `many:n${at}`);
    const command = create(kernels["net-echo"], { networks: [network("service", bridge)] });
    const created = await Promise.all(names.map((name) => machine.ask(name, command)));
    assert.deepEqual(new Set(created), new Set(["created unikernel"]));
    assert.equal(machine.taps().length, names.length);
    const gone = await Promise.all(names.map((name) => machine.ask(name, destroy)));
    assert.deepEqual(new Set(gone), new Set(["destroyed unikernel"]));
    assert.deepEqual(machine.traces(), clean);
  });
});

describe("a block device", () => {
  const storage = [{ name: fromText("storage"), device: fromText("disk"), sectorSize: undefined }];

  it("is made, keeps what is written, and is not removed while it is used", async () => {
    await machine.expect("foo:disk", { kind: "block-add", size: 2 }, "added block device");
    const file = join(machine.dbdir, "block", "foo:disk");
    const status = statSync(file);
    assert.deepEqual([status.size, status.mode & 0o777], [2 * 2 ** 20, 0o600]);
    const image = kernels["block-check"];
    const run = async (name: string, words: string[], line: string) => {
      await machine.expect(name, create(image, { blockDevices: storage, words }), "created unikernel");
      const console = await machine.console(name);
      await console.line(line);
      console.close();
      await machine.vanishes(name);
    };
    await run("foo:check", [], "storage is fine");
    await run("foo:writer", ["write=persistence"], "write: ok");
    await run("foo:reader", ["read"], "content: persistence");
    const [payload] = await machine.converse("foo:", { kind: "block-info" });
    assert.ok(payload?.kind === "success" && payload.success.kind === "block-devices");
    assert.deepEqual(
      payload.success.devices.map(({ name, size, active }) => [name.text, size, active]),
      [[":disk", 2, false]],
    );
    await machine.expect("foo:disk", { kind: "block-remove" }, "removed block");
    assert.equal(statSync(file, { throwIfNoEntry: false }), undefined);
  });

  it("in use is not removed, nor given to another", async () => {
    const clean = machine.traces();
    await machine.expect("disk", { kind: "block-add", size: 1 }, "added block device");
    const wishes = { blockDevices: [{ name: fromText("storage"), device: fromText("disk"), sectorSize: 4096 }] };
    const two = { ...wishes, networks: [network("service", machine.bridge())] };
    assert.match(await machine.ask("wrong", create(kernels["block-check"], two)), /^refused: specified bridge/);
    // It ends quickly, but is started again and again: it keeps the device in the pauses as well.
    const failBehaviour = { kind: "restart", exitCodes: [] } as const;
    await machine.expect("user", create(kernels["block-check"], { ...wishes, failBehaviour }), "created unikernel");
    await machine.expect("disk", { kind: "block-remove" }, "refused: remove block: is in use");
    const second = await machine.ask("second", create(kernels["block-check"], wishes));
    assert.equal(second, "refused: block device [unikernel: :disk] already in use");
    const info = (await machine.info("user"))[0]?.info;
    assert.deepEqual(info?.blockDevices, [{ name: "storage", device: "disk", sectorSize: 4096, size: 1 }]);
    assert.match(await machine.ask("user", destroy), /^destroyed/);
    await machine.expect("disk", { kind: "block-remove" }, "removed block");
    assert.deepEqual(machine.traces(), clean);
  });
});
