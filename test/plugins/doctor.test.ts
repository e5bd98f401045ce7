/** `doctor` and the plugins of a host. */
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { checkPlugins } from "../../cli/doctor/plugins.ts";
import { PluginFolder } from "./plugin-files.ts";

describe("doctor", () => {
  it("says nothing of plugins where no file names any", () => {
    using folder = new PluginFolder();
    assert.deepEqual(checkPlugins(join(folder.path, "plugins.json")), []);
  });

  it("looks at each plugin of each daemon, and runs none", () => {
    using folder = new PluginFolder();
    const good = folder.write("good.js", `throw new Error("it ran");`);
    const open = folder.write("open.js", "");
    chmodSync(open, 0o666);
    const missing = join(folder.path, "missing.js");
    const settings = folder.write(
      "plugins.json",
      JSON.stringify({ albatrossd: [{ file: good }, { file: open }], "albatross-stats": [{ file: missing }] }),
    );
    const found = checkPlugins(settings);
    assert.deepEqual(
      found.map(({ id, status }) => [id, status]),
      [
        ["plugin-albatrossd-1", "ok"],
        ["plugin-albatrossd-2", "problem"],
        ["plugin-albatross-stats-1", "problem"],
      ],
    );
    assert.match(found[1]?.found ?? "", /open\.js is not loaded: .* can be written by everybody/);
    assert.match(found[2]?.found ?? "", /missing\.js is not loaded: .*(ENOENT|no such file)/);
  });

  it("tells of a file that no daemon would take", () => {
    using folder = new PluginFolder();
    for (const text of ["{", `{"albatross": []}`, `{"albatrossd": [{"file": "relative.js"}]}`]) {
      const [only, ...more] = checkPlugins(folder.write("plugins.json", text));
      assert.deepEqual([only?.id, only?.status, more], ["plugins", "problem", []], text);
      assert.match(only?.found ?? "", /Cannot take the plugins of .*plugins\.json: .*None of them is loaded/);
    }
  });
});
