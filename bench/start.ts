/**
 * How long the client takes from start to end: `bun bench/start.ts [runs]`, after `npm run build`.
 *
 * Compiles an empty program and the client with the same flags, runs them in turn, and prints medians and ratios, so
 * that the load of the machine cancels out. From afar, a real endpoint and albatrossd answer, and the client makes a
 * certificate for the command first.
 *
 * @module
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Name } from "../core/name.ts";
import { encodeFrame } from "../core/wire/message-codec.ts";
import { EndpointRig, policyExtension } from "../test/daemon/tls-endpoint/endpoint-rig.ts";
import { compileFlags } from "../tools/build.ts";

function compile(directory: string, name: string, source: string): string {
  const entry = join(directory, `${name}.ts`);
  const program = join(directory, name);
  writeFileSync(entry, source);
  const done = spawnSync(process.execPath, ["build", ...compileFlags(), entry, "--outfile", program], {
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`Cannot compile ${name}: ${done.stderr}`);
  return program;
}

/** Milliseconds from start to end of a program. */
async function time(program: string, args: readonly string[]): Promise<number> {
  const begin = performance.now();
  const child = spawn(program, args, { stdio: "ignore" });
  const status = await new Promise((resolve) => child.on("exit", resolve));
  const taken = performance.now() - begin;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}`);
  return taken;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const runs = Number(process.argv[2] ?? 50);
const directory = mkdtempSync(join(tmpdir(), "albatross-bench-"));
mkdirSync(join(directory, "util"));
const reply = encodeFrame({
  header: { sequence: 0n, name: Name.root },
  payload: { kind: "success", success: { kind: "unikernels", unikernels: [] } },
});
const server = createServer((socket) => socket.once("data", () => socket.end(reply)));
process.env["ALBATROSS_PROGRAMS"] ??= join(import.meta.dirname, "..", "dist"); // for the endpoint
const rig = new EndpointRig();

/** Starts an endpoint; gives the arguments of a client with an authority below the root. */
async function fromAfar(): Promise<readonly string[]> {
  await rig.machine.start();
  await rig.start();
  const user = rig.root.delegate("user", policyExtension());
  const [certificate, key] = [rig.file("user.pem"), rig.file("user.key")];
  writeFileSync(certificate, user.pem);
  writeFileSync(key, user.keyPem);
  const server = [`--server-ca=${rig.file("cacert.pem")}`, `--destination=127.0.0.1:${rig.port}`];
  return [`--ca=${certificate}`, `--ca-key=${key}`, ...server];
}

try {
  const main = JSON.stringify(join(import.meta.dirname, "../cli/main.ts"));
  const empty = compile(directory, "empty", "export {};\n");
  const client = compile(
    directory,
    "client",
    `import { run } from ${main};\nprocess.exit(await run(process.argv.slice(2), "albatross-client"));\n`,
  );
  await new Promise<void>((resolve) => server.listen(join(directory, "util/vmmd.sock"), resolve));
  const candidates = [
    { name: "empty program", program: empty, args: [] },
    { name: "--version", program: client, args: ["--version"] },
    { name: "info", program: client, args: ["info", `--tmpdir=${directory}`] },
    { name: "info over TLS", program: client, args: ["info", ...(await fromAfar())] },
  ].map((candidate) => ({ ...candidate, times: [] as number[] }));
  for (let run = -3; run < runs; run++) {
    for (const { program, args, times } of candidates) {
      const taken = await time(program, args);
      if (run >= 0) times.push(taken);
    }
  }
  const base = median(candidates[0]?.times ?? []);
  for (const { name, times } of candidates) {
    const middle = median(times);
    const fastest = Math.min(...times);
    console.log(
      `${name.padEnd(15)}median ${middle.toFixed(1)} ms  fastest ${fastest.toFixed(1)} ms  ratio ${(middle / base).toFixed(2)}`,
    );
  }
} finally {
  server.close();
  await rig.close();
  rmSync(directory, { recursive: true });
}
