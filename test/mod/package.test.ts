/** What is packed can be installed and used by another project, on Bun and on Deno. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { images, Machine } from "../end-to-end/harness.ts";
import { root } from "./documentation.ts";

const machine = new Machine();
const project = mkdtempSync(join(tmpdir(), "albatross-consumer-"));

const script = `
import { ClientError, connect, generateAuthority, makeRequest, signRequest } from "albatross";
import { PLUGIN_API_VERSION } from "albatross/plugin";

const albatross = await connect({ tmpdir: process.argv[2] ?? "" });
await albatross.create("web", { image: "ticker.hvt", memoryMb: 16 });
for await (const { text } of albatross.console("web")) if (text.includes("tick")) break;
const [web] = await albatross.info("web");
await albatross.destroy("web");
const root = await generateAuthority({ name: "ca" });
const { request } = await makeRequest((host) => host.destroy("web"));
const { command } = await signRequest({ ca: root.certificate, caKey: root.key }, request);
try {
  await albatross.destroy("web");
} catch (error) {
  if (!(error instanceof ClientError)) throw error;
  console.log(web?.name.text, Number(web?.memoryMb), command, error.code, PLUGIN_API_VERSION);
}
`;

before(async () => {
  writeFileSync(join(project, "ticker.hvt"), (await images()).ticker);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "consumer", type: "module" }));
  writeFileSync(join(project, "deploy.ts"), script);
  const environment = {
    ...process.env,
    PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"]}`,
    npm_config_update_notifier: "false", // it would ask the network
  };
  const packed = execFileSync("npm", ["pack", "--silent", `--pack-destination=${project}`], {
    cwd: root,
    env: environment,
    encoding: "utf8",
    timeout: 60_000,
  });
  const modules = join(project, "node_modules");
  mkdirSync(join(modules, "albatross"), { recursive: true });
  const archive = join(project, packed.trim().split("\n").at(-1) ?? "");
  execFileSync("tar", ["-xzf", archive, "--strip-components=1", "-C", join(modules, "albatross")]);
  // Its dependencies, as an installation would put them beside it.
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  await machine.start();
});
after(async () => {
  await machine.close();
  rmSync(project, { recursive: true, force: true });
});

describe("the packed module", () => {
  it("runs in another project", () => {
    const runtime =
      "Deno" in globalThis ? ["run", "-A", "--quiet", "--no-check", "--node-modules-dir=manual"] : ["run"];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...runtime, "deploy.ts", machine.tmpdir], {
      cwd: project,
      env: { PATH: process.env["PATH"] ?? "", HOME: project, NO_COLOR: "1" },
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.equal(stderr, "");
    assert.equal(stdout, ":web 16 destroy refused 1\n");
    assert.equal(status, 0);
  });

  for (const resolution of ["bundler", "nodenext"]) {
    it(`has declarations that a strict compiler takes, with resolution ${resolution}`, () => {
      const compilerOptions = {
        target: "esnext",
        module: resolution === "bundler" ? "esnext" : "nodenext",
        moduleResolution: resolution,
        lib: ["esnext", "dom"],
        types: ["node"],
        strict: true,
        exactOptionalPropertyTypes: true,
        noEmit: true,
      };
      writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
      const { stdout, status } = spawnSync(join(root, "node_modules/.bin/tsc"), ["-p", project], {
        encoding: "utf8",
        timeout: 60_000,
      });
      assert.equal(stdout, "");
      assert.equal(status, 0);
    });
  }

  it("has nothing but the module, its declarations, and what is about it", () => {
    const packed = readdirSync(join(project, "node_modules", "albatross"), { recursive: true, encoding: "utf8" });
    const files = packed.filter((file) => /\.\w+$/.test(file) || file === "LICENSE");
    const strange = files.filter((file) => !/^dist\/module\/.*\.(?:d\.ts|js)$/.test(file));
    assert.deepEqual(strange.sort(), ["CHANGES.md", "LICENSE", "README.md", "package.json"]);
  });
});
