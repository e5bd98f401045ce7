/** Unikernels whose processes, taps or descriptors do not behave, supervised with a real database and real processes. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { BACKEND_INTERFACE_VERSION, type Backend } from "../../../backends/backend.ts";
import { startProcess } from "../../../backends/start-process.ts";
import { PATIENCE_MS } from "../../../conformance/rig.ts";
import { fromText } from "../../../core/byte-string.ts";
import type { UnikernelSpec } from "../../../core/engine/state.ts";
import { parseName } from "../../../core/name.ts";
import { KILL_TIMEOUT_MS } from "../../../daemon/albatrossd/end-process.ts";
import { ImageStore } from "../../../daemon/albatrossd/images.ts";
import type { InstanceHost } from "../../../daemon/albatrossd/instance.ts";
import { Store } from "../../../daemon/albatrossd/store.ts";
import { Supervisor } from "../../../daemon/albatrossd/supervisor.ts";
import { create, destroy, restart } from "../../../daemon/albatrossd/unikernel-commands.ts";
import type { Log } from "../../../daemon/common/log.ts";
import type { HostNetwork } from "../../../host/host-network.ts";
import { takeDescriptors } from "../../support/descriptors.ts";

const name = parseName("web");
const spec: UnikernelSpec = {
  type: "bhyve",
  image: undefined,
  arguments: {
    failBehaviour: { kind: "quit" },
    startup: undefined,
    addName: false,
    cpuIds: [],
    memory: 1,
    blockDevices: [],
    networks: [],
    arguments: undefined,
    cpus: 1,
    linuxBootPartition: undefined,
  },
};
const log: Log = { error() {}, warning() {}, info() {}, debug() {}, enabled: () => false };
const again = { kind: "unikernel-restart", arguments: undefined } as const;

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!condition()) {
    assert.ok(performance.now() < end, "it did not happen in time");
    await sleep(5);
  }
}

describe("the supervisor", () => {
  let folder: string;
  let store: Store;
  let supervisor: Supervisor;
  let started: number[];
  let destroyed: string[];
  /** Milliseconds by which the end of the next process is seen late, as of one that the kernel cannot end yet. */
  let lateness: number;
  let script: string;
  /** Called when a process has been started, before anybody knows of it. */
  let launched: () => void;
  let host: InstanceHost;

  const backend: Backend = {
    interfaceVersion: BACKEND_INTERFACE_VERSION,
    name: "script",
    images: "none",
    handles: () => true,
    check: async () => ({
      description: "script",
      emulated: false,
      async launch(request) {
        const { pid, exited } = startProcess(["/bin/sh", "-c", script], request, "/bin:/usr/bin");
        launched();
        const late = lateness;
        lateness = 0;
        started.push(pid);
        return { pid, exited: late === 0 ? exited : exited.then((status) => sleep(late, status)) };
      },
    }),
  };
  const network: HostNetwork = {
    bridgeExists: () => true,
    checkBridge: () => undefined,
    listBridges: () => [],
    createTaps: async (bridges) => bridges.map((_, at) => `vmmtap${at}`),
    createTap: async () => "vmmtap0",
    destroyTap: async (tap) => {
      if (tap === "vmmtap0") throw new Error("it is held");
      destroyed.push(tap);
      return true;
    },
    listTaps: () => [],
  };
  const state = () => supervisor.state.unikernels.get(name.key)?.phase.kind;
  const createIt = (wanted = spec) => create(supervisor, { name, spec: wanted, image: undefined, force: false });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "supervisor-"));
    for (const directory of ["fifo", "block"]) mkdirSync(join(folder, directory));
    [started, destroyed, lateness, script] = [[], [], 0, "exec sleep 1000"];
    launched = () => undefined;
    store = new Store(join(folder, "albatross.sqlite"), randomUUID());
    host = {
      temporaryDirectory: folder,
      databaseDirectory: folder,
      storeId: store.id,
      backends: [backend],
      backendHost: {
        databaseDirectory: folder,
        path: "/bin:/usr/bin",
        tender: undefined,
        allowEmulation: false,
        self: [],
      },
      network,
      images: new ImageStore(folder),
      fullName: false,
      now: Date.now,
      consoleIsThere: () => true,
      addConsole: async () => undefined,
    };
    supervisor = new Supervisor(host, store, { started() {}, ended() {}, happened() {} }, log);
  });
  afterEach(async () => {
    await supervisor.close(false);
    store.close();
    rmSync(folder, { recursive: true });
  });

  it("starts again what it killed for a restart that it then gave up", async () => {
    lateness = KILL_TIMEOUT_MS + 500;
    script = "trap '' TERM; while :; do sleep 0.1; done";
    assert.equal((await createIt()).kind, "success");
    script = "exec sleep 1000";
    const reply = await restart(supervisor, name, again);
    assert.ok(reply.kind === "failure");
    assert.match(reply.text, /did not end within/);
    await until(() => started.length === 2 && state() === "running");
    assert.deepEqual(
      store.load().unikernels.map((stored) => stored.name.text),
      [":web"],
    );
  });

  it("has in the database that a process is to end whose start was completed after the end of albatrossd began", async () => {
    script = "trap '' TERM; while :; do sleep 0.1; done";
    const answer = Promise.withResolvers<void>();
    host = { ...host, addConsole: () => answer.promise };
    supervisor = new Supervisor(host, store, { started() {}, ended() {}, happened() {} }, log);
    const creating = createIt();
    await until(() => started.length === 1);
    const closed = supervisor.close(false);
    answer.resolve();
    assert.equal((await creating).kind, "success");
    await until(() => store.load().unikernels.some(({ run }) => run === undefined));
    assert.equal(state(), "running", "it has not ended yet");
    await closed;
  });

  it("ends a process that it cannot identify for lack of descriptors", async () => {
    let giveBack: (() => void) | undefined;
    launched = () => {
      giveBack = takeDescriptors();
    };
    const reply = await createIt().finally(() => giveBack?.());
    assert.ok(reply.kind === "failure");
    assert.match(reply.text, /^could not create unikernel: EMFILE/);
    assert.throws(() => process.kill(started[0] ?? 0, 0), { code: "ESRCH" });
  });

  it("ends a process without a descriptor to spare", async () => {
    assert.equal((await createIt()).kind, "success");
    const giveBack = takeDescriptors();
    const reply = await destroy(supervisor, name).finally(giveBack);
    assert.equal(reply.kind, "success");
    assert.throws(() => process.kill(started[0] ?? 0, 0), { code: "ESRCH" });
  });

  it("takes back all taps of a start that failed, also behind one that cannot be removed", async () => {
    host = { ...host, addConsole: () => Promise.reject(new Error("gone")) };
    supervisor = new Supervisor(host, store, { started() {}, ended() {}, happened() {} }, log);
    const networks = ["a", "b"].map((label) => ({ name: fromText(label), bridge: undefined, mac: undefined }));
    const reply = await createIt({ ...spec, arguments: { ...spec.arguments, networks } });
    assert.ok(reply.kind === "failure");
    assert.match(reply.text, /console failed, and also it is held while cleaning/);
    assert.deepEqual(destroyed, ["vmmtap1"]);
  });

  it("refuses to replace what runs once it is about to end and shall keep it", async () => {
    script = "trap '' TERM; while :; do sleep 0.1; done";
    const other = parseName("slow");
    assert.equal((await create(supervisor, { name: other, spec, image: undefined, force: false })).kind, "success");
    script = "exec sleep 1000";
    assert.equal((await createIt()).kind, "success");
    const slow = destroy(supervisor, other);
    const closed = supervisor.close(true);
    const reply = await restart(supervisor, name, again);
    assert.ok(reply.kind === "failure");
    assert.match(reply.text, /albatrossd is about to end/);
    assert.equal(state(), "running");
    await Promise.all([slow, closed]);
    process.kill(started[1] ?? 0, "SIGKILL");
  });
});
