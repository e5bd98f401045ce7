import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { builtInTender } from "../../backends/hvt/built-in-tender.ts";
import { emptyHost } from "./fake-tender.ts";

const lookedFor = ["/db/solo5-hvt", "solo5-hvt"];
const missing = "tender does not exist, looked for '/db/solo5-hvt', 'solo5-hvt'";
const hardware = (kvmError: string | undefined, emulator: boolean) => ({
  supported: true,
  kvmError: () => kvmError,
  hasEmulator: () => emulator,
});

describe("the built-in tender", () => {
  const host = emptyHost({ self: ["/usr/bin/bun", "/srv/main.ts"] });
  const allowing = { ...host, allowEmulation: true };
  const command = ["/usr/bin/bun", "/srv/main.ts", "tender"];

  it("runs on KVM where it can, and then never emulates", () => {
    const tender = { description: "built-in tender on KVM", emulated: false, command };
    assert.deepEqual(builtInTender(2, host, lookedFor, hardware(undefined, true)), tender);
    assert.deepEqual(builtInTender(2, allowing, lookedFor, hardware(undefined, true)), tender);
  });

  it("emulates where there is no KVM and it is allowed, and says so", () => {
    assert.deepEqual(builtInTender(2, allowing, lookedFor, hardware("ENOENT", true)), {
      description: "built-in tender on an emulated CPU",
      emulated: true,
      command: [...command, "--allow-emulation"],
    });
  });

  it("refuses without KVM where emulation is not allowed, in the original's words and what can be done", () => {
    assert.throws(() => builtInTender(2, host, lookedFor, hardware("EACCES", true)), {
      name: "BackendRefusal",
      message: `${missing}; the built-in tender cannot run it either: /dev/kvm is not usable (EACCES) and emulation is not allowed. Load KVM's kernel module and grant access to /dev/kvm, or allow it by --allow-emulation`,
    });
  });

  it("refuses without KVM where there is no emulator, naming what to install", () => {
    assert.throws(() => builtInTender(2, allowing, lookedFor, hardware("ENOENT", false)), {
      name: "BackendRefusal",
      message: `${missing}; the built-in tender cannot run it either: /dev/kvm is not usable (ENOENT) and there is no emulator. Grant access to /dev/kvm, or install the library libunicorn.so.2 (package libunicorn2)`,
    });
  });

  it("is none on other systems", () => {
    const other = { ...hardware(undefined, true), supported: false };
    assert.throws(() => builtInTender(2, allowing, lookedFor, other), { message: missing });
  });

  it("is none for other versions of the ABI", () => {
    for (const version of [1, 3]) {
      assert.throws(() => builtInTender(version, allowing, lookedFor, hardware(undefined, true)), { message: missing });
    }
  });
});
