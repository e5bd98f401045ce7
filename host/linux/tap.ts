/**
 * Taps of Linux: the character device `/dev/net/tun` and its ioctls.
 *
 * @module
 */
import { close, constants, openSync } from "node:fs";
import { errno, libcNames, openLibrary } from "../../runtime/ffi.ts";
import { SystemError } from "../../runtime/system-error.ts";

const DEVICE = "/dev/net/tun";
const [TUNSETIFF, TUNSETPERSIST, TUNSETOWNER] = [0x400454ca, 0x400454cb, 0x400454cc];
const [IFF_TAP, IFF_NO_PI, IFF_TUN_EXCL] = [0x0002, 0x1000, 0x8000];
const REQUEST_SIZE = 40; // struct ifreq
const NAME_SIZE = 16;

interface TapCalls {
  configure(descriptor: number, request: number, argument: Uint8Array): number;
  set(descriptor: number, request: number, value: number): number;
}

let loaded: TapCalls | undefined;

function calls(): TapCalls {
  if (loaded === undefined) {
    const first = openLibrary(libcNames, {
      ioctl: { args: ["i32", "u64", "buffer"], returns: "i32" },
    });
    const second = openLibrary(libcNames, { ioctl: { args: ["i32", "u64", "u64"], returns: "i32" } });
    loaded = { configure: first.ioctl, set: second.ioctl };
  }
  return loaded;
}

/**
 * Opens the device that makes taps (close-on-exec); the caller closes it by {@link closeTunDevice}.
 *
 * @throws with the system's reason as `cause`
 */
export function openTunDevice(): number {
  try {
    return openSync(DEVICE, constants.O_RDWR);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`Cannot use taps: ${reason}. Load the kernel module tun, and run albatrossd as root`, {
      cause: error,
    });
  }
}

function bind(descriptor: number, tap: string, flags: number): number {
  const argument = new Uint8Array(REQUEST_SIZE);
  argument.set(new TextEncoder().encode(tap));
  new DataView(argument.buffer).setUint16(NAME_SIZE, flags, true);
  return calls().configure(descriptor, TUNSETIFF, argument) === 0 ? 0 : errno();
}

/**
 * Makes a new tap of this name, which lasts as long as the descriptor.
 *
 * @returns `false` if an interface of this name exists
 * @throws {SystemError}
 */
export function makeTap(descriptor: number, tap: string): boolean {
  const code = bind(descriptor, tap, IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
  if (code === 0) return true;
  const error = new SystemError("Cannot create a tap", code, "Run albatrossd as root or with CAP_NET_ADMIN");
  if (error.code === "EBUSY") return false;
  throw error;
}

/**
 * Takes hold of an existing tap. (If it does not exist, it is made, and lasts as long as the descriptor.)
 *
 * @throws {SystemError} with EBUSY while a process uses it
 */
export function holdTap(descriptor: number, tap: string): void {
  const code = bind(descriptor, tap, IFF_TAP | IFF_NO_PI);
  if (code === 0) return;
  throw new SystemError(`Cannot take hold of tap ${tap}`, code, "End the process that uses it");
}

/**
 * Decides whether the tap stays when the descriptor is closed.
 *
 * @throws {SystemError}
 */
export function setPersistent(descriptor: number, persistent: boolean): void {
  if (calls().set(descriptor, TUNSETPERSIST, persistent ? 1 : 0) !== 0) {
    throw new SystemError("Cannot make a tap persistent", errno());
  }
}

/**
 * Lets a user open the tap.
 *
 * @throws {SystemError}
 */
export function setOwner(descriptor: number, user: number): void {
  if (calls().set(descriptor, TUNSETOWNER, user) !== 0) {
    throw new SystemError("Cannot give a tap to its user", errno());
  }
}

/**
 * Closes the device. If that destroys a tap, the kernel waits some 20 ms for packets in flight: this happens on another
 * thread, where closing by a foreign function would block all of this program.
 */
export function closeTunDevice(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    close(descriptor, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}
