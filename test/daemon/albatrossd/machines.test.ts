/** The life of a virtual machine that the kernel keeps beyond the end of its process, with BHyve's programs acted. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { PATIENCE_MS } from "../../../conformance/rig.ts";
import type { UnikernelSpec } from "../../../core/engine/state.ts";
import { Name, parseName } from "../../../core/name.ts";
import { blockFile } from "../../../core/paths.ts";
import { MACHINE_STOP_TIMEOUT_MS, STOP_TIMEOUT_MS } from "../../../daemon/albatrossd/end-process.ts";
import { ImageStore } from "../../../daemon/albatrossd/images.ts";
import { type InstanceHost, MARK, releaseMachine } from "../../../daemon/albatrossd/instance.ts";
import { recover } from "../../../daemon/albatrossd/recovery.ts";
import { Store } from "../../../daemon/albatrossd/store.ts";
import { type Observer, Supervisor } from "../../../daemon/albatrossd/supervisor.ts";
import { create, destroy, restart } from "../../../daemon/albatrossd/unikernel-commands.ts";
import { listUnikernels } from "../../../daemon/albatrossd/unikernel-info.ts";
import type { Log } from "../../../daemon/common/log.ts";
import { type HostNetwork, HostNetworkError } from "../../../host/host-network.ts";
import { BhyveRig, machine } from "../../backends/bhyve-rig.ts";

const name = parseName("vm");
const spec: UnikernelSpec = { type: "bhyve", image: undefined, arguments: machine([["0", "disk"]]) };
const log: Log = { error() {}, warning() {}, info() {}, debug() {}, enabled: () => false };

const observer: Observer = { started() {}, ended() {}, happened() {} };

/** No networks here. */
const network: HostNetwork = {
  bridgeExists: () => false,
  checkBridge(bridge) {
    throw new HostNetworkError(`interface ${bridge} does not exist`);
  },
  listBridges: () => [],
  createTaps: async () => [],
  createTap: async () => "",
  destroyTap: async () => true,
  listTaps: () => [],
};

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < end, "it did not happen in time");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe("a virtual machine", () => {
  let rig: BhyveRig;
  let folder: string;
  let store: Store;
  let host: InstanceHost;
  let supervisor: Supervisor;
  let ended: string[];

  const disk = () => blockFile(folder, parseName("disk"));
  const open = () => {
    const seen: string[] = []; // its own: one that kept its machine sees the end of that much later
    ended = seen;
    store = new Store(join(folder, "albatross.sqlite"), randomUUID()); // else tests running at the same time would end our processes
    host = {
      temporaryDirectory: folder,
      databaseDirectory: folder,
      storeId: store.id,
      backends: [rig.backend()],
      backendHost: rig.host,
      network,
      images: new ImageStore(folder),
      fullName: false,
      now: Date.now,
      consoleIsThere: () => true,
      addConsole: async () => undefined,
    };
    supervisor = new Supervisor(
      host,
      store,
      { started() {}, ended: (gone) => void seen.push(gone.text), happened() {} },
      log,
    );
  };
  const recovered = () =>
    recover({
      temporaryDirectory: folder,
      store,
      supervisor,
      network: undefined,
      releaseMachine: (gone) => releaseMachine(host, gone),
      log,
    });
  const createIt = async () => {
    supervisor.note({ kind: "block-added", name: parseName("disk"), size: 1 });
    const reply = await create(supervisor, { name, spec, image: undefined, force: false });
    if (reply.kind === "failure") return reply.text;
    await until(() => rig.calls().length >= 2); // now bhyve has no helpers any more, which have its mark, too
    return reply.kind;
  };
  const digest = () =>
    listUnikernels(supervisor.state, name, false).map(({ info }) => new TextDecoder().decode(info.digest));
  const destroyed = () => rig.commandLines().filter((line) => line === "bhyvectl --destroy --vm=alba-4711").length;

  beforeEach(() => {
    rig = new BhyveRig();
    folder = mkdtempSync(join(tmpdir(), "machines-"));
    for (const directory of ["fifo", "block"]) mkdirSync(join(folder, directory));
    writeFileSync(disk(), "");
    truncateSync(disk(), 2 ** 20);
    rig.install("bhyve", "exec /bin/sleep 1000");
    open();
  });
  afterEach(async () => {
    await supervisor.close(false);
    store.close();
    rmSync(folder, { recursive: true });
    rig.close();
  });

  it("runs on a block device of its path, is shown by its name, and is removed when it is destroyed", async () => {
    assert.equal(await createIt(), "success");
    assert.deepEqual(digest(), ["alba-4711"]);
    assert.deepEqual(rig.calls()[0]?.words, ["-m512m", `-d${disk()}`, "alba-4711"]);
    assert.equal(destroyed(), 0);
    const reply = await destroy(supervisor, name);
    assert.equal(reply.kind, "success");
    assert.equal(destroyed(), 1);
  });

  it("is removed when it ends by itself", async () => {
    rig.install("bhyve", "exit 1");
    assert.equal(await createIt(), "success");
    await until(() => ended.length > 0);
    assert.equal(destroyed(), 1);
    assert.deepEqual(digest(), []);
  });

  it("can be restarted, though it has no image (daemon.md 9), also with other CPUs", async () => {
    assert.equal(await createIt(), "success");
    const command = { kind: "unikernel-restart", arguments: undefined } as const;
    assert.equal((await restart(supervisor, name, command)).kind, "success");
    assert.equal(destroyed(), 1);
    const given = { ...spec.arguments, cpus: 3 };
    assert.equal((await restart(supervisor, name, { ...command, arguments: given })).kind, "success");
    await until(() => rig.commandLines().at(-1)?.includes(" -c3 ") === true);
    assert.equal(destroyed(), 2);
  });

  it("is removed when its boot loader fails, and the client told why", async () => {
    rig.install("bhyveload", "exit 1");
    assert.match(await createIt(), /^could not create unikernel: Cannot boot from .* ended with exit status 1/);
    assert.equal(destroyed(), 1);
    assert.deepEqual(digest(), []);
  });

  it("is refused on a device that is not registered for its path, before anything is done", async () => {
    const elsewhere: UnikernelSpec = { ...spec, arguments: machine([["0", "/dev/ada0"]]) };
    const reply = await create(supervisor, { name, spec: elsewhere, image: undefined, force: false });
    assert.ok(reply.kind === "failure");
    assert.match(reply.text, /^block device .* not found$/);
    assert.deepEqual(rig.calls(), []);
  });

  it("is refused with a device twice, before anything is done (daemon.md 20.16)", async () => {
    supervisor.note({ kind: "block-added", name: parseName("disk"), size: 1 });
    const devices: [string, string][] = [
      ["0", "disk"],
      ["1", "disk"],
    ];
    const twice: UnikernelSpec = { ...spec, arguments: machine(devices) };
    const reply = await create(supervisor, { name, spec: twice, image: undefined, force: false });
    assert.deepEqual(reply, { kind: "failure", text: "block device [unikernel: :disk] already in use" });
    assert.deepEqual(rig.calls(), []);
  });

  it("gets ZFS volumes of its path only, and nothing that only begins like one (daemon.md 20.13)", async () => {
    for (const allowed of [undefined, Name.root]) {
      const own = new Supervisor({ ...host, zvolPath: allowed }, store, observer, log);
      for (const device of ["/dev/zvol/../ada0", "/dev/zvolX", "/dev/zvol/a,ro", "/dev/zvol/albatross-no-such/vm"]) {
        const wanted: UnikernelSpec = { ...spec, arguments: machine([["0", device]]) };
        const reply = await create(own, { name, spec: wanted, image: undefined, force: false });
        assert.deepEqual(reply, { kind: "failure", text: `block device ${device} not found` });
      }
    }
    assert.deepEqual(rig.calls(), []);
  });

  it("is adopted by the next albatrossd with its name", async () => {
    assert.equal(await createIt(), "success");
    await supervisor.close(true);
    store.close();
    open();
    assert.deepEqual(await recovered(), []);
    assert.deepEqual(digest(), ["alba-4711"]);
    assert.equal(destroyed(), 0);
  });

  it("is removed by the next albatrossd if it ended meanwhile, and started anew", async () => {
    assert.equal(await createIt(), "success");
    const [unikernel] = supervisor.state.unikernels.values();
    assert.ok(unikernel?.phase.kind === "running");
    await supervisor.close(true);
    store.close();
    process.kill(-unikernel.phase.run.pid, "SIGKILL");
    await until(() => ended.length > 0); // the first one is still here, and also removes it
    assert.equal(destroyed(), 1);
    open();
    assert.deepEqual(
      (await recovered()).map(({ text }) => text),
      [name.text],
    );
    assert.equal(destroyed(), 2);
  });

  it("is ended and removed by the next albatrossd if its start was never recorded", async () => {
    rig.install("bhyve", "kill -STOP $$");
    const launcher = await rig.backend().check({ arguments: spec.arguments, image: undefined }, rig.host);
    const request = rig.request(spec.arguments);
    const { exited } = await launcher.launch({ ...request, environment: { [MARK]: `${store.id}/lost/:vm` } });
    await until(() => rig.calls().length === 2);
    assert.deepEqual(await recovered(), []);
    assert.deepEqual(await exited, { kind: "signal", signal: 9 });
    assert.equal(destroyed(), 1);
  });

  it("has more time to shut down than a unikernel", () => assert.ok(MACHINE_STOP_TIMEOUT_MS > STOP_TIMEOUT_MS));
});
