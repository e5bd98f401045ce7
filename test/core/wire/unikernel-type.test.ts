/**
 * Types of unikernels: those of the protocol, and the names of backends.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  BACKEND_TYPE_MAX,
  type BackendType,
  carriesImage,
  isBackendType,
  parseUnikernelType,
  type UnikernelType,
} from "../../../core/unikernel-type.ts";
import { DecodeError } from "../../../core/wire/decode-error.ts";
import { decodeExtension, encodeExtension } from "../../../core/wire/extension.ts";
import { unhex } from "../../support/vectors.ts";

const longest = `q${"x".repeat(BACKEND_TYPE_MAX - 1)}`;

function extension(type: string): Uint8Array {
  return encodeType(parseUnikernelType(type) ?? assert.fail(`${type} is no type`));
}

function encodeType(type: UnikernelType): Uint8Array {
  return encodeExtension({
    kind: "unikernel-create",
    config: {
      type,
      compressed: false,
      image: new Uint8Array(),
      startup: undefined,
      addName: true,
      failBehaviour: { kind: "quit" },
      cpuIds: [0],
      memory: 32,
      blockDevices: [],
      networks: [],
      arguments: undefined,
      cpus: 1,
      linuxBootPartition: undefined,
    },
  });
}

/** The same with another type of the same length in its place. */
function replaced(type: string, by: string): Uint8Array {
  const hex = Buffer.from(extension(type)).toString("hex");
  return unhex(hex.replace(Buffer.from(type).toString("hex"), Buffer.from(by, "latin1").toString("hex")));
}

describe("types of unikernels", () => {
  it("are lower-case words of limited length", () => {
    for (const good of ["solo5", "bhyve", "qemu", "q", "cloud-hypervisor", "x86-", longest]) {
      assert.equal(parseUnikernelType(good), good);
    }
    for (const bad of ["", "Qemu", "-q", "5", "a b", "a_b", "a.b", "é", "qemu\n", `${longest}x`]) {
      assert.equal(parseUnikernelType(bad), undefined, bad);
    }
  });

  it("of the protocol are told from names of backends, and all but bhyve have an image", () => {
    const [solo5, bhyve, qemu] = ["solo5", "bhyve", "qemu"].map((text) => parseUnikernelType(text) ?? assert.fail());
    assert.ok(solo5 !== undefined && bhyve !== undefined && qemu !== undefined);
    assert.deepEqual([solo5, bhyve, qemu].map(isBackendType), [false, false, true]);
    assert.deepEqual([solo5, bhyve, qemu].map(carriesImage), [true, false, true]);
  });

  it("keep their bytes in the protocol's own cases", () => {
    assert.ok(Buffer.from(extension("solo5")).toString("hex").includes("a0020500010100"));
    assert.ok(Buffer.from(extension("bhyve")).toString("hex").includes("a1020500010100"));
  });

  it("go as [24] with the name otherwise, up to the longest", () => {
    assert.ok(Buffer.from(extension("qemu")).toString("hex").includes("b8060c0471656d75010100"));
    for (const name of ["qemu", longest]) {
      const command = decodeExtension(extension(name));
      assert.equal(command.kind === "unikernel-create" && command.config.type, name);
    }
  });

  it("are refused with a name that no backend can have", () => {
    for (const bad of ["Qemu", "q/mu", "-emu", "q\0mu", "\xffemu"]) {
      assert.throws(() => decodeExtension(replaced("qemu", bad)), DecodeError, bad);
    }
    // One value has one form: the protocol's own types are not said by their names.
    assert.throws(() => decodeExtension(replaced("qemu5", "solo5")), DecodeError);
    assert.throws(() => decodeExtension(replaced("qemu5", "bhyve")), DecodeError);
  });

  it("are refused one character past the longest", () => {
    const past = `${longest}x` as BackendType; // the encoder writes what it is given
    assert.throws(() => decodeExtension(encodeType(past)), /Cannot take this for the name of a backend/);
  });
});
