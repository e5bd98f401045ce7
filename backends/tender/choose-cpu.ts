/**
 * Which CPU runs the guest.
 *
 * @module
 */
import { LibraryError } from "../../runtime/ffi.ts";
import { complain } from "./console.ts";
import type { Cpu } from "./cpu.ts";
import type { GuestMemory } from "./memory.ts";
import type { CpuChoice } from "./options.ts";
import { TenderError } from "./tender-error.ts";

/**
 * Makes a CPU for this memory. An emulated one is announced on standard error: it is slow.
 *
 * @throws {TenderError} if the wanted CPU cannot be had
 */
export async function chooseCpu(memory: GuestMemory, choice: CpuChoice, allowEmulation: boolean): Promise<Cpu> {
  if (choice !== "unicorn") {
    const { KvmCpu } = await import("./cpu-kvm.ts");
    try {
      return new KvmCpu(memory);
    } catch (error) {
      if (choice === "kvm" || !(error instanceof TenderError)) throw error;
      complain(error.message);
      if (!allowEmulation) {
        throw new TenderError("Cannot run the guest on KVM. To emulate a CPU, which is slow, add --allow-emulation", {
          cause: error,
        });
      }
    }
  }
  return await emulate(memory);
}

async function emulate(memory: GuestMemory): Promise<Cpu> {
  const { UnicornCpu } = await import("./cpu-unicorn.ts");
  try {
    const cpu = new UnicornCpu(memory);
    complain(`this guest runs on an ${cpu.description}, which is slow`);
    return cpu;
  } catch (error) {
    if (!(error instanceof LibraryError)) throw error;
    throw new TenderError(`Cannot emulate a CPU: ${error.message}. Install it, on Debian as libunicorn2`, {
      cause: error,
    });
  }
}
