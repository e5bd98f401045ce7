/** What happens while the database refuses to be written, and what is known of that afterwards. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { create, images, Machine, restarting, until } from "./harness.ts";

let kernels: Awaited<ReturnType<typeof images>>;
before(async () => {
  kernels = await images();
});

/** Makes a tender whose unikernels end once `file` is there, and gives flags for it. */
function obedientTender(machine: Machine, file: string): readonly string[] {
  const tender = join(machine.directory, "obedient");
  const version = `if [ "$1" = --version ]; then echo "ABI version 2"; exit 0; fi`;
  writeFileSync(tender, `#!/bin/sh\n${version}\nwhile [ ! -e ${file} ]; do sleep 0.05; done\nexit 2\n`, {
    mode: 0o755,
  });
  return [`--tender=${tender}`];
}

describe("the end of a unikernel that could not be written", () => {
  it("is written with whatever is next, so that it does not come back beside one that has its block device", async () => {
    await Machine.with(async (machine) => {
      const end = join(machine.directory, "end");
      const flags = obedientTender(machine, end);
      const daemon = await machine.start({ flags });
      await machine.expect("disk", { kind: "block-add", size: 1 }, "added block device");
      const blockDevices = [{ name: fromText("storage"), device: fromText("disk"), sectorSize: undefined }];
      await machine.expect("first", create(kernels["block-hold"], { blockDevices }), "created unikernel");
      machine.changeDatabase(
        "CREATE TRIGGER refuse BEFORE DELETE ON unikernels BEGIN SELECT RAISE(ABORT, 'no room'); END",
      );
      writeFileSync(end, "");
      await machine.vanishes("first");
      await daemon.logged("cannot write to the database: no room");
      rmSync(end);
      machine.changeDatabase("DROP TRIGGER refuse");
      await machine.expect("second", create(kernels["block-hold"], { blockDevices }), "created unikernel");
      await daemon.stop("SIGKILL");
      await machine.startDaemon({ flags });
      assert.deepEqual(machine.rows(), [":second"]);
      assert.equal(machine.processes().length, 1);
    });
  });
});

describe("a unikernel that shall run", () => {
  it("is started again though its new process cannot be written", async () => {
    await Machine.with(async (machine) => {
      const end = join(machine.directory, "end");
      const flags = obedientTender(machine, end);
      const daemon = await machine.start({ flags });
      const wishes = { failBehaviour: restarting };
      await machine.expect("web", create(kernels["hello"], wishes), "created unikernel");
      const [former] = machine.processesOf("web");
      machine.changeDatabase(
        "CREATE TRIGGER refuse BEFORE INSERT ON unikernels BEGIN SELECT RAISE(ABORT, 'no room'); END",
      );
      writeFileSync(end, "");
      await until("it ended", () => !machine.processesOf("web").includes(former ?? 0));
      rmSync(end);
      await daemon.logged("cannot write to the database: no room");
      await machine.reaches("web", "running");
    });
  });
});
