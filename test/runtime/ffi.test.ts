import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { libcNames, openLibrary } from "../../runtime/ffi.ts";

describe("a library", () => {
  it("is opened once for the same functions, since each time costs memory for ever", () => {
    const open = () => openLibrary(libcNames, { getpid: { args: [], returns: "i32" } });
    assert.equal(open(), open());
    assert.equal(open().getpid(), process.pid);
  });

  it("is opened anew for the same function with other arguments", () => {
    const byNumber = openLibrary(libcNames, { ioctl: { args: ["i32", "u64", "u64"], returns: "i32" } });
    const byBuffer = openLibrary(libcNames, { ioctl: { args: ["i32", "u64", "buffer"], returns: "i32" } });
    assert.equal(byNumber.ioctl(-1, 0, 0), -1);
    assert.equal(byBuffer.ioctl(-1, 0, new Uint8Array(1)), -1);
  });
});
