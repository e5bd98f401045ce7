import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type ByteString, fromBytes, fromText } from "../../core/byte-string.ts";
import { HostNetworkError } from "../../host/host-network.ts";
import { createBridge, findLink, removeLink } from "../../host/linux/links.ts";
import { holdTap, openTunDevice } from "../../host/linux/tap.ts";
import { openHostNetwork } from "../../host/network.ts";
import { openDescriptors } from "../runtime/open-descriptors.ts";
import { tapsOf, withBridge } from "./test-bridge.ts";

const skip =
  process.platform === "linux" && process.getuid?.() === 0 ? false : "making bridges and taps needs root on Linux";
const missing = (bridge: string) => new HostNetworkError(`interface ${bridge} does not exist`);

describe("bridges of the host", { skip }, () => {
  test("are found and listed in byte order", () =>
    withBridge((first) =>
      withBridge(async (second) => {
        const before = await openDescriptors();
        const network = openHostNetwork();
        assert(network.bridgeExists(first));
        network.checkBridge(second);
        const bridges = network.listBridges();
        assert(bridges.includes(first) && bridges.includes(second));
        assert(!bridges.includes(fromText("lo")));
        assert.deepEqual(bridges, [...bridges].sort());
        assert.equal(await openDescriptors(), before);
      }),
    ));

  test("are told apart from other interfaces and from nothing", () => {
    const network = openHostNetwork();
    assert(!network.bridgeExists(fromText("lo")));
    assert.throws(() => network.checkBridge(fromText("lo")), new HostNetworkError("interface lo is not a bridge"));
    assert(!network.bridgeExists(fromText("nonesuch")));
    assert.throws(() => network.checkBridge(fromText("nonesuch")), missing("nonesuch"));
  });

  test("of invalid names do not exist", () => {
    const network = openHostNetwork();
    for (const name of ["", "-v", "a b", "a/b", "a\0", "x".repeat(16), "lo\0"]) {
      assert(!network.bridgeExists(fromText(name)));
      assert.throws(() => network.checkBridge(fromText(name)), missing(name));
    }
  });

  test("may have names of 15 bytes that are not text", async () => {
    const name = fromBytes(
      Uint8Array.of(0x78, 0x74, 0xff, ...new TextEncoder().encode(`${process.pid}`.padStart(12, "y"))),
    );
    assert.equal(name.length, 15);
    createBridge(name);
    try {
      const network = openHostNetwork();
      assert(network.bridgeExists(name));
      assert(network.listBridges().includes(name));
      const tap = await network.createTap(name);
      assert(await network.destroyTap(tap));
    } finally {
      removeLink(findLink(name)?.index ?? 0);
    }
  });
});

