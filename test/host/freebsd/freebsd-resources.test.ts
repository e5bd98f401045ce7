import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { FreebsdResources } from "../../../host/freebsd/freebsd-resources.ts";
import { compileStub, FREEBSD_LIBC, type StubLibrary } from "../../support/stub-library.ts";

describe("the resources of a FreeBSD host", () => {
  let library: StubLibrary;
  before(() => {
    library = compileStub(FREEBSD_LIBC);
  });
  after(() => library.remove());

  it("are its processors, the memory for programs, and the size of file systems, not of what is free", () => {
    const resources = new FreebsdResources([library.path]);
    assert.deepEqual(resources.cpuIds(), [0, 1, 2, 3, 4, 5]);
    assert.equal(resources.memory(), 0x180000001 * 4096);
    assert.equal(resources.fileSystemSize("/db/block"), 3_000_000_000n * 4096n);
    assert.throws(() => resources.fileSystemSize("/none"), { code: "ENOENT" });
  });

  it("are not to be had elsewhere, which is said", () => {
    assert.throws(
      () => new FreebsdResources(["libno-such.so.7"]).cpuIds(),
      /Cannot open the library libno-such\.so\.7/,
    );
  });
});
