import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { searchTender, tenderMissing } from "../../backends/tender-search.ts";
import { emptyHost, versionScript, writeScript } from "./fake-tender.ts";

describe("the search for a tender", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tender-search-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const host = () =>
    emptyHost({
      databaseDirectory: join(directory, "db"),
      path: `${join(directory, "bin1")}:${join(directory, "bin2")}`,
    });
  const install = (...path: string[]) => writeScript(join(directory, ...path), versionScript(2));

  it("prefers the more exact name, then the database directory, then the order of the search path", () => {
    const order = [
      install("db", "solo5-hvt.2"),
      install("bin1", "solo5-hvt.2"),
      install("bin2", "solo5-hvt.2"),
      install("db", "solo5-hvt"),
      install("bin1", "solo5-hvt"),
      install("bin2", "solo5-hvt"),
    ];
    for (const path of order) {
      assert.deepEqual(searchTender("hvt", 2, host()), { found: true, path });
      rmSync(path);
    }
    assert.equal(searchTender("hvt", 2, host()).found, false);
  });

  it("takes neither tenders for other targets and versions, nor files that are not executable, nor directories", () => {
    install("db", "solo5-spt");
    install("db", "solo5-hvt.3");
    mkdirSync(join(directory, "bin1", "solo5-hvt.2"), { recursive: true });
    writeFileSync(join(directory, "db", "solo5-hvt"), "not executable");
    chmodSync(join(directory, "db", "solo5-hvt"), 0o644);
    assert.equal(searchTender("hvt", 2, host()).found, false);
    assert.equal(searchTender("spt", 2, host()).found, true);
    assert.equal(searchTender("hvt", 3, host()).found, true);
  });

  it("says in the original's words what it looked for, quoted for a shell", () => {
    const search = searchTender("hvt", 2, emptyHost({ databaseDirectory: "/var/lib/al'batross" }));
    assert.ok(!search.found);
    assert.equal(
      tenderMissing(search.lookedFor).message,
      "tender does not exist, looked for '/var/lib/al'\\''batross/solo5-hvt.2', 'solo5-hvt.2', '/var/lib/al'\\''batross/solo5-hvt', 'solo5-hvt'",
    );
  });

  it("is not made where a tender is named", () => {
    const own = install("own", "my-tender");
    install("db", "solo5-hvt");
    assert.deepEqual(searchTender("hvt", 2, { ...host(), tender: own }), { found: true, path: own });
    const none = join(directory, "none");
    assert.deepEqual(searchTender("hvt", 2, { ...host(), tender: none }), { found: false, lookedFor: [none] });
  });

  it("gives absolute paths, since a process is started from elsewhere", () => {
    const path = install("bin1", "solo5-hvt");
    const relative = `${"../".repeat(process.cwd().split("/").length - 1)}${path.slice(1, path.lastIndexOf("/"))}`;
    assert.deepEqual(searchTender("hvt", 2, emptyHost({ path: relative })), { found: true, path });
  });
});
