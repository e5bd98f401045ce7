/** The sessions of the server within this process: idle ones, and those of other users of it. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../../../core/wire/framing.ts";
import type { Message } from "../../../core/wire/message.ts";
import { COMMANDS_MEMORY_MAX, CommandMemory, SMALL_COMMAND_MAX } from "../../../daemon/albatrossd/command-memory.ts";
import { ImageStore, type Upload } from "../../../daemon/albatrossd/images.ts";
import { DRAIN_TIMEOUT_MS } from "../../../daemon/albatrossd/incoming-stream.ts";
import { failure, success } from "../../../daemon/albatrossd/reply.ts";
import { IDLE_TIMEOUT_MS, Server } from "../../../daemon/albatrossd/server.ts";
import type { Commands, Outcome } from "../../../daemon/albatrossd/session.ts";
import { commandFrame, create, info, say, until, Wire } from "../../end-to-end/harness.ts";

/** Commands whose end a test decides. */
class SlowCommands implements Commands {
  readonly images: ImageStore;
  readonly waiting: (() => void)[] = [];
  readonly uploads: (Upload | undefined)[] = [];
  readonly logged: string[] = [];

  constructor(folder: string) {
    this.images = new ImageStore(folder);
  }

  perform(message: Message, upload: Upload | undefined): Outcome | Promise<Outcome> {
    const answer: Outcome = { kind: "reply", reply: success(message.header.name.text), keep: true };
    this.uploads.push(upload);
    const { payload } = message;
    if (payload.kind === "command" && payload.command.kind === "unikernel-info") return answer;
    return new Promise((resolve) => {
      this.waiting.push(() => resolve(answer));
    });
  }

  log(text: string): void {
    this.logged.push(text);
  }
}

describe("a server", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-server-"));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "socket");

  async function serving(
    action: (commands: SlowCommands) => Promise<void>,
    times = { idleTimeout: 200, sweepInterval: 20 },
  ): Promise<void> {
    const commands = new SlowCommands(folder);
    const server = new Server(commands, times);
    await server.listen({ path, activation: false });
    try {
      await action(commands);
    } finally {
      server.close();
    }
  }

  it("goes on if what a client has left unfinished cannot be removed", async () => {
    await serving(async (commands) => {
      const client = await Wire.open(path);
      const bytes = commandFrame("image", create(new Uint8Array(500_000)));
      client.send(bytes.subarray(0, 400_000));
      const images = join(folder, "images");
      await until("a part of the image is there", () => readdirSync(images).length > 0);
      renameSync(images, `${images}.away`);
      symlinkSync("images", images); // leads nowhere
      client.close();
      await until("that is told", () => commands.logged.some((line) => line.startsWith("cannot clear up: ELOOP")));
      rmSync(images);
      renameSync(`${images}.away`, images);
    });
  });

  it("looks at no further command of a client that takes no answers, until it does", async () => {
    await serving(async (commands) => {
      const client = await Wire.open(path);
      const name = Array.from({ length: 4 }, () => "x".repeat(60)).join(":"); // whose answer is as long
      const count = 20_000;
      client.pause();
      const frame = commandFrame(name, info);
      client.send(Buffer.concat(Array.from({ length: count }, () => frame)));
      await until("some are answered", () => commands.uploads.length > 0);
      let before: number;
      do {
        before = commands.uploads.length;
        await sleep(100);
      } while (commands.uploads.length > before);
      assert.ok(before < count / 4, `${before} of ${count} were looked at`);
      client.resume();
      await until("all are answered", () => client.frames.length === count);
      client.close();
    });
  });

  it("closes connections that do nothing, and only those", async () => {
    await serving(async (commands) => {
      const idle = await Wire.open(path);
      const busy = await Wire.open(path);
      const working = await Wire.open(path);
      const started = performance.now();
      working.send(commandFrame("work", { kind: "unikernel-destroy" }));
      const ping = setInterval(() => busy.send(commandFrame("busy", info)), 40);
      try {
        await idle.gone();
        assert.ok(performance.now() - started >= 200);
        assert.equal(busy.closed, false);
        await until("a while has passed", () => performance.now() - started > 500);
        assert.equal(busy.closed, false);
        assert.equal(working.closed, false);
        for (const answer of commands.waiting) answer();
        await working.frame(0);
      } finally {
        clearInterval(ping);
      }
      await busy.gone();
      await working.gone();
    });
    assert.equal(IDLE_TIMEOUT_MS, 60_000);
  });

  it("closes a connection that stops within a frame, and drops its image", async () => {
    await serving(async (commands) => {
      const wire = await Wire.open(path);
      const frame = commandFrame("stalled", create(new Uint8Array(100_000)));
      wire.send(frame.subarray(0, 70_000));
      await wire.gone();
      assert.deepEqual(commands.uploads, []);
      await until("the image is removed", () => readdirSync(join(folder, "images")).length === 0);
    });
  });

  it("answers in order, one command at a time", async () => {
    await serving(async (commands) => {
      const wire = await Wire.open(path);
      const frames = ["a", "b", "c"].map((name) => commandFrame(name, { kind: "unikernel-destroy" }));
      wire.send(Buffer.concat([...frames, commandFrame("d", info)]));
      for (let at = 0; at < frames.length; at++) {
        await until("a command is performed", () => commands.waiting.length === 1);
        assert.equal(commands.uploads.length, at + 1);
        commands.waiting.pop()?.();
        await wire.frame(at);
      }
      await wire.frame(3);
      assert.deepEqual(
        wire.messages.map(({ payload }) => say(payload)),
        [":a", ":b", ":c", ":d"],
      );
      wire.close();
    });
  });

  it("goes on with a command whose client has gone", async () => {
    await serving(async (commands) => {
      const wire = await Wire.open(path);
      wire.send(commandFrame("gone", { kind: "unikernel-destroy" }));
      await until("it is performed", () => commands.waiting.length === 1);
      wire.close();
      commands.waiting.pop()?.();
      const next = await Wire.open(path);
      next.send(commandFrame("next", info));
      await next.frame(0);
      next.close();
      assert.deepEqual(commands.logged, []);
    });
  });
});

