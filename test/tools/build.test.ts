/** What `npm run build` gives. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { VERSION } from "../../core/version.ts";
import { build, EXECUTABLE_MAX } from "../../tools/build.ts";
import { linkedRoles } from "../../tools/roles.ts";
import { checkIntegrity, runtimeFor } from "../../tools/runtimes.ts";
import { sourceDigest } from "../../tools/source-digest.ts";

const root = join(import.meta.dirname, "..", "..");

describe("the executable", { skip: process.versions.bun === undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-build-"));
  const executable = join(folder, "first", "albatross");
  const digest = sourceDigest(root);
  const line = `version ${VERSION} protocol version 5\n`;
  before(() => void build(join(folder, "first")));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("is the same, byte for byte, when it is built again elsewhere", () => {
    build(join(folder, "second", "deeper"));
    assert.ok(readFileSync(executable).equals(readFileSync(join(folder, "second", "deeper", "albatross"))));
  });

  it(`has fewer than ${EXECUTABLE_MAX} bytes`, () => {
    assert.ok(statSync(executable).size < EXECUTABLE_MAX, String(statSync(executable).size));
  });

  it("leaves nothing beside itself but the links of its roles", () => {
    assert.deepEqual(readdirSync(join(folder, "first")).sort(), ["albatross", ...linkedRoles].sort());
  });

  it("has all links at any time while two builds make them", async () => {
    const links = join(folder, "links");
    mkdirSync(links);
    const module = JSON.stringify(join(root, "tools/build.ts"));
    const script = `import { makeLinks } from ${module}; for (let i = 0; i < 300; i++) makeLinks(${JSON.stringify(links)});`;
    const builds = [1, 2].map(() => spawn(process.execPath, ["-e", script], { stdio: "inherit" }));
    assert.deepEqual(await Promise.all(builds.map(async (child) => (await once(child, "exit"))[0])), [0, 0]);
    assert.deepEqual(readdirSync(links).sort(), [...linkedRoles].sort());
  });

  it("tells version and protocol version in every role, and its build when asked for more", () => {
    assert.equal(execFileSync(executable, ["--version"], { encoding: "utf8" }), `${line}build ${digest}\n`);
    for (const role of linkedRoles) {
      const tell = (...words: readonly string[]) =>
        execFileSync(join(folder, "first", role), words, { encoding: "utf8" });
      assert.equal(tell("--version"), line, role);
      assert.equal(tell("--version", "-v"), `${line}build ${digest}\n`, role);
      assert.equal(tell("--verbose", "--version"), `${line}build ${digest}\n`, role);
    }
  });

  it("runs no code and takes no variables of the directory it is started in", () => {
    const hostile = join(folder, "hostile");
    mkdirSync(hostile);
    const proof = join(hostile, "proof");
    const evil = `require("node:fs").writeFileSync(${JSON.stringify(proof)}, ""); console.log("injected");`;
    const files = {
      "evil.js": evil,
      "bunfig.toml": `preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n[test]\npreload = ["./evil.js"]\n`,
      ".bunfig.toml": `preload = ["./evil.js"]\n`,
      ".env": `BUN_OPTIONS=--preload=./evil.js\nNODE_OPTIONS=--require=./evil.js\nNO_COLOR=1\nALBATROSS_SEEN=1\nPATH=${hostile}\n`,
      ".env.production": "ALBATROSS_SEEN=1\n",
      ".env.local": "ALBATROSS_SEEN=1\n",
      "package.json": `{"main":"./evil.js","preload":["./evil.js"],"bun":{"preload":["./evil.js"]},"imports":{"#x":"./evil.js"},"exports":"./evil.js"}`,
      "tsconfig.json": `{"compilerOptions":{"paths":{"*":["./evil.js"],"node:fs":["./evil.js"]}}}`,
      "index.js": evil,
      "main.ts": evil,
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(hostile, name), text);
    // A plugin that looks at what it finds, and shows that code can be run at all.
    const plugin = join(folder, "plugin.js");
    const seen = join(folder, "seen");
    const looking = `require("node:fs").writeFileSync(${JSON.stringify(seen)}, String(process.env.ALBATROSS_SEEN) + process.env.PATH)`;
    writeFileSync(plugin, `${looking};\nmodule.exports = undefined;`, { mode: 0o644 });
    for (const [role, ...words] of [
      ["albatross-client", "--version"],
      ["albatross-client", "info", "--tmpdir=."],
      ["albatross-console", "--tmpdir=/nonexistent"],
      ["albatrossd", "--tmpdir=/nonexistent"],
      ["albatross-log", "--read-only", `--logfile=${join(folder, "log")}`, `--plugin=${plugin}`],
    ] as const) {
      const file = join(folder, "first", role);
      const { stdout, stderr } = spawnSync(file, words, {
        cwd: hostile,
        encoding: "utf8",
        timeout: 30_000,
        env: { PATH: "/bin" },
      });
      assert.doesNotMatch(stdout + stderr, /injected/, role);
      assert.equal(existsSync(proof), false, role);
    }
    assert.equal(readFileSync(seen, "utf8"), "undefined/bin");
  });
});

describe("the executable, with a large plugin,", { skip: process.versions.bun === undefined }, () => {
  it("neither takes a translation of it from a folder of the environment, nor leaves one there", () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-cache-"));
    try {
      build(join(folder, "dist"));
      const plugin = join(folder, "plugin.ts");
      const size = 100_000; // Bun keeps no translations of small files
      writeFileSync(
        plugin,
        `console.log("run" as string);\n// ${"x".repeat(size)}\nexport const y = "${"y".repeat(size)}";`,
        {
          mode: 0o644,
        },
      );
      const env = { PATH: "/bin", HOME: join(folder, "home"), XDG_CACHE_HOME: join(folder, "cache") };
      const words = ["--read-only", `--logfile=${join(folder, "log")}`, `--plugin=${plugin}`];
      const { stdout } = spawnSync(join(folder, "dist", "albatross-log"), words, {
        env,
        encoding: "utf8",
        timeout: 30_000,
      });
      assert.match(stdout, /^run$/m);
      assert.deepEqual(
        ["home", "cache"].filter((name) => existsSync(join(folder, name))),
        [],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the digest of the sources", () => {
  it("depends on each byte and name, and on nothing else", () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-digest-"));
    try {
      for (const part of ["backends", "cli", "client", "core", "daemon", "host", "pki", "plugins", "runtime"]) {
        cpSync(join(root, part), join(folder, part), { recursive: true });
      }
      mkdirSync(join(folder, "tools"));
      for (const file of ["main.ts", "tools/build.ts", "package-lock.json"])
        cpSync(join(root, file), join(folder, file));
      assert.equal(sourceDigest(folder), sourceDigest(root));
      writeFileSync(join(folder, "core", "notes.txt"), "no source");
      assert.equal(sourceDigest(folder), sourceDigest(root));
      writeFileSync(join(folder, "core", "another.ts"), "");
      assert.notEqual(sourceDigest(folder), sourceDigest(root));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the runtimes of other systems", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-runtimes-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("must have the pinned digest", () => {
    const bytes = Buffer.from("runtime");
    const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    checkIntegrity(bytes, integrity);
    assert.throws(
      () => checkIntegrity(Buffer.from("runtimf"), integrity),
      /its sha512 is .*, but package-lock\.json has/,
    );
  });

  it("are missed without npm's registry, in words that say so, and nothing is left", () => {
    const environment = { ...process.env, npm_config_registry: "http://127.0.0.1:9/", npm_config_fetch_retries: "0" };
    const cache = join(folder, "cache");
    assert.throws(() => runtimeFor("freebsd-x64", { cache, environment }), {
      message:
        /^Cannot get the runtime @oven\/bun-freebsd-x64@[\d.]+: npm pack failed: .*The first build needs npm's registry$/s,
    });
    assert.deepEqual(readdirSync(cache), []);
  });

  it("are taken from where they are kept, without asking anybody", () => {
    const cache = join(folder, "kept");
    const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { version: string }>;
    };
    mkdirSync(cache);
    const kept = join(cache, `linux-arm64-${packages["node_modules/@oven/bun-linux-aarch64"]?.version}`);
    writeFileSync(kept, "runtime");
    assert.equal(runtimeFor("linux-arm64", { cache, environment: { PATH: "/nonexistent" } }), kept);
  });
});
