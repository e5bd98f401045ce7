/**
 * Definition of `albatross-client restart`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";
import { compressionOption, unikernelOptions, watchOptions } from "../options/unikernel.ts";

export const restart = defineCommand({
  name: "restart",
  summary: "restart a running unikernel",
  description: [
    "Ends the unikernel and starts it again, with the stored image and configuration.",
    "With --replace-arguments everything but the image is replaced by the given options, or by their defaults: memory becomes 32 MB if --mem is not given. Without it, the options of the configuration are ignored.",
    "After the success the unikernel is watched for a moment, as by create.",
  ],
  examples: [
    { line: "restart hello", doc: "With the same configuration." },
    {
      line: "restart hello --replace-arguments --mem=64 --net=service:br0 --arg=--debug",
      doc: "With another one.",
    },
  ],
  arguments: unikernelArgument,
  options: {
    replaceArguments: {
      flags: ["--replace-arguments"],
      kind: "flag",
      doc: "Replace the configuration by the given options and the defaults of the others.",
    },
    ...unikernelOptions,
    ...compressionOption,
    ...watchOptions,
    ...daemonOptions,
  },
  exits: [{ status: 115, doc: "with --wait-fail: the unikernel was restarted, but ended with a failure at once" }],
});
