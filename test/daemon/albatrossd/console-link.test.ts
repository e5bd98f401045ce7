/** What is left of those who waited for a console daemon in vain. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { ConsoleLink } from "../../../daemon/albatrossd/console-link.ts";
import { PeerError } from "../../../daemon/albatrossd/peer-link.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { livePromises } from "../../support/live-promises.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-console-link-"));
after(() => rmSync(folder, { recursive: true }));

describe("the link to the console daemon", () => {
  it("remembers nobody who has waited in vain", async () => {
    const log = createLog("test", "quiet", { write: () => undefined, writableLength: 0 });
    const side = { running: () => [], connected: () => undefined };
    const link = new ConsoleLink(join(folder, "socket"), side, log);
    const before = livePromises();
    const wait = async () => {
      await assert.rejects(link.add({ name: parseName("foo:hello"), limit: 4 }), PeerError);
    };
    await Promise.all(Array.from({ length: 3000 }, wait));
    const left = livePromises() - before;
    link.stop();
    assert.ok(left < 1000, `${left} promises more`);
  });
});
