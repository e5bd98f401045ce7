/** Consoles go on whichever of albatrossd and albatross-console is restarted, in any order and way. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, type Daemon, destroy, images, Machine, restart, restarting, until } from "./harness.ts";

let kernels: Awaited<ReturnType<typeof images>>;
before(async () => {
  kernels = await images();
});

describe("the console of a running unikernel", () => {
  const machine = new Machine();
  let daemon: Daemon;
  let console: Daemon;
  before(async () => {
    console = await machine.startConsole();
    daemon = await machine.startDaemon({ flags: ["--on-sigterm=keep"] });
    await machine.expect("tick", create(kernels["ticker"], { words: ["interval=20"] }), "created unikernel");
  });
  after(() => machine.close());

  const goesOn = async () => {
    const view = await machine.console("tick", { count: 0 });
    await view.line(/^tick \d+$/, 3);
    view.close();
    const [pid, ...more] = machine.processesOf("tick");
    assert.ok(pid !== undefined && more.length === 0);
    return pid;
  };
  const startDaemon = async () => {
    daemon = await machine.startDaemon({ flags: ["--on-sigterm=keep"] });
  };

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it(`goes on after the console daemon ended by ${signal} and came back`, async () => {
      const pid = await goesOn();
      await console.stop(signal);
      console = await machine.startConsole();
      assert.equal(await goesOn(), pid);
    });

    it(`goes on after albatrossd ended by ${signal} and came back`, async () => {
      const pid = await goesOn();
      await daemon.stop(signal);
      assert.equal(await goesOn(), pid, "without albatrossd");
      await startDaemon();
      assert.equal(await goesOn(), pid);
    });

    it(`goes on after both ended by ${signal} and came back, the console daemon first`, async () => {
      const pid = await goesOn();
      await daemon.stop(signal);
      await console.stop(signal);
      console = await machine.startConsole();
      await startDaemon();
      assert.equal(await goesOn(), pid);
    });

    it(`goes on after both ended by ${signal} and came back, albatrossd first`, async () => {
      const pid = await goesOn();
      await console.stop(signal);
      await daemon.stop(signal);
      await startDaemon();
      await daemon.logged("no console daemon yet");
      console = await machine.startConsole();
      assert.equal(await goesOn(), pid);
    });
  }

  it("goes on for one that is started again meanwhile", async () => {
    const wishes = { words: ["sleep=0", "exit=2"], failBehaviour: restarting };
    await machine.expect("loop", create(kernels["exit-code"], wishes), "created unikernel");
    await console.stop("SIGKILL");
    const { restarts } = await machine.reaches("loop", "failed");
    console = await machine.startConsole();
    const view = await machine.console("loop");
    await view.line("exit 2");
    view.close();
    assert.ok((await machine.statusOf("loop"))?.restarts ?? -1 >= restarts);
    assert.match(await machine.ask("loop", destroy), /^destroyed/);
    await machine.expect("tick", restart, "created unikernel");
    await goesOn();
  });
});

describe("albatrossd started before the console daemon", () => {
  it("starts its unikernels as soon as that is there", async () => {
    await Machine.with(async (machine) => {
      const console = await machine.startConsole();
      const first = await machine.startDaemon();
      for (const name of ["a", "b"]) await machine.expect(name, create(kernels["ticker"]), "created unikernel");
      await first.stop("SIGTERM");
      await console.stop("SIGTERM");
      await machine.startDaemon();
      const failed = await machine.reaches("a", "failed");
      assert.equal(failed.reason, "could not create unikernel: console failed");
      await machine.startConsole();
      await machine.reaches("a", "running");
      await machine.reaches("b", "running");
    });
  });
});

describe("a console that nobody reads", () => {
  it("holds its unikernel up, but neither albatrossd nor the end of it", async () => {
    await Machine.with(async (machine) => {
      const console = await machine.startConsole();
      const daemon = await machine.startDaemon();
      process.kill(console.pid, "SIGSTOP");
      try {
        // The console daemon accepts no command, so what runs already is looked at.
        const started = performance.now();
        const answer = await machine.ask("flood", create(kernels["flood"]));
        assert.equal(answer, "refused: could not create unikernel: console failed");
        assert.ok(performance.now() - started < 10_000);
        assert.deepEqual(await machine.info(), []);
      } finally {
        process.kill(console.pid, "SIGCONT");
      }
      await machine.expect("flood", create(kernels["flood"]), "created unikernel");
      process.kill(console.pid, "SIGSTOP");
      try {
        assert.equal((await machine.info()).length, 1);
        await machine.expect("flood", destroy, "destroyed unikernel");
        assert.equal(await daemon.stop("SIGTERM"), 0);
      } finally {
        process.kill(console.pid, "SIGCONT");
      }
    });
  });
});

describe("the console of a new unikernel", () => {
  it("has what that said, also if it has ended before the console daemon came to look", async () => {
    await Machine.with(async (machine) => {
      const console = await machine.startConsole();
      await machine.startDaemon();
      process.kill(console.pid, "SIGSTOP");
      let answer: Promise<string>;
      try {
        answer = machine.ask("brief", create(kernels["exit-code"], { words: ["sleep=1", "exit=3"] }));
        await until("it runs", () => machine.processesOf("brief").length === 1);
        await until("it has ended", () => machine.processesOf("brief").length === 0);
      } finally {
        process.kill(console.pid, "SIGCONT");
      }
      assert.equal(await answer, "created unikernel");
      const view = await machine.console("brief");
      await view.line("exit 3");
      await console.logged("the output of [unikernel: :brief] has ended");
    });
  });
});
