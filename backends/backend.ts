/**
 * The interface between albatrossd and what runs a unikernel: a launcher for one kind of virtual machine.
 *
 * A backend first *checks* a unikernel, touching nothing, and later *launches* it, when all its devices exist.
 *
 * @module
 */
import type { ByteString } from "../core/byte-string.ts";
import type { Name } from "../core/name.ts";
import type { MacAddress, UnikernelArguments } from "../core/unikernel.ts";
import type { UnikernelType } from "../core/unikernel-type.ts";
import type { ChildProcess } from "../runtime/process.ts";
import type { ImageDescription } from "./image.ts";

/** The version of this interface; a backend of another one is refused. */
export const BACKEND_INTERFACE_VERSION = 1;

/** A unikernel that cannot be run as asked. `message` is the text for the client (daemon.md 16). */
export class BackendRefusal extends Error {
  override readonly name = "BackendRefusal";
}

/** Where a backend finds things on this host. */
export interface BackendHost {
  /** The database directory `D`, where administrators may put tenders. */
  readonly databaseDirectory: string;
  /** Search path for tenders, as in `PATH`. */
  readonly path: string;
  /** The option `--tender`: this file instead of a search. */
  readonly tender: string | undefined;
  /** Whether the built-in tender may emulate a CPU where there is no usable KVM. */
  readonly allowEmulation: boolean;
  /** Command line prefix that starts this very program, e.g. `["/usr/libexec/albatross/albatross"]`. */
  readonly self: readonly string[];
}

/** What is to be checked before anything on the host is touched. */
export interface CheckRequest {
  readonly arguments: UnikernelArguments;
  /** What inspection found in the image; `undefined` for all types but solo5, whose backends inspect what they get. */
  readonly image: ImageDescription | undefined;
  /** The image, uncompressed, for backends that inspect it themselves; `undefined` if there is none. */
  readonly imageFile?: string | undefined;
  /** The value for `--name=`, or `undefined` if it is not to be added; part of what has to fit into the command line. */
  readonly nameArgument?: string | undefined;
}

/** A unikernel that passed the check, bound to the program that will run it. */
export interface Launcher {
  /** What runs it, for people: `solo5-hvt`, `built-in tender on KVM`, … */
  readonly description: string;
  /** Whether a CPU is emulated. */
  readonly emulated: boolean;
  /**
   * The complete command line of the tender, where it does not depend on what is chosen at the launch.
   *
   * @throws {BackendRefusal} if an argument cannot be passed on
   */
  commandLine?(request: LaunchRequest): readonly string[];
  /**
   * Starts the process. The console descriptor has to stay open until then.
   *
   * @throws {BackendRefusal} with the system's reason as `cause`; nothing of the unikernel is left then
   */
  launch(request: LaunchRequest): Promise<Launched>;
}

/** The process of a unikernel. */
export interface Launched extends ChildProcess {
  /** The name of the virtual machine, where the kernel keeps one beyond the end of the process. */
  readonly machine?: string;
}

/** Everything a launched unikernel is given. */
export interface LaunchRequest {
  readonly name: Name;
  /** Path of the (uncompressed) image, `T/N.img`; empty if there is none. */
  readonly imageFile: string;
  readonly arguments: UnikernelArguments;
  /** The value for `--name=`, or `undefined` if it is not to be added. */
  readonly nameArgument: string | undefined;
  /** In the order of the configuration. */
  readonly networks: readonly { readonly name: ByteString; readonly tap: string; readonly mac: MacAddress }[];
  /** In the order of the configuration. */
  readonly blockDevices: readonly {
    readonly name: ByteString;
    readonly file: string;
    /** Bytes; `undefined` if not configured. */
    readonly sectorSize: number | undefined;
  }[];
  /** Variables for the environment of the process, which gets these and `PATH` only; they mark it as albatrossd's. */
  readonly environment: Readonly<Record<string, string>>;
  /** Descriptor that becomes standard input, output and error: the console fifo. */
  readonly console: number;
}

/** A launcher for one kind of virtual machine. */
export interface Backend {
  readonly interfaceVersion: typeof BACKEND_INTERFACE_VERSION;
  /** Short unique name: `hvt`, `spt`, `bhyve`. That of a plugin is what `create --typ` names. */
  readonly name: string;
  /** Whether it boots from an image. Left to its check if absent. */
  readonly images?: "required" | "none";
  /** Whether this backend is responsible for such a unikernel. */
  handles(type: UnikernelType, image: ImageDescription | undefined): boolean;
  /**
   * Finds everything that would make a launch fail, without touching anything.
   *
   * @throws {BackendRefusal} with the text for the client
   */
  check(request: CheckRequest, host: BackendHost): Promise<Launcher>;
  /** Removes a virtual machine whose process has ended. It is no error if there is none, and nothing is reported. */
  release?(machine: string, host: BackendHost): Promise<void>;
}
