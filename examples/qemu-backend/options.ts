/**
 * The options of this plugin.
 *
 * @module
 */

/** What administrators may choose. */
export interface QemuOptions {
  /** `kvm`, `tcg` (a CPU is emulated), or `auto`: KVM, and emulation only where albatrossd has `--allow-emulation`. */
  readonly accelerator: "auto" | "kvm" | "tcg";
  /** The program, instead of a search for `qemu-system-x86_64`. */
  readonly program: string | undefined;
  /** Where initial ram disks lie, instead of `qemu` in the database directory. */
  readonly initrds: string | undefined;
}

function path(options: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = options[key];
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.startsWith("/")) return value;
  throw new Error(`the option ${key} is ${JSON.stringify(value)}: give an absolute path`);
}

/** @throws if an option is unknown, or not what it should be */
export function parseOptions(options: Readonly<Record<string, unknown>>): QemuOptions {
  const known = ["accelerator", "program", "initrds"];
  const unknown = Object.keys(options).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Error(`there is no option ${unknown}: use one of ${known.join(", ")}`);
  const { accelerator = "auto" } = options;
  if (accelerator !== "auto" && accelerator !== "kvm" && accelerator !== "tcg") {
    throw new Error(`the option accelerator is ${JSON.stringify(accelerator)}: use auto, kvm or tcg`);
  }
  return { accelerator, program: path(options, "program"), initrds: path(options, "initrds") };
}
