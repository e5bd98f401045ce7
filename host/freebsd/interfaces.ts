/**
 * Network interfaces of FreeBSD by ioctl: numbers and structures of sys/sockio.h, net/if.h and net/if_bridgevar.h, which
 * have been the same on 64-bit machines from FreeBSD 12 to 15.
 *
 * None of these calls waits. Destroying an interface can, so that is left to ifconfig(8), see `freebsd-network.ts`.
 *
 * @module
 */
import { type ByteString, fromBytes, fromText, toBytes } from "../../core/byte-string.ts";
import { closeDescriptor } from "../../runtime/descriptor.ts";
import { addressOf, cString, errno, libcNames, openLibrary } from "../../runtime/ffi.ts";
import { SystemError } from "../../runtime/system-error.ts";

const [AF_LOCAL, SOCK_DGRAM_CLOEXEC] = [1, 2 | 0x1000_0000];
const [SIOCIFCREATE2, SIOCGIFGMEMB, SIOCSDRVSPEC] = [0xc020_697c, 0xc028_698a, 0x8028_697b];
const [SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFDESCR, SIOCSIFDESCR] = [0xc020_6911, 0x8020_6910, 0xc020_692a, 0x8020_6929];
const [IFF_UP, BRDGADD] = [1, 0];
// Errors of FreeBSD; the runtime may not know its names.
const [ENOENT, ENXIO, EINVAL, ENOMSG] = [2, 6, 22, 83];

const NAME_SIZE = 16; // IFNAMSIZ
const REQUEST_SIZE = 32; // struct ifreq: the name, and a union of 16 bytes
const GROUP_REQUEST_SIZE = 40; // struct ifgroupreq: name, length, and a pointer
const DRIVER_REQUEST_SIZE = 40; // struct ifdrv: name, command, length, and a pointer
const BRIDGE_REQUEST_SIZE = 80; // struct ifbreq: the name of the member, and what is left at zero

/** The longest description that is read, bytes; the kernel's limit, `net.ifdescr_maxlen`, is this unless it is changed. */
export const DESCRIPTION_LIMIT = 1024;

/** How often the members of a group are asked for anew when there are more than a moment ago. */
export const GROUP_ATTEMPTS = 8;

interface Calls {
  socket(domain: number, type: number, protocol: number): number;
  ioctl(descriptor: number, request: number, argument: Uint8Array): number;
}

/** A structure whose first member is the name of an interface. */
function named(size: number, name: ByteString): { readonly bytes: Uint8Array; readonly view: DataView } {
  const bytes = new Uint8Array(size);
  bytes.set(toBytes(name).subarray(0, NAME_SIZE - 1));
  return { bytes, view: new DataView(bytes.buffer) };
}

function nameIn(bytes: Uint8Array): ByteString {
  const end = bytes.indexOf(0);
  return fromBytes(bytes.subarray(0, end < 0 ? bytes.length : end));
}

/** The interfaces of this host. */
export class Interfaces {
  readonly #names: readonly string[];
  #calls: Calls | undefined;

  /** @param names of the C library; opened at the first call */
  constructor(names: readonly string[] = libcNames) {
    this.#names = names;
  }

  /**
   * Makes an interface of a kind, e.g. `tap`.
   *
   * @returns its name: the kind and the smallest free number
   * @throws {SystemError}
   */
  create(kind: string): string {
    const { bytes } = named(REQUEST_SIZE, fromText(kind));
    const advice = "Run albatrossd as root, and load the kernel's module: kldload if_tuntap";
    this.#request(`Cannot create a ${kind}`, SIOCIFCREATE2, bytes, advice);
    return nameIn(bytes.subarray(0, NAME_SIZE));
  }

