/**
 * `npm run build:module`: what other projects import, in `dist/module`: JavaScript, since Deno runs no TypeScript of
 * packages, and declarations of what the entries show.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const root = join(import.meta.dirname, "..");
const folder = join(root, "dist", "module");

/** The modules that package.json exports. */
const entries = ["mod.ts", "plugins/plugin.ts", "conformance/backend.ts"];

function run(program: string, words: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, words, { cwd: root, encoding: "utf8" });
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}`);
  throw new Error("Cannot build the module: the messages of the compiler are above");
}

/** Declarations of everything; then only what can be reached from the entries is kept. */
function declare(): void {
  const all = join(root, "dist", ".declarations");
  const settings = join(root, "dist", ".declarations.json");
  rmSync(all, { recursive: true, force: true });
  const emit = { noEmit: false, declaration: true, emitDeclarationOnly: true, stripInternal: true };
  const compilerOptions = { ...emit, rootDir: root, outDir: all };
  const files = entries.map((entry) => join(root, entry));
  writeFileSync(
    settings,
    JSON.stringify({ extends: join(root, "tsconfig.json"), compilerOptions, include: [], files }),
  );
  try {
    run(join(root, "node_modules", ".bin", "tsc"), ["-p", settings]);
    const wanted = new Set(entries);
    for (const file of wanted) {
      const name = file.replace(/\.ts$/, ".d.ts");
      // A specifier that ends in .js leads to the declaration beside it under every setting of a compiler.
      const text = readFileSync(join(all, name), "utf8").replaceAll(
        /((?:from|import\()\s*")(\.[^"]+)\.ts"/g,
        (_, before: string, path: string) => {
          wanted.add(normalize(join(dirname(file), `${path}.ts`)));
          return `${before}${path}.js"`;
        },
      );
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
  } finally {
    rmSync(all, { recursive: true, force: true });
    rmSync(settings, { force: true });
  }
}

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const external = ["@peculiar/x509", "reflect-metadata"].map((name) => `--external=${name}`);
run("bun", ["build", ...entries, "--splitting", "--target=node", "--format=esm", ...external, "--outdir", folder]);
declare();
