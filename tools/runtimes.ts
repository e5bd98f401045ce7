/**
 * The runtimes of other systems, for `npm run build -- --all`: packages of npm, of the version and with the digest that
 * `package-lock.json` has, fetched once and kept.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** Milliseconds that npm may take for one runtime. */
const FETCH_TIMEOUT_MS = 300_000;

/** The systems besides this one: the compiler's name of each, and the package of its runtime. */
export const targets = {
  "linux-x64": "@oven/bun-linux-x64",
  "linux-arm64": "@oven/bun-linux-aarch64",
  "linux-x64-musl": "@oven/bun-linux-x64-musl",
  "linux-arm64-musl": "@oven/bun-linux-aarch64-musl",
  "freebsd-x64": "@oven/bun-freebsd-x64",
} as const;

export type Target = keyof typeof targets;

/** What npm is told to do here; another registry in tests. */
export interface FetchOptions {
  /** Where runtimes are kept. */
  readonly cache?: string;
  readonly environment?: NodeJS.ProcessEnv;
}

interface Pinned {
  readonly version: string;
  readonly integrity: string;
}

function pinned(name: string): Pinned {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    readonly packages: Readonly<Record<string, Partial<Pinned>>>;
  };
  const { version, integrity } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined) throw new Error(`package-lock.json does not pin ${name}`);
  return { version, integrity };
}

function run(command: string, args: readonly string[], options: object): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", ...options });
  if (status === 0) return stdout;
  throw new Error(`${command} ${args[0]} failed: ${error?.message ?? stderr.trim().split("\n").slice(0, 3).join(" ")}`);
}

/** Refuses a package with another digest than the pinned one. */
export function checkIntegrity(bytes: Uint8Array, integrity: string): void {
  const [algorithm = "", wanted] = integrity.split(/-(.*)/s);
  const found = createHash(algorithm).update(bytes).digest("base64");
  if (found !== wanted) throw new Error(`its ${algorithm} is ${found}, but package-lock.json has ${wanted}`);
}

/**
 * The runtime for a target, as a file. Needs npm's registry the first time only.
 *
 * @throws if it is not there and cannot be fetched, or is not what is pinned
 */
export function runtimeFor(target: Target, options: FetchOptions = {}): string {
  const { cache = join(root, "node_modules", ".cache", "albatross-runtimes"), environment = process.env } = options;
  const name = targets[target];
  const { version, integrity } = pinned(name);
  const kept = join(cache, `${target}-${version}`);
  if (existsSync(kept)) return kept;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, ".fetch-"));
  try {
    const packing = ["pack", "--loglevel=error", `${name}@${version}`, "--pack-destination", work];
    run("npm", packing, { cwd: work, env: environment, timeout: FETCH_TIMEOUT_MS });
    const [archive = ""] = readdirSync(work).filter((file) => file.endsWith(".tgz"));
    checkIntegrity(readFileSync(join(work, archive)), integrity);
    run("tar", ["-xzf", archive, "package/bin"], { cwd: work });
    const [program = ""] = readdirSync(join(work, "package", "bin"));
    chmodSync(join(work, "package", "bin", program), 0o755);
    renameSync(join(work, "package", "bin", program), kept);
    return kept;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot get the runtime ${name}@${version}: ${reason}. The first build needs npm's registry`, {
      cause,
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
