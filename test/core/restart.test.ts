/**
 * Restart decisions against the original, and the growing delay.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  failuresInARow,
  HEALTHY_AFTER_MS,
  nextDelay,
  parseProcessEnd,
  RESTART_DELAY_MAX_MS,
  RESTART_DELAY_MIN_MS,
  shouldRestart,
} from "../../core/restart.ts";
import type { FailBehaviour } from "../../core/unikernel.ts";
import { JsonReader } from "../../daemon/wire-tool/json-reader.ts";
import { failBehaviourFromJson } from "../../daemon/wire-tool/unikernel-from-json.ts";
import { vectorList } from "../support/vectors.ts";

const any: FailBehaviour = { kind: "restart", exitCodes: [] };

describe("a unikernel that ended", () => {
  it("is restarted exactly when the original restarts it", () => {
    const vectors = vectorList("restart.json");
    assert.ok(vectors.length > 0);
    for (const vector of vectors) {
      const json = new JsonReader(vector);
      const end = parseProcessEnd(json.get("exit").string());
      assert.ok(end !== undefined);
      // An empty list given in a program is not what the wire can carry: there, empty means any code.
      if (JSON.stringify(vector).includes('"restart":[]')) continue;
      const decision = shouldRestart(end, failBehaviourFromJson(json.get("fail_behaviour")));
      assert.equal(decision, json.get("should_restart").boolean(), JSON.stringify(vector));
    }
  });

  it("is never restarted when it shall quit, was killed, or ended by a code that says it cannot run", () => {
    assert.equal(shouldRestart({ kind: "exit", code: 0 }, { kind: "quit" }), false);
    assert.equal(shouldRestart({ kind: "unknown" }, { kind: "quit" }), false);
    for (let code = 0; code < 256; code++) {
      const expected = code !== 1 && (code < 60 || code > 64);
      assert.equal(shouldRestart({ kind: "exit", code }, any), expected, `${code}`);
      assert.equal(shouldRestart({ kind: "exit", code }, { kind: "restart", exitCodes: [code] }), expected);
      assert.equal(shouldRestart({ kind: "exit", code }, { kind: "restart", exitCodes: [code + 1] }), false);
      assert.equal(shouldRestart({ kind: "signal", signal: code }, any), false);
      assert.equal(shouldRestart({ kind: "stop", signal: code }, any), false);
    }
  });

  it("in a way nobody saw counts as exit 23", () => {
    assert.equal(shouldRestart({ kind: "unknown" }, any), true);
    assert.equal(shouldRestart({ kind: "unknown" }, { kind: "restart", exitCodes: [23] }), true);
    assert.equal(shouldRestart({ kind: "unknown" }, { kind: "restart", exitCodes: [0] }), false);
  });
});

describe("ends of processes", () => {
  it("are read from their texts", () => {
    assert.deepEqual(parseProcessEnd("exit 2"), { kind: "exit", code: 2 });
    assert.deepEqual(parseProcessEnd("signal SIGKILL (numeric -7)"), { kind: "signal", signal: -7 });
    assert.deepEqual(parseProcessEnd("stop SIGTTOU (numeric -19)"), { kind: "stop", signal: -19 });
    assert.deepEqual(parseProcessEnd("signal 9"), { kind: "signal", signal: 9 });
    for (const text of ["", "exit", "exit two", "exit 2 ", "signal", "killed"])
      assert.equal(parseProcessEnd(text), undefined);
  });
});

describe("failures in a row", () => {
  it("are counted until a unikernel was healthy for a minute", () => {
    assert.equal(failuresInARow(0, 0), 1);
    assert.equal(failuresInARow(7, 59_999), 8);
    assert.equal(failuresInARow(7, HEALTHY_AFTER_MS), 1);
    assert.equal(HEALTHY_AFTER_MS, 60_000);
  });
});

describe("the delay before a restart", () => {
  it("doubles from failure to failure up to its maximum", () => {
    assert.equal(nextDelay(1), RESTART_DELAY_MIN_MS);
    assert.deepEqual([1, 2, 3, 8, 9].map(nextDelay), [100, 200, 400, 12_800, 25_600]);
    for (const failures of [10, 11, 100, 1e6, Number.MAX_SAFE_INTEGER])
      assert.equal(nextDelay(failures), RESTART_DELAY_MAX_MS);
    assert.equal(nextDelay(0), RESTART_DELAY_MIN_MS);
  });
});
