/**
 * Deploys an image from a pipeline to a remote host. Run again with the same image, it changes nothing.
 *
 * ```
 * bun deploy-from-ci.ts web web.hvt --memory=64 --net=service:br0 --arg=--port=80
 * deno run -A deploy-from-ci.ts …
 * ```
 *
 * The pipeline keeps in its secrets `ALBATROSS_CA` and `ALBATROSS_CA_KEY`, the certificate of a delegation with its key,
 * and gives `ALBATROSS_HOST`, `ALBATROSS_SERVER_CA` and possibly `ALBATROSS_PORT`, `ALBATROSS_SERVER_NAME` and
 * `ALBATROSS_SERVER_KEY`. Certificates and keys are PEM, or paths of files.
 *
 * Exit status: 0 if the image runs, 115 if it was started but ended soon, otherwise that of `albatross-client`: 117 if the
 * host has refused, 119 if it does not know the certificate, 122 if it cannot be reached, 124 for wrong arguments.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Albatross, ClientError, type CreateOptions, connect, type Unikernel } from "albatross";

const EXIT_ENDED_SOON = 115;
const EXIT_USAGE = 124;

/** After this time a unikernel is taken to run: milliseconds. */
const SETTLED_MS = 2_000;

/** A variable of the environment that must be there. */
function needed(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new TypeError(`the environment variable ${name} is missing`);
  return value;
}

function readArguments(): { readonly name: string; readonly path: string; readonly options: CreateOptions } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      memory: { type: "string", default: "32" },
      net: { type: "string", multiple: true, default: [] },
      arg: { type: "string", multiple: true, default: [] },
    },
  });
  const [name, path, ...more] = positionals;
  if (name === undefined || path === undefined || more.length > 0) throw new TypeError("NAME and IMAGE are needed");
  const networks = values.net.map((net) => {
    const [device = "", bridge] = net.split(":");
    return { name: device, bridge };
  });
  const settings = { memoryMb: Number(values.memory), networks, restartOnFail: true };
  return { name, path, options: values.arg.length === 0 ? settings : { ...settings, arguments: values.arg } };
}

/** Whether what runs is what is to be deployed. */
function same(running: Unikernel | undefined, digest: string, options: CreateOptions): boolean {
  return (
    running !== undefined &&
    running.digest === digest &&
    running.memoryMb === options.memoryMb &&
    JSON.stringify(running.arguments ?? []) === JSON.stringify(options.arguments ?? []) &&
    JSON.stringify(running.networks.map(({ name, bridge }) => [name, bridge])) ===
      JSON.stringify(options.networks?.map(({ name, bridge = name }) => [name, bridge]))
  );
}

/** Whether a unikernel still is in its first life after a while. */
async function settles(albatross: Albatross, name: string): Promise<boolean> {
  const [first] = await albatross.info(name);
  await sleep(SETTLED_MS);
  const [later] = await albatross.info(name);
  return first !== undefined && later !== undefined && first.started.getTime() === later.started.getTime();
}

async function deploy(): Promise<number> {
  const { name, path, options } = readArguments();
  const port = process.env["ALBATROSS_PORT"];
  const albatross = await connect({
    remote: {
      host: needed("ALBATROSS_HOST"),
      port: port === undefined ? undefined : Number(port),
      ca: needed("ALBATROSS_CA"),
      caKey: needed("ALBATROSS_CA_KEY"),
      serverCa: needed("ALBATROSS_SERVER_CA"),
      serverName: process.env["ALBATROSS_SERVER_NAME"],
      serverKey: process.env["ALBATROSS_SERVER_KEY"],
    },
  });
  const image = await readFile(path);
  const digest = createHash("sha256").update(image).digest("hex");
  const [running] = await albatross.info(name);
  if (same(running, digest, options)) {
    console.log(`${name} runs ${digest} already`);
    return 0;
  }
  const { present } = await albatross.create(name, { ...options, image, force: true });
  console.log(`${name} was started with ${digest}${present ? ", which the host had already" : ""}`);
  if (await settles(albatross, name)) return 0;
  console.error(`${name} has ended soon after its start: see albatross-client console ${name}`);
  return EXIT_ENDED_SOON;
}

try {
  process.exitCode = await deploy();
} catch (error) {
  if (!(error instanceof Error)) throw error;
  console.error(`Cannot deploy: ${error.message}`);
  process.exitCode = error instanceof ClientError ? error.exitStatus : EXIT_USAGE;
}
