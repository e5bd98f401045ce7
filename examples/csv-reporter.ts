/**
 * A plugin for albatross-stats: appends all samples to a file of comma separated values.
 *
 * In `/etc/albatross/plugins.json`:
 *
 * ```json
 * { "albatross-stats": [
 *     { "file": "/usr/lib/albatross/plugins/csv-reporter.ts", "options": { "file": "/var/log/albatross/stats.csv" } }
 * ] }
 * ```
 *
 * @module
 */
import { appendFile, rename, stat } from "node:fs/promises";
import type { PluginFactory, Report } from "albatross/plugin";

/** A file that has become larger, bytes, is renamed to `….1`, and a new one begun. */
const DEFAULT_SIZE_MAX = 64 * 1024 * 1024;

const HEAD = "time,unikernel,user seconds,system seconds,resident pages,received bytes,sent bytes\n";

function seconds({ seconds: whole, microseconds }: Report["statistics"]["resourceUsage"]["utime"]): string {
  return `${whole}.${String(microseconds).padStart(6, "0")}`;
}

function line({ name, time, statistics }: Report): string {
  const { resourceUsage, memory, interfaces } = statistics;
  const sum = (key: "inputBytes" | "outputBytes") => interfaces.reduce((total, each) => total + each[key], 0n);
  const fields = [
    new Date(time).toISOString(),
    name,
    seconds(resourceUsage.utime),
    seconds(resourceUsage.stime),
    memory?.rss ?? "",
    sum("outputBytes"), // what the host puts out is what the unikernel receives
    sum("inputBytes"),
  ];
  return `${fields.join(",")}\n`; // names have neither commas nor quotes
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return 0;
    throw error;
  }
}

const plugin: PluginFactory = ({ options }) => {
  const { file, maxBytes = DEFAULT_SIZE_MAX } = options;
  if (typeof file !== "string" || !file.startsWith("/")) throw new Error("give an absolute path as the option file");
  if (typeof maxBytes !== "number" || maxBytes < 1) throw new Error("give a number of bytes as the option maxBytes");
  return {
    apiVersion: 1,
    name: "csv",
    reporters: [
      {
        name: "csv",
        async report(samples) {
          let size = await sizeOf(file);
          if (size >= maxBytes) {
            await rename(file, `${file}.1`);
            size = 0;
          }
          await appendFile(file, (size === 0 ? HEAD : "") + samples.map(line).join(""));
        },
      },
    ],
  };
};

export default plugin;
