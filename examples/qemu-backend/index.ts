/**
 * A plugin for albatrossd: `create --typ qemu NAME KERNEL` runs a multiboot kernel or a Linux kernel by QEMU.
 *
 * ```
 * albatrossd --plugin /usr/lib/albatross/plugins/qemu-backend
 * albatross-client create --typ qemu vm vmlinuz --mem 256 --arg console=ttyS0 --arg --initrd=initrd.img
 * ```
 *
 * Options, in the configuration file: see {@link QemuOptions}.
 *
 * @module
 */
import type { PluginFactory } from "albatross/plugin";
import { qemuBackend } from "./backend.ts";
import { parseOptions } from "./options.ts";

const plugin: PluginFactory = (context) => ({
  apiVersion: 1,
  name: "qemu",
  backends: [qemuBackend(parseOptions(context.options), context)],
});

export default plugin;
