import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { listenDaemon } from "../../../daemon/common/listen.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-listen-"));
after(() => rmSync(folder, { recursive: true }));

const accept = () => ({ data: () => undefined, close: () => undefined });

/** Runs a script in its own process and waits until it says `ready`. */
async function script(text: string): Promise<{ pid: number; gone: Promise<void> }> {
  const child = spawn("python3", ["-c", text], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = new Promise<void>((resolve) => child.on("exit", () => resolve()));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  assert.ok(child.pid !== undefined);
  return { pid: child.pid, gone };
}

const holder = (path: string, backlog: number) => `
import socket, time
s = socket.socket(socket.AF_UNIX); s.bind(${JSON.stringify(path)}); s.listen(${backlog})
print("ready", flush=True); time.sleep(60)`;

describe("the listening socket of a daemon", () => {
  it("lets the group connect, whatever the umask says about it, and leaves the umask alone", async () => {
    const path = join(folder, "mode");
    const old = process.umask(0o077);
    try {
      const listener = await listenDaemon({ path, activation: false }, accept);
      assert.equal(statSync(path).mode & 0o777, 0o770);
      assert.equal(process.umask(), 0o077);
      listener.close();
      assert.equal(existsSync(path), false);
    } finally {
      process.umask(old);
    }
  });

  it("takes the place of a dead daemon, but not of a living one, even if that one's backlog is full", async () => {
    const path = join(folder, "stale");
    const other = await script(holder(path, 0));
    const waiting = [connect(path), connect(path)];
    for (const client of waiting) client.on("error", () => undefined);
    await assert.rejects(listenDaemon({ path, activation: false }, accept), /another daemon serves it already/);
    assert.equal(existsSync(path), true);
    process.kill(other.pid, "SIGKILL");
    await other.gone;
    for (const client of waiting) client.destroy();
    assert.equal(existsSync(path), true, "the dead one's file is still there");
    const listener = await listenDaemon({ path, activation: false }, accept);
    listener.close();
  });

  it("does not remove what is no socket", async () => {
    const path = join(folder, "file");
    writeFileSync(path, "precious");
    await assert.rejects(listenDaemon({ path, activation: false }, accept), /is not a socket/);
    assert.equal(existsSync(path), true);
  });

  it("fails in the original's words without a socket from systemd", async () => {
    await assert.rejects(listenDaemon({ path: "", activation: true }, accept), {
      message: "Systemd socket activation error",
    });
  });

  it("serves a passed descriptor and leaves its file to whoever passed it", async () => {
    const path = join(folder, "passed");
    const program = join(import.meta.dirname, "activated.ts");
    const text = `
import os, socket
s = socket.socket(socket.AF_UNIX); s.bind(${JSON.stringify(path)}); s.listen(5)
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ["LISTEN_PID"] = str(os.getpid()); os.environ["LISTEN_FDS"] = "1"
os.execv(${JSON.stringify(process.execPath)}, ["bun", ${JSON.stringify(program)}])`;
    const output = await new Promise<string>((resolve, reject) => {
      execFile("python3", ["-c", text], { timeout: 10_000 }, (error, stdout) =>
        error ? reject(error) : resolve(stdout),
      );
      const attempt = () => {
        const client = connect(path);
        client.on("error", () => setTimeout(attempt, 20));
        client.on("connect", () => client.end("hello"));
      };
      attempt();
    });
    assert.equal(output, "hello, LISTEN_PID undefined\n");
    assert.equal(existsSync(path), true);
  });
});
