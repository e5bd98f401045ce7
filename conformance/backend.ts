/**
 * What every backend must do, for `node:test`: to be run by whoever writes one, with something real to boot.
 *
 * ```ts
 * import { backendConformance } from "albatross/conformance";
 *
 * backendConformance({
 *   title: "my backend",
 *   backend,
 *   type: "mine",
 *   host,
 *   prepare: async (folder) => ({ image: await buildGuest(folder), words: ["loop"], line: "ready" }),
 * });
 * ```
 *
 * @module
 */
import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Backend, BackendHost } from "../backends/backend.ts";
import { parseUnikernelType, type UnikernelType } from "../core/unikernel-type.ts";
import { descriptorsOf, LauncherRig, plainArguments, signal, statusOf, stringsOf } from "./rig.ts";

/** A guest that says something and then runs on until it is ended. */
export interface Guest {
  /** Path of its image; empty if it needs none. */
  readonly image: string;
  /** Its arguments. */
  readonly words: readonly string[];
  /** What it prints. */
  readonly line: string;
}

/** How to run the suite. */
export interface BackendConformanceOptions {
  readonly title: string;
  readonly backend: Backend;
  readonly host: BackendHost;
  /** The type of its unikernels, as `create --typ` has it. */
  readonly type: string;
  /** Makes the guest, with its files in this folder. */
  readonly prepare: (folder: string) => Guest | Promise<Guest>;
  /** MiB for the guest, 32 unless given. */
  readonly memory?: number;
  /** What its process may have open besides the console; it must not be anything of the daemon's. */
  readonly mayOpen?: RegExp;
  /** Why it cannot be run here; `undefined` if it can. */
  readonly skip?: string | undefined;
}

/** Milliseconds from SIGTERM to an end that albatrossd does not have to force. */
const STOP_TIMEOUT_MS = 5_000;

const usuallyOpen = /^(\/dev\/(kvm|null|urandom)|anon_inode:.*)$/;

function typeOf(text: string): UnikernelType {
  return parseUnikernelType(text) ?? assert.fail(`${text} cannot be a type of unikernels`);
}

/** Runs a backend through what albatrossd relies on. */
export function backendConformance(options: BackendConformanceOptions): void {
  const { title, backend, host, memory = 32, mayOpen = usuallyOpen } = options;
  describe(title, { skip: options.skip !== undefined }, () => {
    let rig: LauncherRig;
    let guest: Guest;
    before(async () => {
      rig = new LauncherRig(backend, host, typeOf(options.type));
      guest = await options.prepare(rig.directory);
    });
    afterEach(async () => await rig.endAll());
    after(async () => await rig.close());

    const boot = async (wishes: Parameters<LauncherRig["launch"]>[2] = {}) => {
      const booted = await rig.launch(guest.image, guest.words, { memory, ...wishes });
      await booted.output(guest.line);
      return booted;
    };

    it("boots a guest, whose console comes out of the fifo, and says what runs it", async () => {
      const { launcher, child } = await boot();
      assert.notEqual(launcher.description, "");
      assert.equal(typeof launcher.emulated, "boolean");
      assert.ok(Number.isSafeInteger(child.pid) && child.pid > 1);
    });

    it("ends by SIGTERM before it has to be killed", async () => {
      const booted = await boot();
      const begun = performance.now();
      signal(booted.child.pid, "SIGTERM");
      assert.notDeepEqual((await booted.end()).status, { kind: "unknown" });
      assert.ok(performance.now() - begun < STOP_TIMEOUT_MS);
    });

    it("ends by SIGKILL, which is told", async () => {
      const booted = await boot();
      signal(booted.child.pid, "SIGKILL");
      assert.deepEqual((await booted.end()).status, { kind: "signal", signal: 9 });
    });

    it("starts exactly the command line it announces, if it does", async () => {
      const { launcher, request, child } = await boot();
      if (launcher.commandLine === undefined) return;
      assert.deepEqual(stringsOf(child.pid, "cmdline"), launcher.commandLine(request));
    });

    it("gives the process nothing but its own: environment, descriptors, session", async () => {
      const marker = join(rig.directory, "marker");
      writeFileSync(marker, "");
      const inherited = openSync(marker, "r+");
      try {
        const { pid } = (await boot({ environment: { MARK: "1" } })).child;
        assert.deepEqual(stringsOf(pid, "environ").toSorted(), ["MARK=1", `PATH=${host.path}`]);
        const descriptors = descriptorsOf(pid);
        const fifo = descriptors.get(1) ?? "";
        assert.ok(fifo.startsWith(`${rig.directory}/fifo`), fifo);
        assert.ok([fifo, "/dev/null"].includes(descriptors.get(0) ?? ""));
        assert.equal(descriptors.get(2), fifo);
        const others = [...descriptors].filter(([at, what]) => at > 2 && what !== fifo && !mayOpen.test(what));
        assert.deepEqual(others, [], "these were inherited");
        assert.deepEqual(statusOf(pid, "NSsid")[0], String(pid), "a session of its own");
      } finally {
        closeSync(inherited);
      }
    });

    it("confines every thread to the CPUs that were asked for", async () => {
      for (const cpu of [0, availableParallelism() - 1]) {
        const { pid } = (await boot({ cpuIds: [cpu] })).child;
        for (const allowed of statusOf(pid, "Cpus_allowed_list")) assert.equal(allowed, String(cpu));
      }
    });

    it("refuses a CPU that there is not, and starts nothing", async () => {
      const before = rig.running;
      await assert.rejects(rig.launch(guest.image, guest.words, { memory, cpuIds: [8191] }), {
        name: "BackendRefusal",
      });
      assert.equal(rig.running, before);
    });

    it("leaves the order in which processes are killed when memory runs out as it is", async () => {
      assert.equal(await oomScoreOfGuest("100"), "100");
    });

    it("does not pass on an exemption from being killed then", {
      skip: options.skip !== undefined || !mayProtectItself(),
    }, async () => {
      assert.equal(await oomScoreOfGuest("-500"), "0");
    });

    async function oomScoreOfGuest(score: string): Promise<string> {
      const former = readFileSync(OWN_OOM_SCORE, "utf8");
      try {
        writeFileSync(OWN_OOM_SCORE, score);
        return readFileSync(`/proc/${(await boot()).child.pid}/oom_score_adj`, "utf8").trim();
      } finally {
        writeFileSync(OWN_OOM_SCORE, former);
      }
    }

    it("says before anything is started that it takes no such image, or needs one", async () => {
      if (backend.images === "none") return;
      const junk = join(rig.directory, "junk");
      writeFileSync(junk, "this is no image of anything\n".repeat(1000));
      const request = { arguments: plainArguments([]), image: undefined, imageFile: junk };
      await assert.rejects(backend.check(request, host), { name: "BackendRefusal" });
    });

    it("is responsible for its own type only", () => {
      for (const type of ["solo5", "bhyve", "nothing-of-the-kind"].filter((other) => other !== options.type)) {
        assert.equal(backend.handles(typeOf(type), undefined), false);
      }
    });
  });
}

const OWN_OOM_SCORE = "/proc/self/oom_score_adj";

/** Whether this process has the privilege to exempt itself from being killed when memory runs out. */
function mayProtectItself(): boolean {
  const former = readFileSync(OWN_OOM_SCORE, "utf8");
  try {
    writeFileSync(OWN_OOM_SCORE, "-1");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EACCES") return false;
    throw error;
  }
  writeFileSync(OWN_OOM_SCORE, former);
  return true;
}
