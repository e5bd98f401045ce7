/**
 * Definition of `albatross-client create-block`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { blockArguments, dataCompressionOption, sizeArgument } from "../options/block.ts";
import { daemonOptions } from "../options/daemon.ts";

export const createBlock = defineCommand({
  name: "create-block",
  summary: "create a block device",
  description: [
    "Creates a block device for the unikernels on its path. It is filled with zeros, or with the data of a file, and zeros after it; zeros take no space.",
    "With --data these are two commands, and the data is only sent if the device could be created. A request (--csr) holds one command: write one for create-block, and one for set-block.",
  ],
  examples: [
    { line: "create-block foo:data 1024", doc: "A device of 1 GB for unikernels on the path foo." },
    { line: "create-block data 64 --data=disk.img", doc: "With the content of disk.img." },
  ],
  arguments: { ...blockArguments, ...sizeArgument },
  options: {
    data: { flags: ["--data"], kind: "input", docv: "FILE", doc: "The content; - is standard input." },
    ...dataCompressionOption,
    ...daemonOptions,
  },
});
