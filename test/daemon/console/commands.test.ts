import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { WAITING_MAX } from "../../../daemon/console/registry.ts";
import { add, type Client, Daemon, inactive, sleep, subscribe, until, Writer } from "./harness.ts";

describe("the commands of the console daemon", () => {
  let daemon: Daemon;
  before(async () => {
    daemon = await Daemon.start();
  });
  after(() => daemon.remove());

  it("adds several consoles over one connection, repeating each header", async () => {
    const client = await daemon.client();
    for (const name of [":one", "path:two"]) daemon.makeFifo(name);
    client.command(":one", add(3), 1n);
    client.command("path:two", add(3), 2n ** 64n - 1n);
    await until(() => client.messages.length === 2, "two answers");
    assert.deepEqual(
      client.messages.map(({ header }) => [header.sequence, header.name.text]),
      [
        [1n, ":one"],
        [2n ** 64n - 1n, "path:two"],
      ],
    );
    client.connection.end();
  });

  it("answers opening if there is no fifo, and goes on listening to the connection", async () => {
    const client = await daemon.client();
    assert.equal(await client.ask(":absent", add(1)), "failure: opening");
    writeFileSync(daemon.fifoPath(":file"), "no fifo");
    assert.equal(await client.ask(":file", add(1)), "failure: opening");
    daemon.makeFifo(":present");
    assert.equal(await client.ask(":present", add(1)), "empty");
    client.connection.end();
  });

  it("refuses paths where a name is needed, and the other way round, and closes", async () => {
    for (const [name, command, text] of [
      ["foo:", add(1), "failure: path used instead of name"],
      [":", subscribe({ count: 1 }), "failure: path used instead of name"],
      ["foo:bar", inactive, "failure: name used"],
    ] as const) {
      const client = await daemon.client();
      assert.equal(await client.ask(name, command), text);
      await client.gone();
    }
  });

  it("closes without an answer on anything that is no command for it", async () => {
    for (const command of [
      { kind: "unikernel-info" },
      { kind: "policy-info" },
      { kind: "statistics-subscribe" },
    ] as const) {
      const client = await daemon.client();
      assert.equal(await client.ask(":x", command), "closed");
    }
  });

  it("lists inactive consoles relative to the path, and closes", async () => {
    for (const name of ["list:a", "list:sub:b"]) (await daemon.console(name)).close();
    await until(() => daemon.output.includes("the output of [unikernel: list:sub:b] has ended"), "the end");
    const client = await daemon.client();
    assert.equal(await client.ask("list:", inactive), "consoles: sub:b :a");
    await client.gone();
  });

  it("ends a subscription with the next message, and with the end of the client's side", async () => {
    const { client, answer } = await daemon.subscription(":later");
    assert.equal(answer, "waiting for VM");
    client.command(":later", subscribe({ count: 1 }));
    await client.gone();
    assert.equal(client.messages.length, 1);
  });

  it("delivers to waiting subscribers everything from the first line on", async () => {
    const { client, answer } = await daemon.subscription("wait:for");
    assert.equal(answer, "waiting for VM");
    const writer = await daemon.console("wait:for");
    writer.write("first\nsecond\nunfinished");
    writer.close();
    await until(() => client.lines.length === 3, "three lines");
    assert.deepEqual(client.lines, ["first", "second", "unfinished"]);
    const again = await daemon.console("wait:for");
    again.write("restarted\n");
    await until(() => client.lines.length === 4, "the line of the next run");
    again.close();
    const { client: late, answer: known } = await daemon.subscription("wait:for", { count: 2 });
    assert.equal(known, "subscribed");
    await until(() => late.lines.length === 2, "the history");
    assert.deepEqual(late.lines, ["unfinished", "restarted"]);
  });

  it("gives no history for a count of zero or less, nor for a later instant", async () => {
    const writer = await daemon.console(":history");
    writer.write("a\nb\n");
    const { client: all } = await daemon.subscription(":history", { since: 0 });
    await until(() => all.lines.length === 2, "both lines");
    const clients: Client[] = [];
    for (const from of [{ count: 0 }, { count: -1 }, { count: -(2n ** 62n) }, { since: Date.now() + 60_000 }]) {
      const { client, answer } = await daemon.subscription(":history", from);
      assert.equal(answer, "subscribed");
      clients.push(client);
      if (clients.length === 4) break;
    }
    writer.write("c\n");
    await until(() => clients.every(({ lines }) => lines.length > 0), "the live line");
    for (const { lines } of clients) assert.deepEqual(lines, ["c"]);
    writer.close();
  });

  it("refuses one subscriber more than the limit, and counts none that has gone", async () => {
    const clients: Client[] = [];
    for (let at = 0; at < 5; at++) {
      const { client, answer } = await daemon.subscription(":popular");
      assert.equal(answer, "waiting for VM");
      clients.push(client);
    }
    const { client: sixth, answer } = await daemon.subscription(":popular");
    assert.equal(answer, "failure: too many subscribers of [unikernel: :popular], only 5 are allowed");
    await sixth.gone();
    clients[0]?.connection.destroy();
    await sleep(50);
    assert.equal((await daemon.subscription(":popular")).answer, "waiting for VM");
    assert.ok(clients.slice(1).every(({ closed }) => !closed));
  });

  it("reads on without loss when a console is added again, and from the new fifo if that was replaced", async () => {
    const writer = await daemon.console(":again");
    const { client } = await daemon.subscription(":again");
    const albatrossd = await daemon.client();
    let expected: string[] = [];
    for (let round = 0; round < 20; round++) {
      writer.write(`start ${round} `);
      assert.equal(await albatrossd.ask(":again", add(5)), "empty");
      writer.write("end\n");
      expected = [...expected, `start ${round} end`];
    }
    await until(() => client.lines.length === 20, "all lines");
    assert.deepEqual(client.lines, expected);
    writer.write("left in the old one");
    const replaced = await daemon.console(":again");
    replaced.write("new\n");
    await until(() => client.lines.length === 22, "the line of the new fifo");
    assert.deepEqual(client.lines.slice(20), ["left in the old one", "new"]);
    writer.write("nobody reads this\n");
    writer.close();
    replaced.close();
    await until(() => daemon.output.includes("the output of [unikernel: :again] has ended"), "the end");
  });

  it("keeps runs apart that follow each other faster than the end of one is noticed", { timeout: 30_000 }, async () => {
    daemon.makeFifo(":cycle");
    const albatrossd = await daemon.client();
    const { client } = await daemon.subscription(":cycle");
    const expected: string[] = [];
    for (let round = 0; round < 200; round++) {
      assert.equal(await albatrossd.ask(":cycle", add(5)), "empty");
      const writer = new Writer(daemon.fifoPath(":cycle"));
      writer.write(`begin ${round}\nend ${round}`);
      writer.close();
      expected.push(`begin ${round}`, `end ${round}`);
      if (round % 7 === 0) await sleep(5);
    }
    await until(() => client.lines.length >= expected.length, "all lines");
    assert.deepEqual(client.lines, expected);
    albatrossd.connection.end();
  });

  it("keeps reading when adding again fails", async () => {
    const writer = await daemon.console(":keep");
    const { client } = await daemon.subscription(":keep");
    rmSync(daemon.fifoPath(":keep"));
    const albatrossd = await daemon.client();
    assert.equal(await albatrossd.ask(":keep", add(5)), "failure: opening");
    writer.write("still here\n");
    await until(() => client.lines.length === 1, "the line");
    writer.close();
    await until(() => daemon.output.includes("the output of [unikernel: :keep] has ended"), "the end");
  });

  it("drops the history that has been inactive for longest, never for waiting subscriptions", async () => {
    for (const name of ["old:c", "old:a", "old:b"]) {
      const writer = await daemon.console(name, 3);
      writer.write("line\n");
      writer.close();
      await until(() => daemon.output.includes(`the output of [unikernel: ${name}] has ended`), "the end");
    }
    for (let at = 0; at < 10; at++) (await daemon.subscription(`old:w${at}`)).client.connection.destroy();
    const list = async () => await (await daemon.client()).ask("old:", inactive);
    assert.equal(await list(), "consoles: :c :b :a");
    const writer = await daemon.console("old:d", 3);
    assert.equal(await list(), "consoles: :b :a");
    writer.close();
  });

  it("bounds the names that are waited for, and recovers when they are given up", { timeout: 30_000 }, async () => {
    const clients: Client[] = [];
    let answer = "";
    while (clients.length <= WAITING_MAX) {
      const { client, answer: text } = await daemon.subscription(`:wait${clients.length}`);
      answer = text;
      if (answer !== "waiting for VM") break;
      clients.push(client);
    }
    assert.equal(answer, "failure: too many subscriptions, try again later");
    for (const client of clients) client.connection.destroy();
    await sleep(100);
    assert.equal((await daemon.subscription(":wait")).answer, "waiting for VM");
  });
});

