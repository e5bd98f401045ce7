/**
 * Builds the multiboot kernel of the tests, with gcc and ld alone.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";

const flags =
  "-m32 -march=i386 -std=gnu11 -Wall -Wextra -O2 -c -nostdlib -ffreestanding -fno-pic -fno-pie -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -mgeneral-regs-only";

/** Builds it into a folder. @returns its path */
export function buildKernel(folder: string): string {
  const [object, kernel] = [join(folder, "kernel.o"), join(folder, "kernel")];
  execFileSync("gcc", [...flags.split(" "), join(import.meta.dirname, "kernel.c"), "-o", object]);
  const script = join(import.meta.dirname, "kernel.lds");
  execFileSync("ld", [
    "-m",
    "elf_i386",
    "-static",
    "-nostdlib",
    "-s",
    "--build-id=none",
    "--no-warn-rwx-segments",
    "-T",
    script,
    object,
    "-o",
    kernel,
  ]);
  return kernel;
}
