/**
 * What every CPU of the tender has to do, as a suite that runs on each of them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { testBlocks } from "./conformance-block.ts";
import { testEnds } from "./conformance-ends.ts";
import { testHypercalls } from "./conformance-hypercalls.ts";
import { testNetworks } from "./conformance-net.ts";
import { testStart } from "./conformance-start.ts";
import { Guest } from "./guest-image.ts";
import { TenderRig } from "./tender-process.ts";

/** What runs the guests. */
export interface TenderUnderTest {
  readonly title: string;
  /** Command line prefix, options included. */
  readonly command: readonly string[];
  /** Why it cannot run here. */
  readonly skip: string | undefined;
  /** Whether it is ours: then the texts on standard error are compared too. */
  readonly own: boolean;
  readonly emulated: boolean;
}

/** Registers the suite for a tender. */
export function testCpu(tender: TenderUnderTest): void {
  describe(tender.title, { skip: tender.skip ?? false }, () => {
    const rig = new TenderRig(tender.command);
    after(() => rig.close());

    it("runs a guest to its end", () => {
      const guest = new Guest();
      const result = rig.run(
        guest
          .print(guest.data(new TextEncoder().encode("Hello\n")), 6)
          .halt()
          .build(),
      );
      assert.equal(new TextDecoder().decode(result.stdout), "Hello\n");
      assert.equal(result.status, 0);
      if (!tender.emulated) assert.equal(result.stderr, "");
      else assert.match(result.stderr, /^albatross tender: this guest runs on an emulated CPU .*, which is slow\n$/);
    });

    describe("start", () => testStart(tender, rig));
    describe("hypercalls", () => testHypercalls(tender, rig));
    describe("ends", () => testEnds(tender, rig));
    describe("block devices", () => testBlocks(tender, rig));
    describe("networks", () => testNetworks(tender, rig));
  });
}
