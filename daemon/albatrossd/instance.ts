/**
 * Preparing, starting and cleaning up one process of one unikernel.
 *
 * @module
 */
import { closeSync, rmSync, symlinkSync } from "node:fs";
import { constants } from "node:os";
import { basename } from "node:path";
import type { Backend, BackendHost, Launcher, LaunchRequest } from "../../backends/backend.ts";
import { BackendRefusal } from "../../backends/backend.ts";
import { chooseBackend } from "../../backends/builtin.ts";
import { ImageError, inspectImage } from "../../backends/image.ts";
import { openImageFile } from "../../backends/image-file.ts";
import type { Run, UnikernelSpec } from "../../core/engine/state.ts";
import { deriveMac } from "../../core/mac.ts";
import type { Name } from "../../core/name.ts";
import { blockFile, fifoFile, imageFile } from "../../core/paths.ts";
import { blockNameOf, bridgeOf } from "../../core/resources.ts";
import type { MacAddress, NetworkDevice } from "../../core/unikernel.ts";
import { zvolOf } from "../../core/zvol.ts";
import { makeFifo, openConsoleFifo } from "../../host/fifo.ts";
import type { HostNetwork } from "../../host/network.ts";
import { HostNetworkError } from "../../host/network.ts";
import { identify, type ProcessIdentity } from "../../host/process-identity.ts";
import { randomHex } from "../../host/random-hex.ts";
import { lateCrypto } from "../../runtime/late-modules.ts";
import type { ChildProcess } from "../../runtime/process.ts";
import { KILL_TIMEOUT_MS } from "./end-process.ts";
import type { ImageStore } from "./images.ts";
import { endsWithin, ownProcess, signalChild } from "./process-handle.ts";
import { Undo } from "./undo.ts";

/** Environment variable by which a process is known to be albatrossd's: `<store id>/<instance>/<name>`. */
export const MARK = "ALBATROSS_UNIKERNEL";

/** The longest name of a file, in bytes: NAME_MAX of the file systems in use. */
export const FILE_NAME_MAX = 255;

/** A unikernel that cannot be started. `message` is for the client. */
export class StartError extends Error {
  override readonly name = "StartError";
}

/** What instances are made with. */
export interface InstanceHost {
  readonly temporaryDirectory: string;
  readonly databaseDirectory: string;
  readonly storeId: string;
  readonly backends: readonly Backend[];
  readonly backendHost: BackendHost;
  readonly network: HostNetwork;
  readonly images: ImageStore;
  /** The path whose unikernels may use ZFS volumes. */
  readonly zvolPath?: Name | undefined;
  /** Whether `--name=` gets the full name instead of the label. */
  readonly fullName: boolean;
  readonly now: () => number;
  /** Whether the console daemon can be asked at once. */
  readonly consoleIsThere: () => boolean;
  /** Has the console daemon read the unikernel's fifo. */
  readonly addConsole: (name: Name) => Promise<void>;
}

/** A started process. */
export interface Started {
  readonly run: Run;
  readonly child: ChildProcess;
}

const md5 = (bytes: Uint8Array): Uint8Array => lateCrypto().createHash("md5").update(bytes).digest();

