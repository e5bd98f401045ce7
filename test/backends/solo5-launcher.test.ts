import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { LaunchRequest } from "../../backends/backend.ts";
import { builtinBackends, chooseBackend } from "../../backends/builtin.ts";
import { inspectImage } from "../../backends/image.ts";
import { solo5CommandLine } from "../../backends/solo5-command-line.ts";
import { solo5Backend } from "../../backends/solo5-launcher.ts";
import { plainArguments } from "../../conformance/rig.ts";
import { fromText } from "../../core/byte-string.ts";
import { Name, parseLabel } from "../../core/name.ts";
import type { MacAddress } from "../../core/unikernel.ts";
import { emptyHost, versionScript, writeScript } from "./fake-tender.ts";
import { makeImage, patched } from "./synthetic-image.ts";

const machine = process.arch === "arm64" ? 183 : 62;
const describeImage = (target: number, version = 2) =>
  inspectImage(patched(makeImage({ target, version }), 0x12, machine));
const plain: LaunchRequest = {
  name: new Name([], parseLabel("hello")),
  imageFile: "/run/albatross/hello.img",
  arguments: plainArguments([]),
  nameArgument: undefined,
  networks: [],
  blockDevices: [],
  environment: {},
  console: -1,
};

describe("the command line of a tender", () => {
  it("has options, image and arguments in the original's order", () => {
    const network = (name: string, tap: string, mac: string) => ({ name: fromText(name), tap, mac: mac as MacAddress });
    const block = (name: string, sectorSize: number | undefined) => ({
      name: fromText(name),
      file: `/var/lib/albatross/block/${name}`,
      sectorSize,
    });
    const commandLine = solo5CommandLine({
      ...plain,
      arguments: { ...plainArguments(["--ip=10.0.0.2/24", "a b"]), memory: 64 },
      nameArgument: "hello",
      networks: [
        network("service", "vmmtap0", "00:80:41:00:00:01"),
        network("private", "vmmtap3", "02:00:00:00:00:09"),
      ],
      blockDevices: [block("storage", undefined), block("data", 4096), block("log", 512)],
    });
    assert.deepEqual(commandLine, [
      "--mem=64",
      "--net:service=vmmtap0",
      "--net:private=vmmtap3",
      "--net-mac:service=00:80:41:00:00:01",
      "--net-mac:private=02:00:00:00:00:09",
      "--block:storage=/var/lib/albatross/block/storage",
      "--block:data=/var/lib/albatross/block/data",
      "--block:log=/var/lib/albatross/block/log",
      "--block-sector-size:data=4096",
      "--block-sector-size:log=512",
      "--",
      "/run/albatross/hello.img",
      "--name=hello",
      "--ip=10.0.0.2/24",
      "a b",
    ]);
  });

  it("is short for a unikernel without anything", () => {
    assert.deepEqual(solo5CommandLine(plain), ["--mem=32", "--", "/run/albatross/hello.img"]);
  });

  it("is refused where a tender would misread a path", () => {
    const blockDevices = [{ name: fromText("storage"), file: "/var/lib/my db/storage", sectorSize: undefined }];
    assert.throws(() => solo5CommandLine({ ...plain, blockDevices }), {
      name: "BackendRefusal",
      message: /^Cannot attach the block device "storage": a tender takes no white space in a path/,
    });
  });

  it("is refused where an argument cannot be passed on", () => {
    const request = { ...plain, arguments: plainArguments(["a\0b"]) };
    assert.throws(() => solo5CommandLine(request), { name: "BackendRefusal", message: /it contains a zero byte/ });
  });
});

describe("the check of a Solo5 unikernel", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "solo5-launcher-"));
    writeScript(join(directory, "solo5-hvt"), versionScript(2));
    writeScript(join(directory, "solo5-spt.2"), versionScript(1));
  });
  after(() => rmSync(directory, { recursive: true }));

  const check = (target: "hvt" | "spt", changes: object, image = describeImage(target === "hvt" ? 1 : 2)) =>
    solo5Backend(target).check({ arguments: plainArguments([]), image }, emptyHost({ path: directory, ...changes }));

  it("finds the tender and puts it in front of its options", async () => {
    const launcher = await check("hvt", {});
    const tender = join(directory, "solo5-hvt");
    assert.deepEqual(launcher.commandLine?.(plain), [tender, ...solo5CommandLine(plain)]);
    assert.equal(launcher.description, `solo5-hvt (${tender})`);
    assert.equal(launcher.emulated, false);
  });

  it("refuses tenders of another version in the original's words", async () => {
    await assert.rejects(check("spt", {}), {
      name: "BackendRefusal",
      message:
        "unexpected solo5 tender --version output, expected one line with 'ABI version 2', got solo5-hvt tender, version v0.12.1 ABI version 1",
    });
    await assert.rejects(check("hvt", {}, describeImage(1, 3)), /expected one line with 'ABI version 3'/);
  });

  it("refuses where there is no tender in the original's words, also where one was named", async () => {
    const message =
      "tender does not exist, looked for '/nonexistent/db/solo5-spt.2', 'solo5-spt.2', '/nonexistent/db/solo5-spt', 'solo5-spt'";
    await assert.rejects(check("spt", { path: "" }), { name: "BackendRefusal", message });
    const named = solo5Backend("hvt", () => assert.fail("who names a tender wants that one or none"));
    await assert.rejects(
      named.check({ arguments: plainArguments([]), image: describeImage(1) }, emptyHost({ tender: "/no/tender" })),
      { name: "BackendRefusal", message: "tender does not exist, looked for '/no/tender'" },
    );
  });

  it("refuses images of other targets, and no image", async () => {
    await assert.rejects(check("hvt", {}, describeImage(6)), { message: "unsupported solo5 target xen" });
    await assert.rejects(check("hvt", {}, describeImage(2)), /the image is for spt/);
    const request = { arguments: plainArguments([]), image: undefined };
    await assert.rejects(solo5Backend("hvt").check(request, emptyHost()), /there is no image/);
  });
});

describe("the choice of a backend", () => {
  it("follows the target of the image", () => {
    assert.equal(chooseBackend(builtinBackends, "solo5", describeImage(1)).name, "hvt");
    assert.equal(chooseBackend(builtinBackends, "solo5", describeImage(2)).name, "spt");
  });

  it("refuses other targets in the original's words, and types without backend", () => {
    assert.throws(() => chooseBackend(builtinBackends, "solo5", describeImage(3)), {
      name: "BackendRefusal",
      message: "unsupported solo5 target virtio",
    });
    assert.throws(() => chooseBackend([], "bhyve", undefined), { name: "BackendRefusal", message: /of type bhyve/ });
  });
});
