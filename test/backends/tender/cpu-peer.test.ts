/** The same suite on Solo5's own tender, where there is one: it keeps the suite honest. */
import { spawnSync } from "node:child_process";
import { testCpu } from "./cpu-conformance.ts";

const peer = process.env["SOLO5_HVT"] ?? "solo5-hvt";

testCpu({
  title: "Solo5's tender",
  command: [peer],
  skip: spawnSync(peer, ["--version"]).status === 0 ? undefined : "solo5-hvt is not installed",
  own: false,
  emulated: false,
});
