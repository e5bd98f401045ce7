import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, openSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { inspectImage } from "../../backends/image.ts";
import { fileSource, withImageFile } from "../../backends/image-file.ts";
import { buildUnikernels, unikernelToolchainMissing } from "../unikernels/build.ts";
import { makeImage } from "./synthetic-image.ts";

const elfError = { name: "ImageError", message: "error during ELF parsing" };

describe("an image in a file", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "image-file-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  it("is described as it is in memory", () => {
    const path = join(directory, "good");
    const image = makeImage({ devices: [{ name: "service", type: 2 }] });
    writeFileSync(path, image);
    assert.deepEqual(withImageFile(path, inspectImage), inspectImage(image));
  });

  it("is refused if it is no longer as long as it was when it was opened", () => {
    const path = join(directory, "shrinking");
    writeFileSync(path, makeImage());
    withImageFile(path, (source) => {
      truncateSync(path, 100);
      assert.throws(() => inspectImage(source), elfError);
    });
  });

  it("is closed again in any case", () => {
    const path = join(directory, "closed");
    writeFileSync(path, "no image");
    const open = () => readdirSync("/proc/self/fd").length;
    const count = open();
    for (let round = 0; round < 50; round++) assert.throws(() => withImageFile(path, inspectImage), elfError);
    assert.ok(open() <= count + 5, "descriptors leak");
  });

  it("cannot be a fifo, a directory, or a device, and nothing waits for one", () => {
    const fifo = join(directory, "fifo");
    execFileSync("mkfifo", [fifo]);
    for (const path of [fifo, directory, "/dev/zero"]) assert.throws(() => withImageFile(path, inspectImage), elfError);
  });

  it("that does not exist is the system's error", () => {
    assert.throws(() => withImageFile(join(directory, "none"), inspectImage), { code: "ENOENT" });
    assert.throws(() => fileSource(openSync("/dev/null", "r") + 1000), { code: "EBADF" });
  });
});

const missing = unikernelToolchainMissing();

describe("a real unikernel", { skip: missing !== undefined }, () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "image-real-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  for (const target of ["hvt", "spt"] as const) {
    it(`for ${target} is described as it was built`, async () => {
      const images = await buildUnikernels(directory, { target });
      const describe = (path: string) => withImageFile(path, inspectImage);
      assert.deepEqual(describe(images.hello), { target, abiVersion: 2, machine: 62, devices: [] });
      assert.deepEqual(describe(images["two-devices"]).devices, [
        { name: "storage", type: "block" },
        { name: "service", type: "network" },
      ]);
    });
  }
});
