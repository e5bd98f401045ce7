/** Work serialised by name. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Serial, TooManyTasks, WAITING_TASKS_MAX } from "../../../daemon/albatrossd/serial.ts";

describe("tasks", () => {
  it("of one name happen in order, those of others meanwhile", async () => {
    const serial = new Serial();
    const events: string[] = [];
    const gate = Promise.withResolvers<void>();
    const task = (label: string, wait: Promise<void> | undefined) => async () => {
      events.push(`${label} begins`);
      await wait;
      events.push(`${label} ends`);
    };
    const first = serial.run("a", task("a1", gate.promise));
    const second = serial.run("a", task("a2", undefined));
    await serial.run("b", task("b", undefined));
    assert.deepEqual(events, ["a1 begins", "b begins", "b ends"]);
    gate.resolve();
    await Promise.all([first, second]);
    assert.deepEqual(events.slice(3), ["a1 ends", "a2 begins", "a2 ends"]);
  });

  it("go on after one that failed, whose caller sees the failure", async () => {
    const serial = new Serial();
    const failing = serial.run("a", async () => {
      throw new Error("no");
    });
    const next = serial.run("a", async () => 7);
    await assert.rejects(failing, /^Error: no$/);
    assert.equal(await next, 7);
  });

  it("are taken up to the limit, and refused one past it, but for internal ones", async () => {
    const serial = new Serial();
    const gate = Promise.withResolvers<void>();
    const running = Array.from({ length: WAITING_TASKS_MAX }, () => serial.run("a", () => gate.promise));
    await assert.rejects(
      serial.run("a", async () => assert.fail("it ran")),
      (error) =>
        error instanceof TooManyTasks && error.message.startsWith("32 commands are waiting for this unikernel"),
    );
    assert.equal(await serial.run("b", async () => "other"), "other");
    const internal = serial.run("a", async () => "internal", true);
    gate.resolve();
    await Promise.all(running);
    assert.equal(await internal, "internal");
    assert.equal(await serial.run("a", async () => "again"), "again");
  });

  it("are waited for until none is left, also those that others began", async () => {
    const serial = new Serial();
    const done: number[] = [];
    void serial.run("a", async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      void serial.run("a", async () => void done.push(2), true);
      void serial.run("c", async () => void done.push(3), true);
      done.push(1);
    });
    await serial.idle();
    assert.deepEqual(done.sort(), [1, 2, 3]);
    await serial.idle();
  });
});