  /**
   * The interfaces of a group, in the kernel's order. Those of a kind are a group, also under other names.
   *
   * @throws {SystemError}
   */
  members(group: string): readonly ByteString[] {
    const attempt = `Cannot list the interfaces of the group ${group}`;
    try {
      for (let round = 1; ; round++) {
        const { bytes, view } = named(GROUP_REQUEST_SIZE, fromText(group));
        this.#request(attempt, SIOCGIFGMEMB, bytes);
        const list = new Uint8Array(view.getUint32(NAME_SIZE, true));
        if (list.length === 0) return [];
        view.setBigUint64(NAME_SIZE + 8, BigInt(addressOf(list)), true);
        try {
          this.#request(attempt, SIOCGIFGMEMB, bytes);
        } catch (error) {
          if (error instanceof SystemError && error.errno === EINVAL && round < GROUP_ATTEMPTS) continue; // it has grown
          throw error;
        }
        const length = Math.min(list.length, view.getUint32(NAME_SIZE, true));
        return Array.from({ length: length / NAME_SIZE }, (_, at) =>
          nameIn(list.subarray(NAME_SIZE * at, NAME_SIZE * (at + 1))),
        );
      }
    } catch (error) {
      if (error instanceof SystemError && error.errno === ENOENT) return []; // there has never been one
      throw error;
    }
  }

  /**
   * Attaches an interface to a bridge.
   *
   * @throws {SystemError}
   */
  attach(bridge: ByteString, member: string): void {
    const request = named(BRIDGE_REQUEST_SIZE, fromText(member));
    const { bytes, view } = named(DRIVER_REQUEST_SIZE, bridge);
    view.setBigUint64(NAME_SIZE, BigInt(BRDGADD), true);
    view.setBigUint64(NAME_SIZE + 8, BigInt(BRIDGE_REQUEST_SIZE), true);
    view.setBigUint64(NAME_SIZE + 16, BigInt(addressOf(request.bytes)), true);
    this.#request(`Cannot attach ${member} to its bridge`, SIOCSDRVSPEC, bytes);
    request.view.getUint8(0); // the kernel has read it: until here it must not be collected
  }

  /**
   * Brings an interface up.
   *
   * @throws {SystemError}
   */
  bringUp(name: string): void {
    const { bytes, view } = named(REQUEST_SIZE, fromText(name));
    const attempt = `Cannot bring ${name} up`;
    this.#request(attempt, SIOCGIFFLAGS, bytes);
    view.setInt16(NAME_SIZE, view.getInt16(NAME_SIZE, true) | IFF_UP, true);
    this.#request(attempt, SIOCSIFFLAGS, bytes);
  }

  /**
   * Gives an interface a text that tells whose it is.
   *
   * @throws {SystemError}
   */
  describe(name: string, description: string): void {
    const text = cString(description);
    const { bytes, view } = named(REQUEST_SIZE, fromText(name));
    view.setBigUint64(NAME_SIZE, BigInt(text.length), true);
    view.setBigUint64(NAME_SIZE + 8, BigInt(addressOf(text)), true);
    this.#request(`Cannot describe ${name}`, SIOCSIFDESCR, bytes);
    text.at(0); // the kernel has read it: until here it must not be collected
  }

  /**
   * The text of an interface, empty if it has none.
   *
   * @returns `undefined` if there is no such interface
   * @throws {SystemError}
   */
  description(name: ByteString): string | undefined {
    const text = new Uint8Array(DESCRIPTION_LIMIT);
    const { bytes, view } = named(REQUEST_SIZE, name);
    view.setBigUint64(NAME_SIZE, BigInt(text.length), true);
    view.setBigUint64(NAME_SIZE + 8, BigInt(addressOf(text)), true);
    try {
      this.#request(`Cannot read the description of ${name}`, SIOCGIFDESCR, bytes);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      if (error.errno === ENXIO) return undefined;
      if (error.errno === ENOMSG) return ""; // it has none
      throw error;
    }
    // For a longer one than there is room the kernel takes the pointer away: it is none of ours.
    return view.getBigUint64(NAME_SIZE + 8, true) === 0n ? "" : nameIn(text);
  }

  #request(attempt: string, request: number, argument: Uint8Array, advice?: string): void {
    this.#calls ??= openLibrary(this.#names, {
      socket: { args: ["i32", "i32", "i32"], returns: "i32" },
      ioctl: { args: ["i32", "u64", "buffer"], returns: "i32" },
    });
    // Any socket will do: these requests are about interfaces, not about it.
    const descriptor = this.#calls.socket(AF_LOCAL, SOCK_DGRAM_CLOEXEC, 0);
    if (descriptor < 0) throw new SystemError(attempt, errno());
    try {
      if (this.#calls.ioctl(descriptor, request, argument) !== 0) throw new SystemError(attempt, errno(), advice);
    } finally {
      closeDescriptor(descriptor);
    }
  }
}
