import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { frame } from "../../../core/wire/framing.ts";
import { create, type Daemon, images, program, say, until } from "../../end-to-end/harness.ts";
import { dial, EndpointRig, leafFor, policyExtension, talkTo } from "./endpoint-rig.ts";

const info = { kind: "unikernel-info" } as const;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

describe("the TLS endpoint, started by others,", () => {
  const rig = new EndpointRig();
  const { root, machine } = rig;
  const children: ChildProcess[] = [];

  let daemon: Daemon;

  before(async () => {
    daemon = await machine.start();
  });
  after(async () => {
    for (const child of children) {
      child.kill("SIGKILL");
    }
    await rig.close();
  });

  function start(file: string, words: readonly string[]): ChildProcess {
    const child = spawn(file, words, { stdio: "ignore" });
    children.push(child);
    return child;
  }

  async function serves(port: number): Promise<void> {
    await until("a client is served", async () => {
      const { messages } = await talkTo(port, root, leafFor(root, ".", info), {});
      return messages.length > 0 && say(messages[0]?.payload) === "unikernels";
    });
  }

  it("takes the socket that systemd-socket-activate passes", async () => {
    const port = await freePort();
    const words = [...program("albatross-tls-endpoint"), "--systemd-socket-activation", ...rig.words];
    start("systemd-socket-activate", ["-l", `127.0.0.1:${port}`, ...words]);
    await serves(port);
    await serves(port);
  });

  it("serves one connection for inetd, with images, streams and refusals, then ends", async () => {
    const port = await freePort();
    // inetd gives at most twenty words, and looks for services by number only if they are known.
    const script = rig.file("run-endpoint");
    const words = [...program("albatross-tls-endpoint"), "--inetd", "--quiet", ...rig.words];
    writeFileSync(script, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")}\n`, { mode: 0o755 });
    const config = rig.file("inetd.conf");
    writeFileSync(config, `127.0.0.1:${port} stream tcp nowait root ${script} run-endpoint\n`);
    assert.ok(existsSync("/usr/sbin/inetd"), "Debian's openbsd-inetd is not installed");
    start(
      "/usr/sbin/inetd",
      ["-d", "-i", config].filter((word) => word !== "-d"),
    );
    await serves(port);
    const { ticker } = await images();
    const user = root.delegate("user", policyExtension());
    const created = await talkTo(port, root, leafFor(user, "hello", create(new Uint8Array(0))), { stream: [ticker] });
    assert.equal(say(created.messages[0]?.payload), "created unikernel");
    const watched = await talkTo(
      port,
      root,
      leafFor(user, "hello", { kind: "console-subscribe", from: { count: 1 } }),
      {
        enough: 2,
      },
    );
    assert.equal(watched.messages[1]?.payload.kind, "data");
    const refused = await talkTo(port, root, leafFor(user, "x", { kind: "policy-remove" }), {});
    assert.equal(say(refused.messages[0]?.payload), "refused: unexpected command");
    const unknown = await talkTo(port, root, undefined, {});
    assert.match(unknown.error ?? "", /CERTIFICATE_REQUIRED/);
    const add = leafFor(user, "disk", { kind: "block-add-old", size: 1, compressed: false, data: new Uint8Array(0) });
    const socket = dial(port, root, add);
    socket.on("secureConnect", () => socket.write(frame(new Uint8Array(1000))));
    await until("albatrossd has a device that is being filled", async () => {
      const [devices] = await machine.converse("user:disk", { kind: "block-info" });
      return (
        devices?.kind === "success" && devices.success.kind === "block-devices" && devices.success.devices.length > 0
      );
    });
    const left = () =>
      spawnSync("pgrep", ["-af", "--", `--inetd --quiet --tmpdir=${machine.tmpdir}`], {
        encoding: "utf8",
        timeout: 60_000,
      }).stdout;
    process.kill(daemon.pid, "SIGSTOP");
    socket.resetAndDestroy();
    await sleep(2000); // the removal is to be waited for
    const waiting = left();
    process.kill(daemon.pid, "SIGCONT");
    assert.match(waiting, /--inetd/);
    await until(
      () => `its processes have ended: ${left()}`,
      () => left() === "",
    );
    const [disk] = await machine.converse("user:disk", { kind: "block-remove" });
    assert.equal(say(disk), "refused: remove block: not found", "the client has gone before the device was full");
  });

  describe("refuses wrong command lines:", () => {
    type Case = readonly [string, readonly string[], number, RegExp];
    const syslogWords = ["--syslog", "--port=0", ...rig.words];
    const noSyslog: Case = ["a syslog that is not there", syslogWords, 2, /couldn't install syslog reporter/];
    const cases: readonly Case[] = [
      ["inetd without a place for the log", ["--inetd", ...rig.words], 3, /^$/],
      [
        "a port with activation",
        ["--systemd-socket-activation", "--port=1", ...rig.words],
        124,
        /Options --port and --systemd-socket-activation are not compatible/,
      ],
      ["no socket from systemd", ["--systemd-socket-activation", ...rig.words], 125, /Systemd socket activation error/],
      ["files that are missing", ["--port=0", "a.pem", "b.pem", "c.key"], 124, /no a\.pem file/],
      ["too few words", ["--port=0", rig.file("cacert.pem")], 124, /required arguments CERT, KEY missing/],
      ["too many words", [...rig.words, "more"], 124, /too many arguments/],
      ["no address", ["--ip=nowhere", ...rig.words], 124, /expected an IP address/],
      ["no port", ["--port=65536", ...rig.words], 124, /at most 65535/],
      ["a time longer than timers take", ["--idle-timeout=2073601", ...rig.words], 124, /at most 2073600/],
      ["a certificate larger than TLS allows", ["--max-certificate-size=17", ...rig.words], 124, /at most 16/],
      ["no connections at all", ["--max-connections=0", ...rig.words], 124, /at least 1/],
      // Where there is one, this would serve on.
      ...(existsSync("/dev/log") ? [] : [noSyslog]),
    ];
    for (const [what, words, status, text] of cases) {
      it(what, () => {
        const [file, ...first] = program("albatross-tls-endpoint");
        const {
          status: actual,
          stdout,
          stderr,
        } = spawnSync(file, [...first, ...words], { encoding: "utf8", timeout: 10_000 });
        assert.equal(actual, status, stderr);
        assert.match(stderr, text);
        assert.equal(stdout, "");
      });
    }

    it("an address that is taken", async () => {
      await rig.start();
      const [file, ...first] = program("albatross-tls-endpoint");
      const words = [...first, `--port=${rig.port}`, ...rig.words];
      const { status, stderr } = spawnSync(file, words, { encoding: "utf8", timeout: 10_000 });
      assert.equal(status, 125);
      assert.match(stderr, /another program listens there already|EADDRINUSE/);
    });
  });
});
