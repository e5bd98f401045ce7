/**
 * `doctor`: the devices that tenders and taps need.
 *
 * @module
 */
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { KVM_API_VERSION, kvmApiVersion } from "../../host/linux/kvm.ts";
import { LibraryError, openLibrary } from "../../runtime/ffi.ts";
import { AS_ROOT, type Check, codeOf, ok, problem, warning } from "./check.ts";

/** KVM, the emulator that takes its place, and taps. */
export function checkDevices(): readonly Check[] {
  const emulator = hasUnicorn();
  return [checkKvm(emulator), checkEmulator(emulator), checkTun()];
}

function checkKvm(emulator: boolean): Check {
  try {
    const version = kvmApiVersion();
    if (version === KVM_API_VERSION) return ok("kvm", `/dev/kvm can be used, version ${version}`);
    return problem("kvm", `/dev/kvm has version ${version}, not ${KVM_API_VERSION}`, "Boot a current kernel");
  } catch (error) {
    const code = codeOf(error);
    if (code === "EACCES" || code === "EPERM") return warning("kvm", "this user may not open /dev/kvm", AS_ROOT);
    const module = kvmModule();
    const load =
      module === undefined
        ? "Enable virtualisation in the firmware, or nested virtualisation for this machine"
        : `Load it: modprobe ${module}`;
    const slow = "; or start albatrossd with --allow-emulation, which is slow";
    const report = emulator ? warning : problem;
    return report("kvm", `/dev/kvm cannot be used (${code})`, `${load}${emulator ? slow : ""}`);
  }
}

function kvmModule(): string | undefined {
  const flags = /^flags\s*:.*$/m.exec(readFileSync("/proc/cpuinfo", "latin1"))?.[0] ?? "";
  return /\bvmx\b/.test(flags) ? "kvm_intel" : /\bsvm\b/.test(flags) ? "kvm_amd" : undefined;
}

function checkEmulator(there: boolean): Check {
  if (there) return ok("libunicorn", "libunicorn.so.2 is there, to emulate a CPU if albatrossd is allowed to");
  return ok("libunicorn", "libunicorn.so.2 is not there, and needed only to emulate a CPU where there is no KVM");
}

function hasUnicorn(): boolean {
  return hasLibrary("libunicorn.so.2", "uc_version");
}

/** Whether a library can be loaded. */
export function hasLibrary(name: string, symbol: string): boolean {
  try {
    openLibrary([name], { [symbol]: { args: [], returns: "void" } });
    return true;
  } catch (error) {
    if (error instanceof LibraryError) return false;
    throw error;
  }
}

function checkTun(): Check {
  try {
    closeSync(openSync("/dev/net/tun", constants.O_RDWR)); // opening alone makes nothing
    return ok("tun", "/dev/net/tun can be used");
  } catch (error) {
    const code = codeOf(error);
    if (code === "EACCES" || code === "EPERM") return warning("tun", "this user may not open /dev/net/tun", AS_ROOT);
    return problem(
      "tun",
      `/dev/net/tun cannot be used (${code}): no unikernel gets a network`,
      "Load it: modprobe tun",
    );
  }
}
