/**
 * Runs Solo5 unikernels by a tender: a program of the host for each of their targets.
 *
 * @module
 */
import {
  BACKEND_INTERFACE_VERSION,
  type Backend,
  type BackendHost,
  BackendRefusal,
  type Launcher,
  type LaunchRequest,
} from "./backend.ts";
import { isRunnable, unsupportedTarget } from "./image.ts";
import { checkSolo5 } from "./solo5-checks.ts";
import { solo5CommandLine } from "./solo5-command-line.ts";
import { startProcess } from "./start-process.ts";
import { searchTender, tenderMissing } from "./tender-search.ts";
import { requireAbiVersion } from "./tender-version.ts";

/** A program that runs unikernels. */
export interface Tender {
  /** For people: `solo5-hvt (/usr/bin/solo5-hvt)`. */
  readonly description: string;
  readonly emulated: boolean;
  /** The program and what precedes the options of every tender. */
  readonly command: readonly string[];
}

/**
 * What to run a unikernel by where the host has no tender.
 *
 * @throws {BackendRefusal} if it cannot be used here
 */
export type TenderFallback = (abiVersion: number, host: BackendHost, lookedFor: readonly string[]) => Tender;

/** A backend for the unikernels of one Solo5 target. */
export function solo5Backend(target: "hvt" | "spt", fallback?: TenderFallback): Backend {
  return {
    interfaceVersion: BACKEND_INTERFACE_VERSION,
    name: target,
    handles: (type, image) => type === "solo5" && image?.target === target,
    async check(request, host) {
      const { image } = request;
      if (image?.target !== target) {
        const found = image === undefined ? "there is no image" : `the image is for ${image.target}`;
        if (image !== undefined && !isRunnable(image.target)) throw new BackendRefusal(unsupportedTarget(image.target));
        throw new BackendRefusal(`Cannot run this by a tender for ${target}: ${found}. Give an image for ${target}`);
      }
      const tender = await chooseTender(target, image.abiVersion, host, fallback);
      checkSolo5(request, image);
      return launcher(tender, host);
    },
  };
}

async function chooseTender(
  target: string,
  abiVersion: number,
  host: BackendHost,
  fallback: TenderFallback | undefined,
): Promise<Tender> {
  const search = searchTender(target, abiVersion, host);
  if (search.found) {
    await requireAbiVersion(search.path, abiVersion, host.path);
    return { description: `solo5-${target} (${search.path})`, emulated: false, command: [search.path] };
  }
  // Who names a tender wants that one or none.
  if (fallback === undefined || host.tender !== undefined) throw tenderMissing(search.lookedFor);
  return fallback(abiVersion, host, search.lookedFor);
}

function launcher(tender: Tender, host: BackendHost): Launcher {
  const { description, emulated } = tender;
  const commandLine = (request: LaunchRequest) => [...tender.command, ...solo5CommandLine(request)];
  return {
    description,
    emulated,
    commandLine,
    launch: async (request) => startProcess(commandLine(request), request, host.path),
  };
}
