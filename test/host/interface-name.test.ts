import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBytes, fromText } from "../../core/byte-string.ts";
import { INTERFACE_NAME_LIMIT, isInterfaceName } from "../../host/interface-name.ts";

test("names of interfaces are accepted as the kernel does", () => {
  for (const name of ["a", "br0", "service", "a-b", "br%d", "a.b", "...", "ü", "x".repeat(INTERFACE_NAME_LIMIT)]) {
    assert(isInterfaceName(fromText(name)), name);
  }
  assert(isInterfaceName(fromBytes(Uint8Array.of(0xff, 0x80))));
});

test("names that no interface can have, or that look like options, are refused", () => {
  const wrong = ["", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\nb", "a\vb", "a\fb", "a\rb", "a\0", "-", "-br", "br0 "];
  for (const name of [...wrong, "x".repeat(INTERFACE_NAME_LIMIT + 1), `ü${"x".repeat(14)}`]) {
    assert(!isInterfaceName(fromText(name)), JSON.stringify(name));
  }
  assert(!isInterfaceName(fromBytes(Uint8Array.of(0x61, 0xa0))));
});
