/**
 * The backend: what QEMU can run, and how.
 *
 * @module
 */
import { accessSync, closeSync, constants, openSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Backend, BackendHost, PluginContext } from "albatross/plugin";
import { type Boot, bootOf, checkDevices, commandLine, type Machine } from "./command-line.ts";
import { inspectKernel } from "./kernel-image.ts";
import type { QemuOptions } from "./options.ts";
import { Refusal } from "./refusal.ts";

const PROGRAM = "qemu-system-x86_64";

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // not there, or not for us: the search goes on
  }
}

function findProgram(options: QemuOptions, host: BackendHost): string {
  const directories = host.path.split(":").filter((directory) => directory.startsWith("/"));
  const candidates =
    options.program === undefined ? directories.map((directory) => join(directory, PROGRAM)) : [options.program];
  const found = candidates.find(isExecutable);
  if (found !== undefined) return found;
  throw new Refusal(`Cannot find ${options.program ?? PROGRAM}: install it (Debian: qemu-system-x86)`);
}

/** Why KVM cannot be used; `undefined` if it can. */
function kvmError(): string | undefined {
  try {
    closeSync(openSync("/dev/kvm", constants.O_RDWR));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function chooseAccelerator({ accelerator }: QemuOptions, host: BackendHost): "kvm" | "tcg" {
  if (accelerator === "tcg") return "tcg";
  const error = kvmError();
  if (error === undefined) return "kvm";
  if (accelerator === "auto" && host.allowEmulation) return "tcg";
  throw new Refusal(`Cannot use KVM: ${error}. Start albatrossd with --allow-emulation, or set accelerator to tcg`);
}

function findInitrd({ initrd }: Boot, options: QemuOptions, host: BackendHost): string | undefined {
  if (initrd === undefined) return undefined;
  const path = join(options.initrds ?? join(host.databaseDirectory, "qemu"), initrd);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
  throw new Refusal(`Cannot find the initial ram disk ${initrd}: the host has no file ${path}`);
}

/** Runs kernels by QEMU. */
export function qemuBackend(options: QemuOptions, { startProcess }: Pick<PluginContext, "startProcess">): Backend {
  return {
    interfaceVersion: 1,
    name: "qemu",
    images: "required",
    handles: (type) => type === "qemu",
    async check(request, host) {
      const { imageFile } = request;
      if (imageFile === undefined) throw new Refusal("Cannot run QEMU without a kernel");
      const boot = bootOf(request, inspectKernel(imageFile));
      checkDevices(request);
      const accelerator = chooseAccelerator(options, host);
      const initrd = findInitrd(boot, options, host);
      const machine: Machine = { program: findProgram(options, host), accelerator, boot, initrd };
      return {
        description: `QEMU ${accelerator === "kvm" ? "on KVM" : "with an emulated CPU"} (${machine.program})`,
        emulated: accelerator === "tcg",
        commandLine: (launch) => commandLine(machine, launch),
        launch: async (launch) => startProcess(commandLine(machine, launch), launch),
      };
    },
  };
}
