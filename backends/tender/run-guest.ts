/**
 * Sets a guest up and runs it, by the words of a command line.
 *
 * @module
 */
import { cString, LibraryError } from "../../runtime/ffi.ts";
import { Attachments } from "./attach.ts";
import { BOOT_INFO_ADDRESS, writeBootInfo } from "./boot-info.ts";
import { chooseCpu } from "./choose-cpu.ts";
import { complain, complainRaw, exitNow } from "./console.ts";
import { type KernelFile, readElfHeader } from "./elf-header.ts";
import { loadImage } from "./elf-load.ts";
import { Hypercalls } from "./hypercalls.ts";
import { libc, O_RDONLY, openFile, SystemError } from "./libc.ts";
import { Manifest } from "./manifest.ts";
import { GuestMemory } from "./memory.ts";
import { checkAbi, readManifestNote } from "./notes.ts";
import { applyOptions, type GuestCommandLine, joinWords, splitCommandLine } from "./options.ts";
import { writePageTables } from "./page-tables.ts";
import { enterSandbox } from "./seccomp.ts";
import { exitOnSignals } from "./signals.ts";
import { TenderError } from "./tender-error.ts";
import { usage, versionText } from "./usage.ts";

/**
 * What the tender does on Linux. A guest that halts ends the whole process with its status, and so does every error of a
 * running guest.
 *
 * @param args the words behind `albatross tender`
 * @returns the exit status of everything else: 0 for `--version`, 1 for help and errors, which have been reported
 */
export async function runTender(args: readonly string[]): Promise<number> {
  try {
    const commandLine = splitCommandLine(args);
    if (commandLine.kind === "run") {
      complain(await runGuest(commandLine));
      exitNow(1); // in the sandbox, the way out of a runtime may be barred
    }
    complainRaw(commandLine.kind === "help" ? usage : versionText);
    return commandLine.kind === "version" ? 0 : 1;
  } catch (error) {
    if (error instanceof TenderError) {
      complain(error.message);
      if (error.usage) complainRaw(usage);
    } else if (error instanceof SystemError || error instanceof LibraryError) {
      complain(`Cannot run the guest: ${error.message}`);
    } else throw error;
    return 1;
  }
}

/** Sets everything up and runs the guest. Returns only if it went wrong. */
async function runGuest({ options, kernel, words }: GuestCommandLine): Promise<string> {
  const file: KernelFile = { descriptor: openKernel(kernel), path: kernel };
  const header = readElfHeader(file);
  checkAbi(file, header);
  const manifest = new Manifest(readManifestNote(file, header));
  const attachments = new Attachments(manifest);
  const settings = applyOptions(options, attachments);
  const devices = attachments.finish();
  const commandLine = joinWords(words);

  const memory = new GuestMemory(settings.memory);
  const image = loadImage(file, header, memory);
  libc.close(file.descriptor);
  const cpu = await chooseCpu(memory, settings.cpu, settings.allowEmulation);
  writePageTables(memory);
  writeBootInfo(memory, {
    kernelEnd: image.kernelEnd,
    frequency: cpu.frequency(),
    commandLine,
    manifest: manifest.bytes,
  });
  cpu.start({ entry: image.entry, bootInfo: BOOT_INFO_ADDRESS, stackPointer: memory.size - 8 });

  const hypercalls = new Hypercalls(memory, devices);
  exitOnSignals();
  if (!enterSandbox()) {
    complain(`this guest runs outside of the sandbox, which is not made for processors of type ${process.arch} yet`);
  }
  return cpu.run(hypercalls);
}

function openKernel(path: string): number {
  try {
    return openFile(cString(path), O_RDONLY);
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    throw new TenderError(`${path}: Could not open: ${error.message}`, { cause: error });
  }
}
