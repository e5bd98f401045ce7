/**
 * Comparisons of policies, against the original.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText, toDisplay } from "../../core/byte-string.ts";
import { fitsPolicy, isSmaller, usable } from "../../core/policy-check.ts";
import { printPolicy } from "../../core/print/policy.ts";
import { JsonReader } from "../../daemon/wire-tool/json-reader.ts";
import { networksFromJson, policyFromJson } from "../../daemon/wire-tool/unikernel-from-json.ts";
import { readVectors } from "../support/vectors.ts";

const vectors = new JsonReader(readVectors("policies.json"));

/** The text of a refusal in the vectors; `undefined` for an acceptance. */
function refusal(json: JsonReader): string | undefined {
  return json.get("error").optional((text) => text.string());
}

describe("policies of the original", () => {
  it("are smaller or not, with the same texts", () => {
    const cases = vectors.get("is_smaller").list();
    assert.ok(cases.length > 0);
    for (const one of cases) {
      const result = isSmaller(policyFromJson(one.get("super")), policyFromJson(one.get("sub")));
      assert.equal(result, refusal(one.get("result")), JSON.stringify(one.value));
    }
  });

  it("are usable or not, and printed alike", () => {
    const cases = vectors.get("usable").list();
    assert.ok(cases.length > 0);
    for (const one of cases) {
      const policy = policyFromJson(one.get("policy"));
      assert.equal(usable(policy), refusal(one.get("usable")), JSON.stringify(one.value));
      assert.equal(toDisplay(printPolicy(policy)), one.get("pretty").string());
    }
  });

  it("let the same unikernels through", () => {
    const cases = vectors.get("fine_with_policy").list();
    assert.ok(cases.length > 0);
    for (const one of cases) {
      const result = fitsPolicy(policyFromJson(one.get("policy")), {
        cpuIds: one
          .get("cpuids")
          .list()
          .map((id) => id.int()),
        memory: one.get("memory").int(),
        networks: networksFromJson(one.get("bridges")),
      });
      assert.equal(result, refusal(one.get("result")), JSON.stringify(one.value));
    }
  });
});

describe("policies", () => {
  const policy = { unikernels: 1, cpuIds: [0], memory: 17, block: 0, bridges: [] };

  it("are usable from the least memory and block on", () => {
    assert.equal(usable(policy), undefined);
    assert.equal(usable({ ...policy, memory: 16 }), "Unusable policy with memory 16 MB <= 16 MB");
    assert.equal(usable({ ...policy, block: -1 }), "Unusable policy with block -1 MB < 0 MB");
    assert.equal(usable({ ...policy, unikernels: 0 }), "Unusable policy with no unikernels");
    assert.equal(usable({ ...policy, cpuIds: [] }), "Unusable policy with no CPUids");
  });

  it("without block storage allow none below, not even of size 0", () => {
    assert.equal(isSmaller({ ...policy, block: undefined }, { ...policy, block: undefined }), undefined);
    assert.equal(
      isSmaller({ ...policy, block: undefined }, policy),
      "policy above allows 0 MB block storage, which is fewer than 0 MB",
    );
    assert.equal(
      isSmaller(policy, { ...policy, memory: 18 }),
      "policy above allows 17 MB memory, which is fewer than 18 MB",
    );
  });

  it("look at what is allowed once, not once for each thing that is wanted", () => {
    // Of two levels of a delegation both may be as long as a certificate can be: the endpoint would hang for minutes.
    const ids = Array.from({ length: 1000 }, (_, id) => id);
    const bridges = ids.map((id) => fromText(`bridge${id}`));
    let looks = 0;
    const watched = <T extends object>(list: T): T =>
      new Proxy(list, {
        get(target, key) {
          looks++;
          return Reflect.get(target, key);
        },
      });
    const above = { ...policy, cpuIds: watched(ids), bridges: watched(bridges) };
    assert.equal(isSmaller(above, { ...policy, cpuIds: ids, bridges }), undefined);
    const networks = bridges.map((bridge) => ({ name: bridge, bridge, mac: undefined }));
    assert.equal(fitsPolicy(above, { cpuIds: ids, memory: 1, networks }), undefined);
    assert.ok(looks <= 12 * ids.length, `${looks} looks at ${ids.length} values of two kinds, twice`);
  });
});
