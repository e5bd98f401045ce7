import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { feedWatchdog, notifySystemd, SystemdError, takeSystemdSocket } from "../../host/systemd.ts";
import { closeDescriptor } from "../../runtime/descriptor.ts";
import { libcNames, openLibrary } from "../../runtime/ffi.ts";
import { openDescriptors } from "../runtime/open-descriptors.ts";

const libc = openLibrary(libcNames, {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "buffer", "u32"], returns: "i32" },
  listen: { args: ["i32", "i32"], returns: "i32" },
  recv: { args: ["i32", "buffer", "u64", "i32"], returns: "i64" },
});
const [SOCK_STREAM, SOCK_DGRAM, MSG_DONTWAIT] = [1, 2, 0x40];

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-systemd-"));
});
after(() => rmSync(directory, { recursive: true }));

function bindSocket(type: number, path: string): number {
  const descriptor = libc.socket(1, type, 0);
  const name = new TextEncoder().encode(path);
  if (path.startsWith("@")) name[0] = 0;
  assert.equal(libc.bind(descriptor, Uint8Array.of(1, 0, ...name), 2 + name.length), 0);
  return descriptor;
}

/** Starts a program that takes the socket twice, with `descriptor` as its descriptor 3. */
async function activate(variables: string, descriptor: number): Promise<string[]> {
  const script = `
    const { takeSystemdSocket } = await import(${JSON.stringify(new URL("../../host/systemd.ts", import.meta.url).href)});
    const { readFileSync } = await import("node:fs");
    for (let round = 0; round < 2; round++) {
      try {
        const fd = takeSystemdSocket();
        console.log(fd, /flags:\\s*\\S*2\\d{6}$/m.test(readFileSync("/proc/self/fdinfo/" + fd, "latin1")));
      } catch (error) {
        console.log(error.message);
      }
    }
    console.log(Object.keys(process.env).filter((key) => key.startsWith("LISTEN")).length);`;
  const child = spawn("/bin/sh", ["-c", `${variables} exec "$@"`, "sh", process.execPath, "-e", script], {
    stdio: ["ignore", "pipe", "inherit", descriptor],
  });
  let text = "";
  for await (const chunk of child.stdout ?? []) text += chunk;
  return text.trim().split("\n");
}

const skip = typeof Bun === "undefined" ? "daemons run on Bun only" : false;

describe("socket activation", { skip }, () => {
  const refused = "Systemd socket activation error";

  test("gives the socket once, close-on-exec, and removes the variables", async () => {
    const listener = bindSocket(SOCK_STREAM, join(directory, "listener"));
    try {
      assert.equal(libc.listen(listener, 1), 0);
      const variables = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=vmmd";
      assert.deepEqual(await activate(variables, listener), ["3 true", refused, "0"]);
    } finally {
      closeDescriptor(listener);
    }
  });

  test("is refused for another process, another number of sockets, or no socket", async () => {
    const listener = bindSocket(SOCK_STREAM, join(directory, "other"));
    const file = openSync("/dev/null", "r");
    try {
      assert.deepEqual(
        await activate("LISTEN_PID=$$ LISTEN_FDS=1", listener),
        [refused, refused, "0"],
        "not listening",
      );
      assert.equal(libc.listen(listener, 1), 0);
      for (const variables of [
        "LISTEN_PID=1 LISTEN_FDS=1",
        "LISTEN_PID=$$ LISTEN_FDS=2",
        "LISTEN_FDS=1",
        "LISTEN_PID=$$",
        "",
      ]) {
        assert.deepEqual(await activate(variables, listener), [refused, refused, "0"], variables);
      }
      assert.deepEqual(await activate("LISTEN_PID=$$ LISTEN_FDS=1", file), [refused, refused, "0"], "not a socket");
    } finally {
      closeDescriptor(listener);
      closeSync(file);
    }
  });

  test("does not take descriptors of this process by mistake", () => {
    assert.throws(() => takeSystemdSocket({}), new SystemdError());
  });
});

describe("notification", () => {
  function received(path: string, bound: string): string {
    const receiver = bindSocket(SOCK_DGRAM, bound);
    try {
      assert(notifySystemd("READY=1\nSTATUS=3 unikernels", { NOTIFY_SOCKET: path }));
      const buffer = new Uint8Array(256);
      const length = Number(libc.recv(receiver, buffer, buffer.length, MSG_DONTWAIT));
      return new TextDecoder().decode(buffer.subarray(0, Math.max(0, length)));
    } finally {
      closeDescriptor(receiver);
    }
  }

  test("reaches sockets with a path and abstract ones", async () => {
    const before = await openDescriptors();
    const path = join(directory, "notify");
    assert.equal(received(path, path), "READY=1\nSTATUS=3 unikernels");
    const abstract = `@albatross-test-${process.pid}`;
    assert.equal(received(abstract, abstract), "READY=1\nSTATUS=3 unikernels");
    assert.equal(await openDescriptors(), before);
  });

  test("is not wanted without the variable", () => {
    assert(!notifySystemd("READY=1", {}));
    assert(!notifySystemd("READY=1", { NOTIFY_SOCKET: "" }));
  });

  test("says why it failed", async () => {
    const before = await openDescriptors();
    const send = (path: string) => () => notifySystemd("READY=1", { NOTIFY_SOCKET: path });
    assert.throws(
      send(join(directory, "none")),
      /Cannot send a datagram to .*none: No such file or directory \(ENOENT\)/,
    );
    assert.throws(send(`/${"x".repeat(107)}`), /\(ENOENT\)/);
    assert.throws(send(`/${"x".repeat(108)}`), /\(ENAMETOOLONG\)/);
    assert.equal(await openDescriptors(), before);
  });

  test("does not wait for ever for a receiver that does not read", () => {
    const path = join(directory, "full");
    const receiver = bindSocket(SOCK_DGRAM, path);
    try {
      const begin = performance.now();
      assert.throws(() => {
        for (let sent = 0; sent < 10_000; sent++) notifySystemd("READY=1", { NOTIFY_SOCKET: path });
      }, /\(EAGAIN\)/);
      assert(performance.now() - begin < 5000);
    } finally {
      closeDescriptor(receiver);
    }
  });
});

describe("feedWatchdog()", () => {
  test("tells that the service lives, twice in the time, and leaves nothing in the environment of children", async () => {
    const path = join(directory, "watchdog");
    const receiver = bindSocket(SOCK_DGRAM, path);
    const environment = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "40000", WATCHDOG_PID: String(process.pid) };
    const end = feedWatchdog(environment);
    try {
      const buffer = new Uint8Array(256);
      let heard = 0;
      while (heard < 2) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        const length = Number(libc.recv(receiver, buffer, buffer.length, MSG_DONTWAIT));
        if (length <= 0) continue;
        assert.equal(new TextDecoder().decode(buffer.subarray(0, length)), "WATCHDOG=1");
        heard++;
      }
      assert.deepEqual(environment, { NOTIFY_SOCKET: path });
    } finally {
      end?.();
      closeDescriptor(receiver);
    }
  });

  test("does nothing without a watchdog, or if it is another process'", () => {
    assert.equal(feedWatchdog({ NOTIFY_SOCKET: "/x" }), undefined);
    assert.equal(feedWatchdog({ NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "soon" }), undefined);
    assert.equal(feedWatchdog({ NOTIFY_SOCKET: "/x", WATCHDOG_USEC: "40000", WATCHDOG_PID: "1" }), undefined);
  });
});
