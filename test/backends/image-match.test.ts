import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type GivenDevices, matchDevices, suggestFlags } from "../../backends/image-match.ts";
import type { ImageDevice } from "../../backends/image-notes.ts";
import { fromBytes, fromText } from "../../core/byte-string.ts";

const net = (name: string): ImageDevice => ({ name: fromText(name), type: "network" });
const block = (name: string): ImageDevice => ({ name: fromText(name), type: "block" });

function given(networks: readonly string[], blockDevices: readonly string[]): GivenDevices {
  return {
    networks: networks.map((name) => ({ name: fromText(name), bridge: undefined, mac: undefined })),
    blockDevices: blockDevices.map((name) => ({ name: fromText(name), device: undefined, sectorSize: undefined })),
  };
}

describe("comparing an image's devices with those given", () => {
  const image = { devices: [net("service"), block("storage"), net("private")] };

  it("takes them in any order and repeated", () => {
    assert.equal(matchDevices(image, given(["private", "service", "private"], ["storage"])), undefined);
    assert.equal(matchDevices({ devices: [] }, given([], [])), undefined);
    assert.equal(matchDevices({ devices: [net("a"), net("a")] }, given(["a"], [])), undefined);
  });

  const devices = 'Devices present in manifest: net "service", block "storage", net "private"';
  it("refuses missing, additional and other networks in the original's words", () => {
    const text = `specified bridge(s) does not match with the manifest. ${devices}`;
    for (const networks of [[], ["service"], ["service", "private", "more"], ["service", "Private"]]) {
      assert.equal(matchDevices(image, given(networks, ["storage"])), text);
    }
  });

  it("refuses missing, additional and other block devices in the original's words, before networks", () => {
    const text = `specified block device(s) does not match with manifest. ${devices}`;
    for (const blocks of [[], ["storage", "more"], ["service"]]) {
      assert.equal(matchDevices(image, given(["service", "private"], blocks)), text);
      assert.equal(matchDevices(image, given([], blocks)), text);
    }
  });

  it("does not take a device of the other kind", () => {
    assert.match(matchDevices({ devices: [net("a")] }, given([], ["a"])) ?? "", /^specified block device/);
  });

  it("keeps control characters of an image out of the text", () => {
    const evil = { devices: [{ name: fromBytes(Uint8Array.of(27, 91, 34, 92, 10, 200)), type: "block" } as const] };
    const text = 'Devices present in manifest: block "\\027[\\"\\\\\\n\\200"';
    assert.equal(matchDevices(evil, given([], [])), `specified block device(s) does not match with manifest. ${text}`);
  });
});

describe("suggested options", () => {
  it("are those that fit, in the order of the manifest, each once", () => {
    const image = { devices: [net("service"), block("storage"), net("service")] };
    assert.equal(suggestFlags(image), "--net=service:BRIDGE --block=storage:DEVICE");
    assert.equal(suggestFlags({ devices: [] }), "");
  });

  it("are quoted for a shell where a name needs it", () => {
    const quoted = (bytes: string) => suggestFlags({ devices: [{ name: fromText(bytes), type: "network" }] });
    assert.equal(quoted("a b"), "'--net=a b:BRIDGE'");
    assert.equal(quoted("$(x)'"), "'--net=$(x)'\\'':BRIDGE'");
    assert.equal(quoted("\u001b"), "$'--net=\\x1b:BRIDGE'");
    assert.equal(quoted(""), "--net=:BRIDGE");
  });
});
