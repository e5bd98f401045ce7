import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, test } from "node:test";
import { commandLineOf, environmentVariableOf, findByEnvironment } from "../../host/process-identity.ts";

describe("recognising processes", () => {
  test("finds exactly those with the variable", async () => {
    const key = `ALBATROSS_TEST_${process.pid}`;
    const start = (environment: Record<string, string>) =>
      spawn("/bin/sleep", ["20", ""].slice(0, 1), { env: environment, stdio: "ignore" });
    const marked = start({ OTHER: `${key}=no`, [key]: "foo:héllo=1" });
    const empty = start({ [key]: "" });
    const others = [start({ [`X${key}`]: "1" }), start({ [`${key}X`]: "1" }), start({ A: `${key}=1` })];
    const all = [marked, empty, ...others];
    try {
      await Promise.all(all.map((child) => new Promise((resolve) => child.once("spawn", resolve))));
      for (
        let round = 0;
        round < 100 && all.some((child) => commandLineOf(child.pid ?? 0)?.[0] !== "/bin/sleep");
        round++
      ) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const found = [...findByEnvironment(key)].sort((a, b) => a.value.length - b.value.length);
      assert.deepEqual(found, [
        { pid: empty.pid, value: "", uid: process.getuid?.() },
        { pid: marked.pid, value: "foo:héllo=1", uid: process.getuid?.() },
      ]);
      assert.equal(environmentVariableOf(marked.pid ?? 0, key), "foo:héllo=1");
      assert.equal(environmentVariableOf(others[0]?.pid ?? 0, key), undefined);
      assert.deepEqual(commandLineOf(marked.pid ?? 0), ["/bin/sleep", "20"]);
    } finally {
      const ends = all.map((child) => new Promise((resolve) => child.once("exit", resolve)));
      for (const child of all) child.kill("SIGKILL");
      await Promise.all(ends);
    }
    assert.deepEqual(findByEnvironment(key), []);
    assert.equal(commandLineOf(marked.pid ?? 0), undefined);
    assert.equal(environmentVariableOf(marked.pid ?? 0, key), undefined);
  });
});
