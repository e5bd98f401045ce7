/**
 * Builds the test unikernels from their sources here, with gcc and ld alone (solo5-abi.md 12).
 *
 * What was once built is kept below the system's directory for temporary files under the hash of everything it came
 * from, so that a whole test run compiles once and tests running at the same time do not disturb each other.
 *
 * @module
 */
import { execFile, spawnSync } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The Solo5 targets these unikernels are built for. */
export type UnikernelTarget = "hvt" | "spt";

const run = promisify(execFile);
const sources = fileURLToPath(new URL(".", import.meta.url));

/** Longest time for one compiler or linker run, milliseconds. */
const BUILD_TIMEOUT_MS = 60_000;

const compilerFlags = [
  ..."-std=gnu11 -Wall -Wextra -Wno-unused-function -O2 -c -nostdlib -ffreestanding".split(" "),
  ..."-fno-pic -fno-pie -mno-red-zone -mcmodel=small -fno-stack-protector -fcf-protection=none".split(" "),
  "-fno-asynchronous-unwind-tables",
  "-fno-tree-loop-distribute-patterns", // our memset must not become a call of itself
];
const linkerFlags = "-static -nostdlib -s --build-id=none -z max-page-size=4096 -T unikernel.lds".split(" ");

/** What is missing to build unikernels here, as a reason to skip a test; `undefined` if they can be built. */
export function unikernelToolchainMissing(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") return "test unikernels are for Linux on x86_64";
  for (const tool of ["gcc", "ld"]) {
    if (spawnSync(tool, ["--version"], { stdio: "ignore" }).status !== 0) return `${tool} is not installed`;
  }
  return undefined;
}

/**
 * Builds all test unikernels and puts them into `outDir` as `<name>.<target>`.
 *
 * @returns their paths by name: `hello`, `exit-code`, `net-echo`, …
 * @throws Error with the compiler's output if one does not build
 */
export async function buildUnikernels(
  outDir: string,
  { target = "hvt" }: { readonly target?: UnikernelTarget } = {},
): Promise<Record<UnikernelName, string>> {
  const cache = await buildInCache(target);
  await mkdir(outDir, { recursive: true });
  const paths: Partial<Record<UnikernelName, string>> = {};
  for (const name of unikernelNames) {
    const path = join(outDir, `${name}.${target}`);
    const draft = `${path}.${randomUUID()}`;
    await copyFile(join(cache, name), draft);
    await rename(draft, path); // a test that runs the old one meanwhile keeps it
    paths[name] = path;
  }
  return paths as Record<UnikernelName, string>;
}

/** The names of the test unikernels; each has a source of that name here that says what it does. */
export const unikernelNames = [
  "abort",
  "args",
  "bench",
  "block-check",
  "block-hold",
  "clock",
  "crash",
  "exit-code",
  "flood",
  "hello",
  "net-echo",
  "net2",
  "odd-lines",
  "spin",
  "sse",
  "ticker",
  "two-devices",
] as const;

/** A test unikernel. */
export type UnikernelName = (typeof unikernelNames)[number];

async function buildInCache(target: UnikernelTarget): Promise<string> {
  const cache = join(tmpdir(), `albatross-unikernels-${process.getuid?.() ?? 0}-${await fingerprint(target)}`);
  if (await exists(cache)) return cache;
  const draft = await mkdtemp(`${cache}-`);
  try {
    for (const name of unikernelNames) await buildOne(name, target, draft);
    // Whoever is first provides it for all; the others find it there and have built for nothing.
    await rename(draft, cache).catch(async (error: unknown) => {
      if (!(await exists(cache))) throw error;
    });
    return cache;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function buildOne(name: UnikernelName, target: UnikernelTarget, into: string): Promise<void> {
  const object = join(into, `${name}.o`);
  // Nested KVM on some hosts cannot run guests that use SSE; one unikernel does so on purpose.
  const registers = name === "sse" ? "-msse2" : "-mgeneral-regs-only";
  const options = { cwd: sources, timeout: BUILD_TIMEOUT_MS };
  await run("gcc", [...compilerFlags, registers, `-D${target.toUpperCase()}`, `${name}.c`, "-o", object], options);
  await run("ld", [...linkerFlags, object, "-o", join(into, name)], options);
  await rm(object);
}

async function fingerprint(target: UnikernelTarget): Promise<string> {
  const hash = createHash("sha256").update(target);
  for (const file of (await readdir(sources)).sort()) {
    if (/\.(c|h|lds)$/.test(file) || file === "build.ts") hash.update(file).update(await readFile(join(sources, file)));
  }
  for (const tool of ["gcc", "ld"]) hash.update((await run(tool, ["--version"])).stdout);
  return hash.digest("hex").slice(0, 24);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