/** The MAC address of a network device: the given one, or the derived one (wire.md 16). */
export function macOf(name: Name, network: NetworkDevice): MacAddress {
  return network.mac ?? deriveMac(network.name, name, md5);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A deep path of long labels is a valid name, but the files of a unikernel are named after it. */
function requireFileName(name: Name): void {
  const length = basename(imageFile("", name)).length; // names are ASCII
  if (length <= FILE_NAME_MAX) return;
  throw new StartError(
    `Cannot create a unikernel with a name of ${name.text.length} characters: the most is ${FILE_NAME_MAX - (length - name.text.length)}, since its files are named after it. Use shorter or fewer labels`,
  );
}

/**
 * Finds everything that would make a start fail and can be known before anything is touched: the name, the image, its
 * devices, the tender, the bridges.
 *
 * @throws {StartError} with the text for the client
 */
export async function check(host: InstanceHost, name: Name, spec: UnikernelSpec): Promise<Launcher> {
  try {
    requireFileName(name);
    const imageFile = spec.image === undefined ? undefined : host.images.pathOf(spec.image.sha256);
    const image = imageFile === undefined || spec.type !== "solo5" ? undefined : describeImage(imageFile);
    const backend = chooseBackend(host.backends, spec.type, image);
    requireImage(backend, imageFile);
    const request = { arguments: spec.arguments, image, imageFile, nameArgument: nameArgument(host, name, spec) };
    const launcher = await backend.check(request, host.backendHost);
    for (const network of spec.arguments.networks) host.network.checkBridge(bridgeOf(network));
    return launcher;
  } catch (error) {
    if (error instanceof StartError) throw error;
    if (error instanceof ImageError || error instanceof BackendRefusal || error instanceof HostNetworkError) {
      throw new StartError(error.message, { cause: error });
    }
    throw new StartError(`cannot prepare the unikernel: ${reason(error)}`, { cause: error });
  }
}

function requireImage({ name, images }: Backend, imageFile: string | undefined): void {
  if (images === "required" && imageFile === undefined) {
    throw new StartError(`Cannot run this by ${name}: there is no image, and it boots from one. Give an image file`);
  }
  if (images === "none" && imageFile !== undefined) {
    throw new StartError(`Cannot run this by ${name}: it takes no image. Give /dev/null in its place`);
  }
}

function describeImage(path: string): ReturnType<typeof inspectImage> {
  const file = openImageFile(path);
  try {
    return inspectImage(file);
  } finally {
    file.close();
  }
}

function linkImage(host: InstanceHost, name: Name, sha256: string, undo: Undo): string {
  const link = imageFile(host.temporaryDirectory, name);
  rmSync(link, { force: true }); // a leftover of a crash
  symlinkSync(host.images.pathOf(sha256), link);
  undo.push(() => rmSync(link, { force: true }));
  return link;
}

async function createTaps(host: InstanceHost, name: Name, spec: UnikernelSpec, undo: Undo): Promise<Run["taps"]> {
  const { networks } = spec.arguments;
  if (networks.length === 0) return [];
  const taps = await host.network.createTaps(networks.map(bridgeOf), { alias: `albatross:${host.storeId}` });
  for (const tap of taps) undo.push(async () => void (await host.network.destroyTap(tap)));
  return taps.map((tap, at) => {
    const network = networks[at];
    if (network === undefined) throw new StartError(`more taps than networks were made for ${name.toDisplay()}`);
    return { tap, mac: macOf(name, network) };
  });
}

function nameArgument(host: InstanceHost, name: Name, spec: UnikernelSpec): string | undefined {
  if (!spec.arguments.addName) return undefined;
  return host.fullName ? name.text : (name.label ?? name.text);
}

function blockDevices(host: InstanceHost, name: Name, spec: UnikernelSpec): LaunchRequest["blockDevices"] {
  return spec.arguments.blockDevices.map((device) => {
    const block = blockNameOf(name, device);
    const file = block ? blockFile(host.databaseDirectory, block) : zvolOf(host.zvolPath, name, device);
    if (file === undefined) throw new StartError(`block device ${device.name} not found`);
    const size = device.sectorSize;
    return {
      name: device.name,
      file,
      sectorSize: size === undefined ? undefined : Number(size),
    };
  });
}

/** Has the console daemon read the fifo. @returns the failure, if any: never rejects */
async function askConsole(host: InstanceHost, name: Name): Promise<StartError | undefined> {
  try {
    await host.addConsole(name);
    return undefined;
  } catch (cause) {
    return new StartError("could not create unikernel: console failed", { cause });
  }
}

/** Makes sure that there is a console daemon, waiting a moment for one. @throws {StartError} */
export async function requireConsole(host: InstanceHost, name: Name): Promise<void> {
  if (!host.consoleIsThere()) throwIfFailed(await askConsole(host, name));
}

function throwIfFailed(failure: StartError | undefined): void {
  if (failure !== undefined) throw failure;
}

interface Prepared {
  readonly image: string;
  readonly taps: Run["taps"];
  /** The fifo, opened. */
  readonly console: number;
}

/** Starts the process, with everything it needs in place. */
async function launch(
  host: InstanceHost,
  name: Name,
  spec: UnikernelSpec,
  launcher: Launcher,
  { image, taps, console }: Prepared,
): Promise<Started> {
  const instance = randomHex(12);
  const child = await launcher.launch({
    name,
    imageFile: image,
    arguments: spec.arguments,
    nameArgument: nameArgument(host, name, spec),
    networks: spec.arguments.networks.map((network, at) => ({
      name: network.name,
      tap: taps[at]?.tap ?? "",
      mac: macOf(name, network),
    })),
    blockDevices: blockDevices(host, name, spec),
    environment: { [MARK]: `${host.storeId}/${instance}/${name.text}` },
    console,
  });
  let identity: ProcessIdentity | undefined;
  try {
    identity = identify(child.pid);
  } catch (error) {
    // For lack of descriptors. Nobody else knows of it, and it would run on beside the next one.
    signalChild(child, constants.signals.SIGKILL);
    await endsWithin(child, KILL_TIMEOUT_MS);
    await releaseMachine(host, child.machine);
    throw error;
  }
  const run = {
    instance,
    pid: child.pid,
    // 0 matches no process: one that ended already needs no telling apart from others.
    processStart: identity?.startTime ?? 0,
    bootId: identity?.bootId ?? "",
    startedAt: host.now(),
    taps,
    launcher: launcher.description,
    ...(child.machine === undefined ? {} : { machine: child.machine }),
  };
  return { run, child };
}

/**
 * Starts a checked unikernel: image link, fifo, taps, console, process. Either all of it is there, or nothing.
 *
 * @throws {StartError} with the text for the client
 */
export async function start(host: InstanceHost, name: Name, spec: UnikernelSpec, launcher: Launcher): Promise<Started> {
  const undo = new Undo();
  let console: number | undefined;
  try {
    const image = spec.image === undefined ? "" : linkImage(host, name, spec.image.sha256, undo);
    const fifo = fifoFile(host.temporaryDirectory, name);
    makeFifo(fifo);
    undo.push(() => rmSync(fifo, { force: true }));
    // Held until the console daemon reads it: what a unikernel says that ends before that would go with its process.
    console = openConsoleFifo(fifo);
    // The answer comes while the rest is prepared. A console daemon that is not there is waited for before anything runs.
    const consoleFailed = askConsole(host, name);
    if (!host.consoleIsThere()) throwIfFailed(await consoleFailed);
    const taps = await createTaps(host, name, spec, undo);
    const started = await launch(host, name, spec, launcher, { image, taps, console });
    undo.push(async () => {
      const process = ownProcess(started.child, started.run);
      process.signal(constants.signals.SIGKILL);
      await process.exited;
      await releaseMachine(host, started.run.machine);
    });
    throwIfFailed(await consoleFailed);
    return started;
  } catch (error) {
    const failures = await undo.rollBack();
    const text = error instanceof StartError ? error.message : `could not create unikernel: ${reason(error)}`;
    const also = failures.length === 0 ? "" : `, and also ${failures.map(reason).join(", ")} while cleaning resources`;
    throw new StartError(`${text}${also}`, { cause: error });
  } finally {
    if (console !== undefined) closeSync(console);
  }
}

/** Removes a virtual machine that the kernel still keeps although its process has ended. */
export async function releaseMachine(host: InstanceHost, machine: string | undefined): Promise<void> {
  if (machine === undefined) return;
  for (const backend of host.backends) await backend.release?.(machine, host.backendHost);
}

/**
 * Removes what {@link start} made, after the process has ended.
 *
 * @returns what could not be removed, as texts
 */
export async function cleanUp(host: InstanceHost, name: Name, run: Run): Promise<string[]> {
  const failures: string[] = [];
  const attempt = async (step: () => unknown): Promise<void> => {
    try {
      await step();
    } catch (error) {
      failures.push(reason(error));
    }
  };
  await attempt(() => releaseMachine(host, run.machine)); // first: it holds the taps
  await attempt(() => rmSync(imageFile(host.temporaryDirectory, name), { force: true }));
  await attempt(() => rmSync(fifoFile(host.temporaryDirectory, name), { force: true }));
  await Promise.all(run.taps.map(({ tap }) => attempt(() => host.network.destroyTap(tap))));
  return failures;
}
