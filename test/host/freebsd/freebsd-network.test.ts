/** Bridges and taps of FreeBSD: the real foreign function calls, on acted interfaces. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { FreebsdNetwork, type FreebsdNetworkOptions } from "../../../host/freebsd/freebsd-network.ts";
import { DESCRIPTION_LIMIT, GROUP_ATTEMPTS, Interfaces } from "../../../host/freebsd/interfaces.ts";
import { cString, memoryAt, openLibrary } from "../../../runtime/ffi.ts";
import { openDescriptors } from "../../runtime/open-descriptors.ts";
import { compileStub, FREEBSD_NETWORK, type StubLibrary } from "../../support/stub-library.ts";

const [SIOCIFCREATE2, SIOCSDRVSPEC, SIOCSIFDESCR, SIOCGIFMEMB] = [0xc020697c, 0x8028697b, 0x80206929, 0xc028698a];
const [EPERM, EINVAL, EBUSY] = [1, 22, 16];
const alias = "albatross:id1";

const open = (path: string) =>
  openLibrary([path], {
    stub_net_reset: { args: ["buffer"], returns: "void" },
    stub_net_add: { args: ["buffer", "buffer"], returns: "void" },
    stub_net_remove: { args: ["buffer"], returns: "void" },
    stub_net_fail: { args: ["u64", "i32", "i32"], returns: "void" },
    stub_net_grow: { args: ["i32"], returns: "void" },
    stub_net_describe: { args: ["buffer", "buffer"], returns: "void" },
    stub_net_flags: { args: ["buffer"], returns: "i32" },
    stub_net_bridge: { args: ["buffer"], returns: "pointer" },
    stub_net_description: { args: ["buffer"], returns: "pointer" },
  });

describe("the network of FreeBSD", () => {
  let library: StubLibrary;
  let stub: ReturnType<typeof open>;
  let directory: string;
  let ifconfig: string;

  const add = (name: string, group: string) => stub.stub_net_add(cString(name), cString(group));
  const network = (options: FreebsdNetworkOptions = {}) =>
    new FreebsdNetwork({ interfaces: new Interfaces([library.path]), ifconfig, devices: directory, ...options });
  const textAt = (pointer: number) => {
    const bytes = memoryAt(pointer, 1024);
    return new TextDecoder().decode(bytes.slice(0, bytes.indexOf(0)));
  };
  const bridgeOf = (tap: string) => textAt(stub.stub_net_bridge(cString(tap)));
  const exists = (name: string) => stub.stub_net_flags(cString(name)) !== -1;
  /** An ifconfig that notes its call and then does what the shell is told. */
  const installIfconfig = (body: string) => {
    writeFileSync(ifconfig, `#!/bin/sh\necho "$@" >> '${directory}/calls'\n${body}\n`);
    chmodSync(ifconfig, 0o755);
  };
  const calls = () => readFileSync(join(directory, "calls"), "utf8");

  before(() => {
    library = compileStub(FREEBSD_NETWORK);
    stub = open(library.path);
  });
  after(() => library.remove());
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "freebsd-network-"));
    ifconfig = join(directory, "ifconfig");
    installIfconfig(`: > '${directory}'/"$1"`);
    stub.stub_net_reset(cString(directory));
    add("em0", "egress");
    add("service", "bridge"); // a bridge keeps its group under another name
    add("bridge1", "bridge");
    add("tap1", "tap"); // somebody else's
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("has bridges, in byte order, under whatever names", async () => {
    const descriptors = await openDescriptors();
    assert.deepEqual(network().listBridges(), ["bridge1", "service"]);
    assert.ok(network().bridgeExists(fromText("service")));
    network().checkBridge(fromText("bridge1"));
    assert.equal(await openDescriptors(), descriptors);
  });

  it("tells bridges from other interfaces, from nothing, and from what is no name (daemon.md 20.14)", () => {
    assert.ok(!network().bridgeExists(fromText("em0")));
    const check = (name: string) => () => network().checkBridge(fromText(name));
    assert.throws(check("em0"), { name: "HostNetworkError", message: "interface em0 is not a bridge" });
    for (const name of ["nonesuch", "", "-v", "a b", "x".repeat(16), "service\0"]) {
      assert.throws(check(name), { name: "HostNetworkError", message: `interface ${name} does not exist` });
    }
  });

  it("may have no bridges at all", () => {
    stub.stub_net_reset(cString(directory));
    assert.deepEqual(network().listBridges(), []);
  });

  it("is asked again while bridges are made, and not for ever", () => {
    stub.stub_net_grow(GROUP_ATTEMPTS - 1);
    assert.equal(network().listBridges().length, 2 + GROUP_ATTEMPTS - 1);
    stub.stub_net_grow(GROUP_ATTEMPTS);
    assert.throws(() => network().listBridges(), /Cannot list the interfaces of the group bridge: .*EINVAL/);
  });

  it("makes taps by the kernel's names, up, described and attached, with the other flags as they were", async () => {
    const descriptors = await openDescriptors();
    const taps = await network().createTaps(["service", "bridge1"].map(fromText), { alias });
    assert.deepEqual(taps, ["tap0", "tap2"]);
    assert.deepEqual(taps.map(bridgeOf), ["service", "bridge1"]);
    for (const tap of taps) {
      assert.equal(stub.stub_net_flags(cString(tap)), 0x0002_0803);
      assert.equal(textAt(stub.stub_net_description(cString(tap))), alias);
    }
    assert.equal(await openDescriptors(), descriptors);
  });

  it("knows its taps by their descriptions", async () => {
    const [tap] = await network().createTaps([fromText("service")], { alias });
    const plain = await network().createTap(fromText("service"));
    assert.deepEqual(network().listTaps({ alias }), [tap]);
    assert.deepEqual(network().listTaps({ alias: "albatross:id2" }), []);
    assert.deepEqual(network().listTaps(), [tap, plain]);
    stub.stub_net_describe(cString("tap1"), cString("x".repeat(DESCRIPTION_LIMIT - 1)));
    assert.deepEqual(network().listTaps(), [tap, plain]);
    stub.stub_net_describe(cString("tap1"), cString("albatross".padEnd(DESCRIPTION_LIMIT, "x"))); // beyond what is read
    assert.deepEqual(network().listTaps(), [tap, plain]);
  });

  it("gives a tap to its user", { skip: process.getuid?.() !== 0 }, async () => {
    const devices = mkdtempSync(join(directory, "dev-"));
    writeFileSync(join(devices, "tap0"), "");
    await network({ devices }).createTap(fromText("service"), { owner: 1234 });
    const { uid, gid } = statSync(join(devices, "tap0"));
    assert.deepEqual([uid, gid], [1234, process.getgid?.()]);
  });

  it("destroys a tap by ifconfig, and says whether it was there", async () => {
    const tap = await network().createTap(fromText("service"), { alias });
    assert.equal(await network().destroyTap(tap), true);
    assert.equal(calls(), "tap0 destroy\n");
    assert.ok(!exists(tap));
    assert.equal(await network().destroyTap(tap), false);
  });

  for (const name of ["tap1", "em0", "service", "tap01", "-l", "", "tap0 destroy"]) {
    it(`never destroys what is not its own: ${JSON.stringify(name)}`, async () => {
      await assert.rejects(network().destroyTap(name), /it is no tap of ours/);
      assert.throws(calls, "ifconfig was not run");
    });
  }

  it("says why a tap cannot be destroyed", async () => {
    const tap = await network().createTap(fromText("service"), { alias });
    installIfconfig("echo 'ifconfig: SIOCIFDESTROY: Device busy' >&2; exit 1");
    await assert.rejects(network().destroyTap(tap), {
      name: "HostNetworkError",
      message: "Cannot destroy tap0: ifconfig: SIOCIFDESTROY: Device busy. End the process that uses it",
    });
    installIfconfig("exec /bin/sleep 1000");
    await assert.rejects(
      network({ destroyTimeout: 50 }).destroyTap(tap),
      /did not end within 0\.05 s\. End the process/,
    );
    await assert.rejects(network({ ifconfig: "/nonexistent" }).destroyTap(tap), /Cannot destroy tap0: .*ENOENT/);
    assert.ok(exists(tap));
  });

  it("takes a tap that somebody else destroyed at the same time for gone", async () => {
    const tap = await network().createTap(fromText("service"), { alias });
    installIfconfig(`: > '${directory}'/"$1"; echo gone >&2; exit 1`);
    assert.equal(await network().destroyTap(tap), false);
  });

  for (const [what, request, code, after, text] of [
    [
      "a tap cannot be made",
      SIOCIFCREATE2,
      EPERM,
      1,
      /Cannot create a tap: Operation not permitted \(EPERM\)\. Run albatrossd as root, and load/,
    ],
    ["a tap cannot be described", SIOCSIFDESCR, EINVAL, 1, /Cannot describe tap2: .*EINVAL/],
    ["a tap cannot be attached", SIOCSDRVSPEC, EBUSY, 1, /Cannot attach tap2 to its bridge: .*EBUSY/],
  ] as const) {
    it(`leaves no tap if ${what}`, async () => {
      const descriptors = await openDescriptors();
      stub.stub_net_fail(request, code, after);
      await assert.rejects(network().createTaps(["service", "bridge1"].map(fromText), { alias }), text);
      assert.ok(!exists("tap0") && !exists("tap2") && exists("tap1"));
      assert.equal(await openDescriptors(), descriptors);
    });
  }

  it("makes no tap if one of the bridges is not there, also if it goes away meanwhile", async () => {
    const both = ["service", "nonesuch"].map(fromText);
    await assert.rejects(network().createTaps(both), { message: "interface nonesuch does not exist" });
    assert.ok(!exists("tap0"));
    const interfaces = new Interfaces([library.path]);
    const attach = interfaces.attach.bind(interfaces);
    interfaces.attach = (bridge, member) => {
      stub.stub_net_remove(cString("service"));
      attach(bridge, member);
    };
    await assert.rejects(network({ interfaces }).createTap(fromText("service")), {
      message: "interface service does not exist",
    });
    assert.ok(!exists("tap0"));
  });

  it("says so if taps that were made cannot be removed again", async () => {
    installIfconfig("exit 1");
    stub.stub_net_fail(SIOCSDRVSPEC, EBUSY, 0);
    await assert.rejects(network().createTap(fromText("service")), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /EBUSY\).*; and removing the taps made so far failed$/);
      return error.cause instanceof AggregateError;
    });
  });

  it("hands on the kernel's refusal to list", () => {
    stub.stub_net_fail(SIOCGIFMEMB, EPERM, 0);
    assert.throws(() => network().listBridges(), { name: "HostNetworkError", message: /EPERM/ });
  });

  it("does without the library until it is needed, and says what is missing", () => {
    const other = new FreebsdNetwork({ interfaces: new Interfaces(["libno-such.so.7"]) });
    assert.throws(() => other.listBridges(), {
      name: "HostNetworkError",
      message: /Cannot open the library libno-such/,
    });
  });
});