describe("the memory for commands", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-server-"));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "socket");

  it("has a limit, at which it is all given, and not one byte more; small commands need none of it", () => {
    const memory = new CommandMemory();
    const [large, other] = [memory.share(), memory.share()];
    assert.equal(large.resize(SMALL_COMMAND_MAX + COMMANDS_MEMORY_MAX + 1), false);
    assert.equal(large.resize(SMALL_COMMAND_MAX + COMMANDS_MEMORY_MAX), true);
    assert.equal(other.resize(SMALL_COMMAND_MAX + 1), false);
    assert.equal(other.resize(SMALL_COMMAND_MAX), true);
    assert.equal(large.resize(SMALL_COMMAND_MAX + COMMANDS_MEMORY_MAX - 1), true);
    assert.equal(other.resize(SMALL_COMMAND_MAX + 1), true);
    large.resize(0);
    assert.equal(other.resize(SMALL_COMMAND_MAX + COMMANDS_MEMORY_MAX), true);
  });

  it("is given to commands that come in or are carried out, and back when they are over", async () => {
    const commands = new SlowCommands(folder);
    const large = 1_000_000;
    const server = new Server(commands, { idleTimeout: 60_000, sweepInterval: 60_000 }, new CommandMemory(2 * large));
    await server.listen({ path, activation: false });
    const bytes = commandFrame("x", { kind: "block-set-old", compressed: false, data: new Uint8Array(large) });
    const begin = async () => {
      const wire = await Wire.open(path);
      wire.send(bytes.subarray(0, -1));
      return wire;
    };
    try {
      const [performed, left] = [await begin(), await begin()];
      performed.send(bytes.subarray(-1));
      await until("a command is performed", () => commands.waiting.length === 1);
      await (await begin()).gone();
      assert.match(commands.logged.join(), /^closing a connection: Cannot receive a large command/);
      const small = await Wire.open(path);
      small.send(commandFrame("small", info));
      await small.frame(0);
      small.close();
      left.close();
      commands.waiting.pop()?.();
      await performed.frame(0);
      await until("there is room for two again", async () => {
        const both = [await begin(), await begin()];
        for (const wire of both) wire.send(bytes.subarray(-1));
        await until(
          "each is performed or closed",
          () => commands.waiting.length + both.filter(({ closed }) => closed).length === 2,
        );
        const found = commands.waiting.splice(0);
        for (const answer of found) answer();
        for (const wire of both) wire.close();
        return found.length === 2;
      });
      performed.close();
    } finally {
      server.close();
    }
  });
});

describe("a client in the middle of a stream", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-server-"));
  after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "socket");

  it("that sends nothing more is closed, and its stream given up once", async () => {
    let aborted = 0;
    let taken = 0;
    const commands: Commands = {
      images: new ImageStore(folder),
      log: () => undefined,
      perform: () => ({
        kind: "receive",
        receiver: {
          refusal: undefined,
          write: (bytes) => {
            taken += bytes.length;
            return undefined;
          },
          finish: async () => success("finished"),
          abort: async () => {
            aborted++;
          },
        },
      }),
    };
    const server = new Server(commands, { idleTimeout: 200, sweepInterval: 20 });
    await server.listen({ path, activation: false });
    try {
      const stalled = await Wire.open(path);
      stalled.send(commandFrame("x", { kind: "block-set", compressed: false }));
      stalled.send(frame(new Uint8Array(10)).subarray(0, 9));
      await stalled.gone();
      assert.deepEqual(stalled.messages, []);
      assert.deepEqual([taken, aborted], [5, 1]);
      const whole = await Wire.open(path);
      const parts = [
        commandFrame("x", { kind: "block-set", compressed: false }),
        frame(new Uint8Array(10)),
        frame(new Uint8Array()),
      ];
      whole.send(Buffer.concat(parts)); // all at once
      await whole.gone();
      assert.equal(say(whole.messages[0]?.payload), "finished");
      assert.deepEqual([taken, aborted], [15, 1]);
    } finally {
      server.close();
    }
  });

  it("that was refused gets the answer at once, and is not waited for longer than the limit", async () => {
    const commands: Commands = {
      images: new ImageStore(folder),
      log: () => undefined,
      perform: () => ({ kind: "reply", reply: failure("no"), keep: false, drains: true }),
    };
    const server = new Server(commands);
    await server.listen({ path, activation: false });
    try {
      const silent = await Wire.open(path);
      const ending = await Wire.open(path);
      const started = performance.now();
      for (const wire of [silent, ending]) {
        wire.send(commandFrame("x", { kind: "block-set", compressed: false }));
        wire.send(frame(new Uint8Array(100)));
        await wire.frame(0);
        assert.equal(say(wire.messages[0]?.payload), "refused: no");
      }
      ending.send(frame(new Uint8Array()));
      await ending.gone();
      assert.equal(silent.closed, false);
      await silent.gone();
      assert.ok(performance.now() - started >= DRAIN_TIMEOUT_MS - 50);
    } finally {
      server.close();
    }
  });
});