describe("the console daemon as a program", () => {
  it("checks its command line", async () => {
    for (const [args, complaint] of [
      [["--max-subscribers=0"], /option --max-subscribers: max subscribers must be greater than or equal to 1\n/],
      [["--max-line=15"], /option --max-line: must be at least 16\n/],
      [["--max-line=65537"], /option --max-line: must be at most 65536\n/],
    ] as const) {
      await assert.rejects(Daemon.start(...args), (error: Error) => {
        assert.match(error.message, /^Usage: albatross-console /);
        assert.match(error.message, complaint);
        return true;
      });
    }
  });

  it("obeys its limits of subscribers and line length, and removes its socket when it ends", async () => {
    const daemon = await Daemon.start("--max-subscribers=1", "--max-line=16");
    try {
      const writer = await daemon.console(":a");
      const { client } = await daemon.subscription(":a");
      assert.match((await daemon.subscription(":a")).answer, /only 1 are allowed/);
      writer.write(`${"x".repeat(16)}\n${"y".repeat(17)}\n`);
      await until(() => client.lines.length === 2, "both lines");
      assert.deepEqual(client.lines, ["x".repeat(16), `${"y".repeat(16)} [truncated] (1 byte more)`]);
      writer.close();
      assert.equal(await daemon.stop(), 0);
      assert.equal(existsSync(daemon.socket), false);
      await client.gone();
    } finally {
      await daemon.remove();
    }
  });

  it("tells systemd when it is ready, and when it ends", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-notify-"));
    const path = join(folder, "notify");
    const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
print("bound", flush=True)
for _ in range(2): print(s.recv(100).decode(), flush=True)`;
    const listener = spawn("python3", ["-c", script, path], { stdio: ["ignore", "pipe", "inherit"] });
    let heard = "";
    listener.stdout.on("data", (chunk) => {
      heard += chunk;
    });
    await until(() => heard === "bound\n", "the notification socket");
    const daemon = await Daemon.startWrapped(["env", `NOTIFY_SOCKET=${path}`]);
    try {
      await until(() => heard === "bound\nREADY=1\n", "that it is ready");
      assert.equal(await daemon.stop(), 0);
      await until(() => heard === "bound\nREADY=1\nSTOPPING=1\n", "that it ends");
    } finally {
      listener.kill();
      await daemon.remove();
      rmSync(folder, { recursive: true });
    }
  });

  it("does not displace another one that is running, and takes over after a crash", async () => {
    const daemon = await Daemon.start();
    try {
      const { pid } = daemon;
      await assert.rejects(daemon.launchAnother(), /another daemon serves it already/);
      assert.ok(daemon.alive);
      process.kill(pid, "SIGKILL");
      await until(() => !daemon.alive, "the death");
      await daemon.launch();
      assert.equal(await (await daemon.client()).ask(":", inactive), "consoles: ");
    } finally {
      await daemon.remove();
    }
  });
});
