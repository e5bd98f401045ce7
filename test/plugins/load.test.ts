import assert from "node:assert/strict";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { builtinBackends } from "../../backends/builtin.ts";
import { builtinCollectors } from "../../backends/builtin-collectors.ts";
import { attachPlugins, PLUGINS_MAX } from "../../plugins/attach.ts";
import { builtin, builtinNames } from "../../plugins/builtin.ts";
import { type LoadedPlugin, loadPlugin } from "../../plugins/load.ts";
import { LOAD_TIMEOUT_MS, type PluginKind } from "../../plugins/plugin.ts";
import { parseSettings, readSettings } from "../../plugins/settings.ts";
import { PluginError } from "../../plugins/validate.ts";
import { idlePlugin, LineLog, PluginFolder } from "./plugin-files.ts";

// Bun runs the daemons, and so the plugins.
const skip = process.versions.bun === undefined;

describe("plugins", { skip }, () => {
  const folder = new PluginFolder();
  after(() => folder[Symbol.dispose]());

  const load = (file: string, options = {}) => loadPlugin({ file, options }, "albatrossd", new LineLog());
  const refused = (file: string, text: RegExp) =>
    assert.rejects(load(file), (error) => {
      assert.ok(error instanceof PluginError);
      assert.match(error.message, text);
      return error.message.startsWith(`Cannot load the plugin ${file}: `);
    });

  describe("are loaded", () => {
    for (const extension of ["js", "mjs", "ts"]) {
      it(`from a file .${extension}`, async () => {
        const typed = extension === "ts" ? "const one: number = 1; void one; " : "";
        const file = folder.write(`plain.${extension}`, `${typed}export default ${idlePlugin("plain")}`);
        const { plugin, path } = await load(file);
        assert.equal(plugin.name, "plain");
        assert.equal(plugin.reporters?.[0]?.name, "plain");
        assert.equal(path, file);
      });
    }

    it("from a CommonJS file, and one that uses the runtime's own modules", async () => {
      const file = folder.write(
        "old.cjs",
        `const { join } = require("node:path"); join("a");\nmodule.exports = ${idlePlugin("old")}`,
      );
      assert.equal((await load(file)).plugin.name, "old");
      const modern = `import { readFileSync } from "node:fs";\nimport { connect } from "net";\nvoid [readFileSync, connect];\n`;
      assert.equal(
        (await load(folder.write("own.js", `${modern}export default ${idlePlugin("own")}`))).plugin.name,
        "own",
      );
    });

    it("from a path with characters that mean something in addresses", async () => {
      assert.equal((await load(folder.plugin("a b#c%20ü.js", idlePlugin("odd")))).plugin.name, "odd");
    });

    it("by a function that gets daemon, options and log, and may take its time", async () => {
      const file = folder.plugin(
        "made.js",
        `async ({ daemon, options, log }) => { await null; log.warning("for " + daemon + " with " + options.size); return ${idlePlugin("made")}; }`,
      );
      const log = new LineLog();
      const { guard } = await loadPlugin({ file, options: { size: 3 } }, "albatross-stats", log);
      guard.log.error("later");
      assert.deepEqual(log.lines, [`warning plugin ${file}: for albatross-stats with 3`, "error plugin made: later"]);
    });

    it("from packages, by what package.json says, with their other files", async () => {
      const forms = {
        exports: { exports: "./lib/index.js" },
        "exports-main": { exports: { ".": { import: "./lib/index.js" } } },
        "exports-default": { exports: { default: "./lib/index.js" } },
        main: { main: "lib/index.js" },
      };
      for (const [name, manifest] of Object.entries(forms)) {
        folder.write(`${name}/package.json`, JSON.stringify({ name, ...manifest }));
        folder.write(`${name}/lib/name.js`, `export const name = "${name}";`);
        folder.write(
          `${name}/lib/index.js`,
          `import { name } from "./name.js"; export default { ...${idlePlugin("x")}, name };`,
        );
        assert.equal((await load(join(folder.path, name))).plugin.name, name);
      }
      folder.write("plain/package.json", "{}");
      folder.plugin("plain/index.js", idlePlugin("plain"));
      assert.equal((await load(join(folder.path, "plain"))).plugin.name, "plain");
    });
  });

  describe("are refused", () => {
    it("when others could have written the file, or a folder above, also through a link", async () => {
      const file = folder.plugin("open/inner/open.js", idlePlugin("open"));
      const link = join(folder.path, "link.js");
      symlinkSync(file, link);
      for (const [path, mode, usual] of [
        [file, 0o666, 0o644],
        [join(folder.path, "open"), 0o777, 0o755],
      ] as const) {
        chmodSync(path, mode);
        for (const way of [file, link])
          await refused(way, new RegExp(`: ${path} can be written by everybody.*: chmod go-w ${path}$`));
        chmodSync(path, usual);
      }
      assert.equal((await load(link)).path, file);
    });

    it("when others could have written any file of their package", async () => {
      folder.write("loose/package.json", "{}");
      folder.plugin("loose/index.js", idlePlugin("loose"));
      chmodSync(folder.write("loose/deep/unused.js", ""), 0o646);
      await refused(join(folder.path, "loose"), /unused\.js can be written by everybody/);
    });

    it("when a package names something outside of it, or nothing that is there", async () => {
      folder.plugin("outside.js", idlePlugin("outside"));
      folder.write("leaving/package.json", `{"main":"../outside.js"}`);
      await refused(join(folder.path, "leaving"), /which is not in it$/);
      folder.write("empty/package.json", `{"main":"nothing.js"}`);
      await refused(join(folder.path, "empty"), /ENOENT/);
      mkdirSync(join(folder.path, "bare"), { mode: 0o755 });
      await refused(join(folder.path, "bare"), /package\.json/);
    });

    it("when a package imports what is not in it, at whatever depth, or others could put there", async () => {
      // Of its own, with everything in it from the beginning: the runtime remembers what it has seen of folders.
      using own = new PluginFolder();
      own.write("helper.js", "export default 1;");
      own.write("node_modules/beside/index.js", "export default 1;");
      const write = (name: string, line: string) => {
        own.write(`${name}/package.json`, "{}");
        own.write(`${name}/lib/deep.js`, `${line};\nexport default 1;`);
        own.write(`${name}/index.js`, `import "./lib/deep.js";\nexport default ${idlePlugin(name)}`);
        own.write(`${name}/node_modules/inside/index.js`, `module.exports = require("./data.json");`);
        own.write(`${name}/node_modules/inside/data.json`, "{}");
        return join(own.path, name);
      };
      const packages = [
        write("above", `import x from "../../helper.js"`),
        write("neighbour", `const x = await import("beside")`),
        write("missing", `try { await import("nowhere-else") } catch {}`),
        write("sound", `import x from "inside"; void x`),
      ] as const;
      await refused(packages[0], /deep\.js imports \.\.\/\.\.\/helper\.js, which is \/.*nobody has looked/);
      await refused(packages[1], /deep\.js imports beside, which is \/.*nobody has looked/);
      await refused(packages[2], /deep\.js imports nowhere-else, which is not there, and others could put it into \//);
      assert.equal((await load(packages[3])).plugin.name, "sound");
    });

    it("when a single file imports others, which nobody has looked at", async () => {
      folder.write("other.js", "export default 1;");
      for (const line of [`import x from "./other.js"`, `import "left-pad"`, `const x = await import("./other.js")`]) {
        const file = folder.write("importing.js", `${line};\nexport default ${idlePlugin("importing")}`);
        await refused(file, /it imports (\.\/other\.js|left-pad), which nobody has looked at: bundle it into one file/);
      }
    });

    it("with another version of the interface, or none", async () => {
      await refused(
        folder.plugin("v2.js", idlePlugin("v2", 2)),
        /it is for version 2 of the interface, this program has version 1/,
      );
      await refused(
        folder.plugin("vs.js", idlePlugin("vs", "1")),
        /it is for version 1 of the interface, this program has version 1/,
      );
      await refused(folder.plugin("v.js", `{ name: "v" }`), /it has no version of the interface/);
      const backend = `{ name: "b", handles() {}, check() {} }`;
      await refused(
        folder.plugin("vb.js", `{ apiVersion: 1, name: "vb", backends: [${backend}] }`),
        /number 1 of its backends has no version/,
      );
    });

    it("when they are no plugins", async () => {
      const cases = {
        "": /its default export .* is no object/,
        "export default 3": /is no object/,
        "export default null": /is no object/,
        "export default () => undefined": /is no object/,
        "export default { apiVersion: 1, name: 'No Name' }": /it has no usable name: it has to be 1 to 32/,
        "export default { apiVersion: 1, name: 'solo5', reporters: [{ name: 'r', report() {} }] }":
          /it has no usable name/,
        "export default { apiVersion: 1, name: 'n' }": /it adds nothing: it has none of backends, collectors/,
        "export default { apiVersion: 1, name: 'n', reporters: [] }": /it adds nothing/,
        "export default { apiVersion: 1, name: 'n', reporters: {} }": /its reporters are no list/,
        "export default { apiVersion: 1, name: 'n', reporters: [null] }": /number 1 of its reporters is no object/,
        "export default { apiVersion: 1, name: 'n', reporters: [{ name: 'r' }] }":
          /number 1 of its reporters has no function report/,
        "export default { apiVersion: 1, name: 'n', get reporters() { throw new Error('got') } }": /: got$/,
        "export default {": /./,
      };
      let at = 0;
      for (const [text, reason] of Object.entries(cases))
        await refused(folder.write(`no-plugin-${at++}.js`, text), reason);
    });

    it("when they throw, reject, or never come to an end", { timeout: 3 * LOAD_TIMEOUT_MS }, async () => {
      await refused(folder.write("throws.js", `throw new Error("at once")`), /\.js: at once$/);
      await refused(folder.write("throws-text.js", `throw "text"`), /\.js: text$/);
      await refused(folder.plugin("rejects.js", `() => Promise.reject(new Error("later"))`), /\.js: later$/);
      await refused(
        folder.plugin("waits.js", `() => new Promise(() => undefined)`),
        /took longer than 10000 ms to load$/,
      );
    });

    it("when there is no such file", async () => {
      await refused(join(folder.path, "nothing.js"), /ENOENT/);
    });
  });

  describe("are attached", () => {
    const attach = async (files: readonly string[], kinds: readonly PluginKind[] = ["reporters"]) => {
      const log = new LineLog();
      const loaded: LoadedPlugin[] = [];
      const sources = files.map((file) => ({ file, options: {} }));
      const attached = await attachPlugins(sources, {
        daemon: "albatross-stats",
        kinds,
        log,
        loaded: (one) => loaded.push(one),
      });
      return { attached, loaded: loaded.map(({ plugin }) => plugin.name), lines: log.lines };
    };

    it("as far as they can be loaded", async () => {
      const [one, bad, two] = [
        folder.plugin("one.js", idlePlugin("one")),
        folder.write("bad.js", "throw new Error('bad')"),
        folder.plugin("two.js", idlePlugin("two")),
      ];
      const { attached, loaded, lines } = await attach([one, bad, two]);
      assert.deepEqual(loaded, ["one", "two"]);
      assert.equal(attached.reporters.length, 2);
      assert.deepEqual(lines, [
        `info loaded the plugin one (${one}): reporters`,
        `error Cannot load the plugin ${bad}: bad`,
        `info loaded the plugin two (${two}): reporters`,
      ]);
    });

    it("under names of their own", async () => {
      const first = folder.plugin("first.js", idlePlugin("first"));
      const again = folder.plugin("again.js", idlePlugin("first"));
      const twice = folder.plugin(
        "twice.js",
        `{ apiVersion: 1, name: "twice", reporters: [{ name: "r", report() {} }, { name: "r", report() {} }] }`,
      );
      const ours = folder.plugin("ours.js", idlePlugin("hvt"));
      const { loaded, lines } = await attach([first, again, twice, ours]);
      assert.deepEqual(loaded, ["first"]);
      assert.match(lines[1] ?? "", /there is first among the plugins already\. Leave one of them out$/);
      assert.match(lines[2] ?? "", /there is r among the reporters already/);
      assert.match(lines[3] ?? "", /there is hvt among the plugins already/);
    });

    it("with a word about those that are of no use there", async () => {
      const { lines } = await attach([folder.plugin("useless.js", idlePlugin("useless"))], ["backends"]);
      assert.match(lines[0] ?? "", /^warning the plugin useless .* adds nothing to albatross-stats$/);
    });

    it(`up to ${PLUGINS_MAX} of them`, async () => {
      const files = Array.from({ length: PLUGINS_MAX + 1 }, (_, at) =>
        folder.plugin(`many${at}.js`, idlePlugin(`many${at}`)),
      );
      assert.equal((await attach(files.slice(0, PLUGINS_MAX))).loaded.length, PLUGINS_MAX);
      const { loaded, lines } = await attach(files);
      assert.equal(loaded.length, PLUGINS_MAX);
      assert.equal(lines[0], `error Cannot load the plugin ${files.at(-1)}: there are ${PLUGINS_MAX} already`);
    });
  });

  it("cannot have the names of what is built in", async () => {
    assert.deepEqual(await builtin.backends(), builtinBackends);
    const names = [...builtinBackends, ...builtinCollectors("linux", true)].map(({ name }) => name);
    for (const name of [...names, ...(await builtin.eventSinks()).keys()]) assert.ok(builtinNames.includes(name), name);
  });
});

describe("the file that names plugins", () => {
  const entry = { file: "/p.js", options: { a: 1 } };

  it("has a list for each daemon", () => {
    const text = JSON.stringify({ albatrossd: [entry, { file: "/q.js" }], "albatross-stats": [] });
    assert.deepEqual(parseSettings(text, "albatrossd"), [entry, { file: "/q.js", options: {} }]);
    assert.deepEqual(parseSettings(text, "albatross-stats"), []);
    assert.deepEqual(parseSettings(text, "albatross-console"), []);
  });

  it("is refused whole if anything in it is wrong", () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ["", /./],
      ["[]", /it is no object/],
      [`{"albatros":[]}`, /albatros is no daemon: there are albatrossd/],
      [`{"albatrossd":{}}`, /albatrossd is no list/],
      [`{"albatrossd":["/p.js"]}`, /number 1 of albatrossd is no object/],
      [`{"albatrossd":[{"file":"p.js"}]}`, /has no absolute path as file/],
      [`{"albatrossd":[{"file":"/p.js","options":[]}]}`, /the options of number 1 of albatrossd are no object/],
      [`{"albatrossd":[{"file":"/p.js","option":{}}]}`, /has an unknown option/],
    ];
    for (const [text, reason] of cases) assert.throws(() => parseSettings(text, "albatrossd"), reason, text);
  });

  it("need not be there, but must be trusted", () => {
    using folder = new PluginFolder();
    assert.deepEqual(readSettings(join(folder.path, "plugins.json"), "albatrossd"), []);
    const file = folder.write("plugins.json", JSON.stringify({ albatrossd: [entry] }));
    assert.deepEqual(readSettings(file, "albatrossd"), [entry]);
    chmodSync(file, 0o664);
    assert.throws(
      () => readSettings(file, "albatrossd"),
      /^Error: Cannot take the plugins of .*chmod go-w .*None of them is loaded$/,
    );
  });
});
