import assert from "node:assert/strict";
import { it } from "node:test";
import { parseName, parsePath } from "../../../core/name.ts";
import { ownLines, StateLines } from "../../../plugins/influx/own-lines.ts";
import { after, disk, policy, run, spec } from "../../core/engine/sample.ts";
import { sampleStatistics } from "../../support/statistics.ts";

const lineOf = (lines: readonly string[], begin: string) => lines.filter((line) => line.startsWith(begin));

it("policies and what is used of them are told by path, and as zeros when they are gone", () => {
  const lines = new StateLines("albatross");
  const hello = parseName("foo:bar:hello");
  const state = after(
    { kind: "policy-added", name: parsePath("foo"), policy: policy() },
    { kind: "policy-added", name: parsePath(""), policy: policy({ block: undefined }) },
    { kind: "block-added", name: parseName("foo:bar:d1"), size: 5 },
    { kind: "block-added", name: parseName("foo:d2"), size: 7 },
    { kind: "unikernel-admitted", name: hello, spec: spec({ blockDevices: [disk("d1")] }) },
    { kind: "unikernel-started", name: hello, run: run() },
  );
  const told = lines.lines(state);
  assert.deepEqual(lineOf(told, "albatross-policies"), [
    "albatross-policies,vm=albatross,domain=foo maximum\\ unikernels=10i,maximum\\ memory=1000i,maximum\\ block=100i",
    "albatross-policies,vm=albatross maximum\\ unikernels=10i,maximum\\ memory=1000i,maximum\\ block=0i",
  ]);
  assert.deepEqual(lineOf(told, "albatross-unikernels").sort(), [
    "albatross-unikernels,vm=albatross,domain=: attached\\ used\\ block=5i,unattached\\ used\\ block=7i,total\\ used\\ block=12i,running\\ unikernels=1i,used\\ memory=10i",
    "albatross-unikernels,vm=albatross,domain=foo attached\\ used\\ block=5i,unattached\\ used\\ block=7i,total\\ used\\ block=12i,running\\ unikernels=1i,used\\ memory=10i",
    "albatross-unikernels,vm=albatross,domain=foo:bar attached\\ used\\ block=5i,unattached\\ used\\ block=0i,total\\ used\\ block=5i,running\\ unikernels=1i,used\\ memory=10i",
  ]);
  const empty = lines.lines(after());
  assert.equal(empty.length, told.length);
  assert.ok(
    empty.every((line) => /^\S+ ([^=]+=0i,?)+$/.test(line.replaceAll("\\ ", "_"))),
    empty.join("\n"),
  );
});

it("a daemon tells its connections, its process and its log, in the original's form", () => {
  const { resourceUsage: usage, memory } = sampleStatistics;
  const numbers = { connections: { unix: { active: 1, total: 2 } }, usage, memory, logs: { warnings: 3, errors: 4 } };
  const [connections, resources = "", kinfo = "", logs] = ownLines("albatross_stats", numbers, 1_795_296_001_000);
  assert.equal(connections, "connections,vm=albatross_stats,kind=unix active=1i,total=2i");
  assert.match(resources, /^resource_usage,vm=albatross_stats utime=1\.23,stime=0\.04,maxrss=1234i,/);
  assert.match(kinfo, /^kinfo_mem,vm=albatross_stats vsize=34603008i,.*,runtime=1270000i,uptime=0\.75$/);
  assert.equal(logs, "logs,vm=albatross_stats warnings=3i,errors=4i");
});
