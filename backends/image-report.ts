/**
 * What there is to say about an image before it is deployed: what runs it, which devices it wants, how to create it.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { fromText, toDisplay } from "../core/byte-string.ts";
import { isLabel } from "../core/name.ts";
import { type ImageDescription, type ImageSource, inspectImage, isRunnable, unsupportedTarget } from "./image.ts";
import { flagList } from "./image-match.ts";
import { shellWord } from "./shell-word.ts";

/** A description of an image, with what follows from it. */
export interface ImageReport extends ImageDescription {
  /** As given. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** SHA-256 of the image, hexadecimal: what info and the daemon's log call its digest. */
  readonly digest: string;
  /** For people: `x86_64`, `aarch64`, or the number. */
  readonly architecture: string;
  /** The words of a fitting create command, quoted for a shell; `undefined` if no host can run it. */
  readonly create: readonly string[] | undefined;
}

/** Bytes read at once for the digest. */
const CHUNK_BYTES = 1_048_576;

/**
 * Inspects an image and reads it once for its digest.
 *
 * @throws {ImageError} if it is none
 */
export function reportImage(source: ImageSource, path: string): ImageReport {
  const description = inspectImage(source);
  const hash = createHash("sha256");
  for (let offset = 0; offset < source.size; offset += CHUNK_BYTES) {
    hash.update(source.readAt(offset, Math.min(CHUNK_BYTES, source.size - offset)));
  }
  const { machine, target } = description;
  const file = path.startsWith("-") ? `./${path}` : path; // no option
  return {
    ...description,
    path,
    size: source.size,
    digest: hash.digest("hex"),
    architecture: machine === 62 ? "x86_64" : machine === 183 ? "aarch64" : `machine ${machine}`,
    create: isRunnable(target)
      ? ["albatross-client", "create", nameFor(path), shellWord(fromText(file)), ...flagList(description)]
      : undefined,
  };
}

/** The report for people, one fact a line. */
export function reportText(report: ImageReport): string {
  const devices = report.devices.map(({ name, type }) => `${type} ${printable(toDisplay(name))}`);
  const facts: readonly (readonly [string, string])[] = [
    ["image", printable(report.path)],
    ["size", `${report.size} bytes`],
    ["digest", `SHA256 ${report.digest}`],
    ["target", `${report.target}, ABI version ${report.abiVersion}, ${report.architecture}`],
    ["devices", devices.length === 0 ? "none" : devices.join(", ")],
    ["create", report.create?.join(" ") ?? `not possible: ${unsupportedTarget(report.target)}`],
  ];
  return facts.map(([what, value]) => `${what.padEnd(9)}${value}\n`).join("");
}

/** The file's name as that of the unikernel, if it can be one. */
function nameFor(path: string): string {
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/\.[a-zA-Z]+$/, "");
  return isLabel(base) ? base.toLowerCase() : "NAME";
}

function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "\ufffd");
}
