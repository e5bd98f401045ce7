/** albatrossd without any privileges: everything but networks works. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { create, destroy, images, Machine, network } from "./harness.ts";

const NOBODY = 65_534;
const wrapper = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] as const;

let kernels: Awaited<ReturnType<typeof images>>;
before(async () => {
  kernels = await images();
});

describe("albatrossd as an ordinary user", () => {
  it("creates, adopts and destroys unikernels, and refuses networks", async () => {
    await Machine.with(async (machine) => {
      chmodSync(machine.directory, 0o755);
      for (const folder of [machine.tmpdir, machine.dbdir]) chownSync(folder, NOBODY, NOBODY);
      for (const folder of ["fifo", "util"].map((name) => join(machine.tmpdir, name))) {
        mkdirSync(folder);
        chownSync(folder, NOBODY, NOBODY);
      }
      await machine.startConsole({ wrapper });
      const bridge = machine.bridge();
      // /dev/kvm may be root's alone: then a CPU is emulated.
      const options = { wrapper, flags: ["--allow-emulation"] };
      const first = await machine.startDaemon(options);
      await machine.expect("plain", create(kernels["ticker"], { words: ["interval=20"] }), "created unikernel");
      const view = await machine.console("plain");
      await view.line("tick 2");
      const [pid] = machine.processesOf("plain");
      assert.equal(statSync(`/proc/${pid}`).uid, NOBODY);
      const clean = machine.traces();
      const networks = [network("service", bridge)];
      const answer = await machine.ask("net", create(kernels["net-echo"], { networks }));
      assert.match(answer, /^refused: .*(tap|permitted|permission)/i);
      assert.deepEqual(machine.traces(), clean);
      const missing = [network("service", fromText("nobridge"))];
      await machine.expect(
        "net",
        create(kernels["net-echo"], { networks: missing }),
        "refused: bridges nobridge not allowed by policy",
      );
      await first.stop("SIGKILL");
      const second = await machine.startDaemon(options);
      assert.equal((await machine.statusOf("plain"))?.pid, pid, "it is adopted");
      await machine.expect("plain", destroy, "destroyed unikernel");
      await machine.expect("again", create(kernels["ticker"]), "created unikernel");
      assert.equal(await second.stop("SIGTERM"), 0);
      assert.deepEqual(machine.processes(), []);
    });
  });

  it("refuses a database that it may not write, and a directory", async () => {
    await Machine.with(async (machine) => {
      chmodSync(machine.directory, 0o755);
      chownSync(machine.tmpdir, NOBODY, NOBODY);
      const refused = machine.launch("albatrossd", machine.words, wrapper);
      assert.equal(await refused.ends(), 125);
      assert.match(refused.log, /EACCES.*permission denied/);
      chownSync(machine.dbdir, NOBODY, NOBODY);
      await (await machine.startDaemon({ wrapper })).stop();
      const file = join(machine.dbdir, "albatross.sqlite");
      chownSync(file, 0, 0);
      chmodSync(file, 0o644);
      const readOnly = machine.launch("albatrossd", machine.words, wrapper);
      assert.equal(await readOnly.ends(), 125);
      assert.match(
        readOnly.log,
        /Cannot use the database .*: attempt to write a readonly database\. Nothing was started/,
      );
    });
  });
});
