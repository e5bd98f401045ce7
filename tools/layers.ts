/**
 * The layers of the house: who may import whom, and where a runtime may be named.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const importPattern = /(?:from|import)\s*\(?\s*"([^"]+)"/g;
const runtimePattern = /(?<![\w."'])(?:Bun|Deno)\.[a-zA-Z]|"bun:/;
const impurePattern = /Date\.now\(|Math\.random\(|performance\.now\(|new Date\(\)|\bprocess\.|\bconsole\.\w+\(/;

/** Which layers each layer may import, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtime: ["core"],
  pki: ["core"],
  client: ["core", "pki", "runtime", "backends"], // of the backends: what images are and need
  host: ["core", "pki", "runtime"],
  backends: ["core", "pki", "runtime", "host"],
  plugins: ["core", "pki", "runtime", "host", "backends", "client"],
  daemon: ["core", "pki", "runtime", "host", "backends", "client", "plugins"],
  cli: ["core", "pki", "runtime", "host", "backends", "client", "plugins"],
};

/** The entry points, which may import everything. */
const entries = ["main.ts", "mod.ts"];

function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(importPattern)].map(([, specifier = ""]) =>
    specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : specifier,
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string[] | undefined => {
    const at = trail.indexOf(file);
    if (at >= 0) return [...trail.slice(at), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const circle = walk(next, [...trail, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = walk(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/**
 * Every violation of the layers among `files`, as a line each.
 *
 * @param files paths relative to `root`
 */
export function checkLayers(root: string, files: readonly string[]): string[] {
  const problems: string[] = [];
  const graph = new Map<string, readonly string[]>();
  for (const file of files) {
    const layer = file.split("/")[0] ?? "";
    const rules = allowed[layer];
    if (rules === undefined && !entries.includes(file)) continue; // tests, tools, benchmarks: outside the house
    const text = withoutComments(readFileSync(join(root, file), "utf8"));
    const imports = importsOf(file, text);
    graph.set(
      file,
      imports.filter((target) => target.endsWith(".ts") && !target.startsWith("..")),
    );
    if (layer !== "runtime" && runtimePattern.test(text)) problems.push(`${file}: names a runtime outside runtime/`);
    if ((layer === "core" || layer === "pki") && impurePattern.test(text)) {
      problems.push(`${file}: reaches for the clock, chance or the process; they are passed in`);
    }
    if (rules === undefined) continue;
    for (const target of imports) {
      const targetLayer = target.split("/")[0] ?? "";
      if (layer === "core" && (!target.endsWith(".ts") || targetLayer !== "core")) {
        problems.push(`${file}: core imports ${target}`);
      } else if (target.endsWith(".ts") && targetLayer !== layer && !rules.includes(targetLayer)) {
        problems.push(`${file}: ${layer} may not import ${target}`);
      }
    }
  }
  const circle = findCircle(graph);
  if (circle !== undefined) problems.push(`imports go in a circle: ${circle.join(" -> ")}`);
  return problems;
}
