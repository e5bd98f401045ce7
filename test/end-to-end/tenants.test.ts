import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { EndpointRig, leafFor, policyExtension } from "../daemon/tls-endpoint/endpoint-rig.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { create, images, say } from "./harness.ts";

describe("a tenant", () => {
  const rig = new EndpointRig();
  const { machine, root } = rig;
  let ticker: Uint8Array;

  before(async () => {
    ({ ticker } = await images());
    await machine.start();
    await rig.start();
  });
  after(async () => await rig.close());

  it("gets no other CPUs than those of its policy by asking for none", async () => {
    const tenant = root.delegate("any", policyExtension({ cpuIds: [0] }));
    assert.equal(
      await rig.ask(leafFor(tenant, "x", create(ticker, { cpuIds: [] }))),
      "refused: a unikernel without CPUids is not allowed by policy. Give some of 0",
    );
    assert.equal(await rig.ask(leafFor(root, "x", create(ticker, { cpuIds: [] }))), "created unikernel");
  });

  it("is bound by its delegation also where its policy has been removed", async () => {
    const tenant = root.delegate("free", policyExtension({ memory: 32 }));
    assert.equal(await rig.ask(leafFor(tenant, "x", create(ticker))), "created unikernel");
    await machine.expect("free:", { kind: "policy-remove" }, "removed policy");
    assert.match(
      await rig.ask(leafFor(tenant, "y", create(ticker, { memory: 100 }))),
      /^refused: maximum allowed memory/,
    );
  });

  it("does not learn what images others run, nor gets one by its digest", async () => {
    const image = Buffer.concat([ticker, Buffer.from("of my own")]);
    const digest = Buffer.concat([Buffer.from("ALBADIGE"), createHash("sha256").update(image).digest()]);
    const [owner, curious] = ["owner", "curious"].map((name) => root.delegate(name, policyExtension()));
    assert.ok(owner !== undefined && curious !== undefined);
    assert.equal(await rig.ask(leafFor(owner, "x", create(image))), "created unikernel");
    const offer = async (issuer: TestCertificate, label: string) => {
      const leaf = leafFor(issuer, label, create(new Uint8Array(0)));
      const options = { protocols: ["albatross-ts/1"], stream: [digest], open: true, enough: 1 };
      return say((await rig.talk(leaf, options)).messages[0]?.payload);
    };
    assert.equal(await offer(curious, "x"), "image wanted");
    assert.equal(await offer(owner.delegate("below", policyExtension()), "x"), "created unikernel");
    assert.equal(await offer(root, "y"), "created unikernel");
  });
});
