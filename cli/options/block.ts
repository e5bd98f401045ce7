/**
 * Arguments and options of the sub-commands about block devices (client.md 4).
 *
 * @module
 */
import type { Arguments, Options } from "../command.ts";

/** For commands about one block device. */
export const blockArguments = {
  name: {
    docv: "BLOCK-NAME",
    kind: "name",
    completes: "blocks",
    doc: "The name of the block device, e.g. data or foo:data.",
  },
} as const satisfies Arguments;

/** For commands that make another device of one. */
export const copyArguments = {
  ...blockArguments,
  target: {
    docv: "NEW-NAME",
    kind: "label",
    doc: "The name of the new block device, without a path: it is that of the other one.",
  },
} as const satisfies Arguments;

/** For commands that give a block device its size. */
export const sizeArgument = {
  size: { docv: "BLOCK-SIZE", kind: "integer", doc: "The size in MB." },
} as const satisfies Arguments;

/** For commands that transfer the data of a block device. */
export const dataCompressionOption = {
  compressionLevel: {
    flags: ["--compression-level"],
    kind: "compression-level",
    docv: "LEVEL",
    doc: "Compress the data for the transfer: 0 (not at all) to 9. Default: 0 to a local daemon, else 9.",
  },
} as const satisfies Options;
