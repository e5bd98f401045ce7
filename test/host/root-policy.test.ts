import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { openHostNetwork } from "../../host/network.ts";
import { parseCpuList } from "../../host/resources.ts";
import { discoverRootPolicy, RootPolicyError } from "../../host/root-policy.ts";

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-policy-"));
});
after(() => rmSync(directory, { recursive: true }));

const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: "latin1" }).trim();

describe("the root policy", () => {
  test("is what the host has", () => {
    mkdirSync(join(directory, "good", "block"), { recursive: true });
    const policy = discoverRootPolicy(join(directory, "good"), openHostNetwork());
    assert.equal(policy.unikernels, 4611686018427387903n);
    assert.equal(policy.cpuIds.length, Number(run("getconf", "_NPROCESSORS_ONLN")));
    assert.equal(policy.cpuIds[0], 0);
    const memory = BigInt(run("getconf", "_PHYS_PAGES")) * BigInt(run("getconf", "PAGESIZE"));
    assert.equal(policy.memory, Number(memory >> 20n));
    const [blocks = 0n, size = 0n] = run("stat", "-f", "-c", "%b %s", directory).split(" ").map(BigInt);
    assert.equal(policy.block, Number((blocks * size) >> 20n));
    assert.deepEqual(policy.bridges, openHostNetwork().listBridges());
  });

  test("lists the bridges as the network gives them", () => {
    mkdirSync(join(directory, "bridges", "block"), { recursive: true });
    const bridges = [fromText("br0"), fromText("service")];
    const policy = discoverRootPolicy(join(directory, "bridges"), { listBridges: () => bridges });
    assert.deepEqual(policy.bridges, bridges);
  });

  test("needs the directory of the block devices", () => {
    const network = openHostNetwork();
    assert.throws(
      () => discoverRootPolicy(join(directory, "none"), network),
      (error: unknown) => {
        assert(error instanceof RootPolicyError);
        assert.equal(error.message, "root policy failed: No such file or directory");
        assert(error.cause instanceof Error);
        return true;
      },
    );
    mkdirSync(join(directory, "file"));
    writeFileSync(join(directory, "file", "block"), "");
    assert.throws(
      () => discoverRootPolicy(join(directory, "file"), network),
      /^RootPolicyError: root policy failed: .* is not a directory/,
    );
  });

  test("knows CPUs with gaps between them", () => {
    assert.deepEqual(parseCpuList("0\n"), [0]);
    assert.deepEqual(parseCpuList("0-3\n"), [0, 1, 2, 3]);
    assert.deepEqual(parseCpuList("0-1,4,8-9\n"), [0, 1, 4, 8, 9]);
    for (const wrong of ["", "a", "1-", "-1", "0,,1", "0-99999"]) assert.equal(parseCpuList(wrong), undefined);
  });
});
