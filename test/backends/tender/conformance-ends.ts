/**
 * How a guest that does not halt comes to its end.
 *
 * @module
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { TenderUnderTest } from "./cpu-conformance.ts";
import { Guest } from "./guest-image.ts";
import { ended, firstOutput, type TenderRig } from "./tender-process.ts";

/** Longest time from a signal to the end of a tender, in milliseconds: generous, for a busy machine. */
const SIGNAL_LIMIT_MS = 2000;

/** A guest that says `.` and then does something for ever. */
function busy(body: (guest: Guest) => void): Uint8Array {
  const guest = new Guest();
  guest.print(guest.data([0x2e]), 1);
  const again = guest.here;
  body(guest);
  return guest.jump(again).build();
}

/** Registers the tests. */
export function testEnds(tender: TenderUnderTest, rig: TenderRig): void {
  describe("faults end the tender with status 1", () => {
    const faults: Record<string, (guest: Guest) => void> = {
      "undefined instruction": (guest) => guest.hex("0f0b"),
      "halt instruction": (guest) => guest.hex("f4"),
      breakpoint: (guest) => guest.hex("cc"),
      "software interrupt": (guest) => guest.hex("cd80"),
      "division by zero": (guest) => guest.hex("31c9 f7f1"),
      "null pointer": (guest) => guest.hex("8b042500000000"),
      "last page that is not there": (guest) => guest.hex("8b0425fcff0000"),
      "write to the boot information": (guest) => guest.hex("8904250000 0100"),
      "write to its own code": (guest) => guest.hex("89042500001000"),
      "read behind memory": (guest) => guest.hex("8b042500000001"),
      "jump behind memory": (guest) => guest.hex("b800000001 ffe0"),
      "jump to zero": (guest) => guest.hex("31c0 ffe0"),
      "address that is not canonical": (guest) => guest.hex("48b80000000000008000 8b00"),
      "page tables taken away": (guest) => guest.hex("31c0 0f22d8 8b042500001100"),
    };
    for (const [name, fault] of Object.entries(faults)) {
      it(name, () => {
        const guest = new Guest();
        guest.print(guest.data([0x41]), 1);
        fault(guest);
        guest.print(guest.data([0x42]), 1).halt();
        const { status, signal, stdout, stderr } = rig.run(guest.build());
        assert.deepEqual({ status, signal, stdout: [...stdout] }, { status: 1, signal: null, stdout: [0x41] }, stderr);
        assert.match(stderr, tender.emulated ? /Emulated CPU: unhandled exit: .*, rip=0x/ : /: KVM: /);
        assert.doesNotMatch(stderr, /\n\s+at /, "no stack trace");
      });
    }
  });

  describe("signals end the tender with status 1, at once", () => {
    const guests: Record<string, Uint8Array> = {
      "while the guest spins": busy(() => undefined),
      "while the guest waits": busy((guest) => guest.call(3, 1_000_000_000_000, 0, 0)),
      "while the guest waits as long as can be said": busy((guest) => guest.call(3, -1, 0, 0)),
      "while the guest makes one hypercall after another": busy((guest) => guest.call(1, 0)),
    };
    for (const [name, image] of Object.entries(guests)) {
      for (const signal of ["SIGTERM", "SIGINT"] as const) {
        it(`${signal} ${name}`, async () => {
          const child = rig.start(image);
          let stderr = "";
          child.stderr?.on("data", (chunk: Uint8Array) => {
            stderr += new TextDecoder().decode(chunk);
          });
          const end = ended(child);
          await firstOutput(child);
          const begin = performance.now();
          process.kill(child.pid ?? 0, signal); // child.kill would make Deno report the signal instead of the status
          assert.deepEqual(await end, { status: 1, signal: null });
          assert.ok(performance.now() - begin < SIGNAL_LIMIT_MS);
          assert.match(stderr, new RegExp(`: Exiting on signal ${signal === "SIGINT" ? 2 : 15}\n$`));
        });
      }
    }

    it("SIGKILL works as ever", async () => {
      const child = rig.start(busy(() => undefined));
      const end = ended(child);
      await firstOutput(child);
      child.kill("SIGKILL");
      assert.deepEqual(await end, { status: null, signal: "SIGKILL" });
    });

    it("SIGTERM while the guest waits for a console that nobody reads", async () => {
      const fifo = join(rig.directory, `fifo-${tender.emulated}`);
      execFileSync("mkfifo", [fifo]);
      const console = openSync(fifo, constants.O_RDWR);
      const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const child = rig.start(
          busy((guest) => guest.print(0x120000, 4096)),
          [],
          console,
        );
        const end = ended(child);
        await untilBlocked(child.pid ?? 0);
        process.kill(child.pid ?? 0, "SIGTERM");
        assert.deepEqual(await end, { status: 1, signal: null });
      } finally {
        closeSync(console);
        closeSync(reader);
      }
    });
  });

  describe("a console that takes nothing", () => {
    it("ends the tender with status 1 when its reader has gone", { skip: tender.own ? false : "ours" }, async () => {
      const child = rig.start(busy((guest) => guest.print(0x120000, 4096)));
      let stderr = "";
      child.stderr?.on("data", (chunk: Uint8Array) => {
        stderr += new TextDecoder().decode(chunk);
      });
      const end = ended(child);
      await firstOutput(child);
      child.stdout?.destroy();
      assert.deepEqual(await end, { status: 1, signal: null });
      assert.match(stderr, /Cannot write to the console, standard output: (Broken pipe|Connection reset by peer)\n$/);
    });

    it("only delays a guest when it is non-blocking and read slowly", {
      skip: tender.own ? false : "ours",
    }, async () => {
      const length = 300_000; // several times what a pipe holds
      const fifo = join(rig.directory, "slow-fifo");
      execFileSync("mkfifo", [fifo]);
      const console = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
      try {
        const guest = new Guest();
        const at = guest.data([0x2e]);
        const image = guest
          .print(at, length)
          .halt(4)
          .build(({ data }) => {
            data.memsz = 0x80000;
          });
        const end = ended(rig.start(image, [], console));
        let received = 0;
        const buffer = new Uint8Array(16384);
        while (received < length) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          try {
            received += readSync(console, buffer);
          } catch (error) {
            if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
          }
        }
        assert.deepEqual(await end, { status: 4, signal: null });
        assert.equal(received, length);
      } finally {
        closeSync(console);
      }
    });

    it("ends the tender with status 1 when it is full", { skip: tender.own ? false : "ours" }, async () => {
      const full = openSync("/dev/full", constants.O_WRONLY);
      try {
        const child = rig.start(
          busy(() => undefined),
          [],
          full,
        );
        assert.deepEqual(await ended(child), { status: 1, signal: null });
      } finally {
        closeSync(full);
      }
    });
  });
}

/** Waits until a process sleeps in the kernel for writing to a pipe. */
async function untilBlocked(pid: number): Promise<void> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (/pipe_w/.test(readFileSync(`/proc/${pid}/wchan`, "latin1"))) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("The tender never waited for its console");
}