describe("taps", { skip }, () => {
  test("are made with free names, up, persistent and attached", () =>
    withBridge(async (bridge) => {
      const before = await openDescriptors();
      const network = openHostNetwork();
      const first = await network.createTap(bridge);
      const second = await network.createTap(bridge);
      assert.match(first, /^vmmtap(0|[1-9][0-9]*)$/);
      assert.notEqual(first, second);
      assert.deepEqual([...tapsOf(bridge)].sort(), [first, second].sort());
      for (const tap of [first, second]) {
        const link = findLink(fromText(tap));
        assert(link?.up);
        assert(network.listTaps().includes(tap));
        assert.equal(Number(readFileSync(`/sys/class/net/${tap}/tun_flags`, "latin1")), 0x1002 | 0x0800);
      }
      assert(await network.destroyTap(first));
      assert.deepEqual(tapsOf(bridge), [second]);
      assert(await network.destroyTap(second));
      assert.deepEqual(tapsOf(bridge), []);
      assert(!(await network.destroyTap(second)));
      assert.equal(await openDescriptors(), before);
    }));

  test("can be opened by their owner", () =>
    withBridge(async (bridge) => {
      const network = openHostNetwork();
      const tap = await network.createTap(bridge, { owner: 65_534 });
      assert.equal(readFileSync(`/sys/class/net/${tap}/owner`, "latin1"), "65534\n");
      assert(await network.destroyTap(tap));
    }));

  test("of several bridges are made in the order asked for", () =>
    withBridge((first) =>
      withBridge(async (second) => {
        const network = openHostNetwork();
        const taps = await network.createTaps([first, second, first]);
        assert.equal(new Set(taps).size, 3);
        assert.deepEqual(tapsOf(second), taps.slice(1, 2));
        assert.deepEqual([...tapsOf(first)].sort(), taps.filter((_, at) => at !== 1).sort());
        await Promise.all(taps.map((tap) => network.destroyTap(tap)));
        assert.deepEqual(await network.createTaps([]), []);
      }),
    ));

  test("are all undone if one cannot be made", () =>
    withBridge(async (bridge) => {
      const before = await openDescriptors();
      const network = openHostNetwork();
      await assert.rejects(network.createTaps([bridge, fromText("nonesuch")]), missing("nonesuch"));
      await assert.rejects(network.createTaps([bridge, bridge, fromText("lo")]), /interface lo is not a bridge/);
      // The second one fails only after it was made: -1 is the "no user" that the kernel refuses.
      await assert.rejects(
        network.createTap(bridge, { owner: 2 ** 32 - 1 }),
        /Cannot give a tap to its user: .*EINVAL/,
      );
      assert.deepEqual(tapsOf(bridge), []);
      assert.equal(await openDescriptors(), before);
    }));

  test("in use by a process are not destroyed", () =>
    withBridge(async (bridge) => {
      const network = openHostNetwork();
      const tap = await network.createTap(bridge);
      const user = openTunDevice();
      try {
        holdTap(user, tap);
        await assert.rejects(
          network.destroyTap(tap),
          new RegExp(`Cannot take hold of tap ${tap}: .*EBUSY.*End the process`),
        );
        assert.deepEqual(tapsOf(bridge), [tap]);
      } finally {
        closeSync(user);
      }
      assert.deepEqual(tapsOf(bridge), [tap], "the end of the process that uses a tap does not destroy it");
      assert(await network.destroyTap(tap));
    }));

  test("can be destroyed as soon as the process that used them has been killed", () =>
    withBridge(async (bridge) => {
      const network = openHostNetwork();
      const tap = await network.createTap(bridge);
      const script = `
        import { holdTap, openTunDevice } from ${JSON.stringify(new URL("../../host/linux/tap.ts", import.meta.url).href)};
        holdTap(openTunDevice(), ${JSON.stringify(tap)});
        console.log("ready");
        setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, typeof Bun === "undefined" ? ["eval", script] : ["-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = new Promise((resolve) => child.once("exit", resolve));
      try {
        await new Promise((resolve) => child.stdout.once("data", resolve));
        await assert.rejects(network.destroyTap(tap), /EBUSY/);
      } finally {
        child.kill("SIGKILL");
        await ended;
      }
      assert(await network.destroyTap(tap));
      assert.deepEqual(tapsOf(bridge), []);
    }));

  test("of others are never destroyed", async () => {
    const network = openHostNetwork();
    for (const name of ["lo", "vmmtap", "vmmtap01", "vmmtap-1", "vmmtap1x", "xvmmtap1", "vmmtap123456", "vmmtap1\n"]) {
      await assert.rejects(network.destroyTap(name), /it is no tap of ours/);
    }
  });

  test("destroyed by another program do not stop anything", () =>
    withBridge(async (bridge) => {
      const network = openHostNetwork();
      const tap = await network.createTap(bridge);
      removeLink(findLink(fromText(tap))?.index ?? 0);
      assert(!(await network.destroyTap(tap)));
    }));

  const blocking = typeof Bun === "undefined" ? "only Bun closes descriptors on another thread" : false;
  test("are destroyed without blocking this program", { skip: blocking }, () =>
    withBridge(async (bridge) => {
      const network = openHostNetwork();
      const taps = await network.createTaps(Array.from({ length: 20 }, () => bridge));
      let turns = 0;
      let done = false;
      const turn = () => {
        turns++;
        if (!done) setImmediate(turn);
      };
      turn();
      const begin = performance.now();
      await Promise.all(taps.map((tap) => network.destroyTap(tap)));
      done = true;
      const took = performance.now() - begin;
      // Blocking calls would leave a few turns for each tap.
      assert(turns > 20 * taps.length, `${turns} turns of the event loop in ${took} ms`);
      assert.deepEqual(tapsOf(bridge), []);
    }),
  );

  test("of programs that make them at the same time never collide", () =>
    withBridge(async (bridge) => {
      const script = `
        import { openHostNetwork } from ${JSON.stringify(new URL("../../host/network.ts", import.meta.url).href)};
        const taps = [];
        for (let at = 0; at < 20; at++) taps.push(await openHostNetwork().createTap(process.env.BRIDGE));
        console.log(taps.join(" "));`;
      const run = async (name: ByteString): Promise<string[]> => {
        const child = spawn(process.execPath, typeof Bun === "undefined" ? ["eval", script] : ["-e", script], {
          env: { ...process.env, BRIDGE: name },
          stdio: ["ignore", "pipe", "inherit"],
        });
        let text = "";
        for await (const chunk of child.stdout) text += chunk;
        return text.trim().split(" ");
      };
      const made = (await Promise.all([run(bridge), run(bridge), run(bridge)])).flat();
      assert.equal(made.length, 60);
      assert.equal(new Set(made).size, 60);
      assert.deepEqual([...tapsOf(bridge)].sort(), made.sort());
      const network = openHostNetwork();
      await Promise.all(made.map((tap) => network.destroyTap(tap)));
      assert.deepEqual(tapsOf(bridge), []);
    }));
});
