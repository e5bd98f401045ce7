/** What is an address and what is none, as the runtime sees it. */
import assert from "node:assert/strict";
import * as net from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isIPv6, parseAddress } from "../../core/ip-address.ts";

const same = (text: string) => {
  assert.equal(parseAddress(text) !== undefined, net.isIP(text) !== 0, text);
  assert.equal(isIPv6(text), net.isIPv6(text), text);
};

describe("addresses", () => {
  it("are those of the runtime, by example", () => {
    for (const text of ["0.0.0.0", "255.255.255.255", "01.2.3.4", "1.2.3.00", "1.2.3.4%eth0", "1.2.3.4 ", "::", "::1"])
      same(text);
    for (const text of ["1::", "::ffff:1.2.3.4", "::ffff:1.2.3.04", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:8::", ":1", ":"])
      same(text);
    for (const text of ["fe80::1%eth0", "fe80::1%", "fe80::1%a b", "fe80::1%a/b", "[::1]", "::1\n", "a", "a:b", ":::"])
      same(text);
  });

  it("are those of the runtime, whatever is made of their characters", () => {
    const pieces = fc.constantFrom(
      "0",
      "1",
      "9",
      "25",
      "256",
      "f",
      "10",
      ".",
      ".",
      ":",
      ":",
      "::",
      "ffff",
      "0000",
      "%e",
    );
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 17 }).map((parts) => parts.join("")),
        same,
      ),
    );
    const groups = fc.array(fc.constantFrom("1", "abcd", "", "1.2.3.4"), { maxLength: 9 });
    fc.assert(
      fc.property(
        groups.map((parts) => parts.join(":")),
        same,
      ),
    );
  });
});
