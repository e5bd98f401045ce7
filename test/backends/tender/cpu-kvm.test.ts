import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { testCpu } from "./cpu-conformance.ts";
import { Guest } from "./guest-image.ts";
import { builtInTender, ended, TenderRig } from "./tender-process.ts";

function kvmUnavailable(): string | undefined {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return process.arch === "x64" ? undefined : "not an x86-64 processor";
  } catch (error) {
    return `/dev/kvm cannot be used: ${error}`;
  }
}

testCpu({
  title: "built-in tender on KVM",
  command: [...builtInTender, "--cpu=kvm"],
  skip: kvmUnavailable(),
  own: true,
  emulated: false,
});

/** Of so many starts, one at least is stopped while KVM makes the machine: it is one in a few. */
const STARTS = 12;

test("a tender on KVM starts although it is stopped and continued meanwhile", { skip: kvmUnavailable() }, async () => {
  const rig = new TenderRig([...builtInTender, "--cpu=kvm"]);
  try {
    for (let start = 0; start < STARTS; start++) {
      const tender = rig.start(new Guest().halt(7).build());
      let running = true;
      const end = ended(tender).finally(() => {
        running = false;
      });
      while (running) {
        for (const signal of ["SIGSTOP", "SIGCONT"] as const) tender.kill(signal);
        await setImmediate();
      }
      assert.deepEqual(await end, { status: 7, signal: null });
    }
  } finally {
    rig.close();
  }
});
