/**
 * What unikernels were.
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import type { Json } from "../../core/print/json.ts";
import { ProtocolError } from "../errors.ts";
import { asOne, type NameInput } from "./names.ts";
import { expectSuccess } from "./replies.ts";
import type { CallOptions, Transport } from "./transport.ts";

/**
 * What a unikernel was, or is.
 *
 * @example
 * ```ts
 * import { connect, type Revision } from "albatross";
 *
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * const [present]: readonly Revision[] = await albatross.revisions("hello");
 * console.log(present?.revision, present?.digest);
 * ```
 */
export interface Revision {
  /** From 1; the highest one is the present one. */
  readonly revision: number;
  /** When it was made. */
  readonly time: Date;
  /** What made it: `create`, `force-create`, `restart`, `rollback` or `imported`. */
  readonly command: string;
  /** SHA-256 of the image in hex; `undefined` without image. */
  readonly digest: string | undefined;
  /** The configuration, as `albatross-client revisions --json` prints it. */
  readonly configuration: Readonly<Record<string, Json>>;
}

/**
 * Settings of {@link Albatross.revisions}.
 *
 * @example
 * ```ts
 * import { connect, type RevisionsOptions } from "albatross";
 *
 * const options: RevisionsOptions = { count: 1 };
 * const albatross = await connect({ tmpdir: "/run/albatross" });
 * console.log(await albatross.revisions("hello", options));
 * ```
 */
export interface RevisionsOptions extends CallOptions {
  /** How many, the newest first. @default {10} */
  readonly count?: number | undefined;
}

const COUNT = 10;

/** See {@link Albatross.revisions}. */
export async function readRevisions(
  transport: Transport,
  name: NameInput,
  { count = COUNT, signal }: RevisionsOptions,
): Promise<readonly Revision[]> {
  const { reply } = await transport.ask(asOne(name), { kind: "unikernel-revisions", count }, { signal });
  const text = toDisplay(expectSuccess(reply, "string").text);
  try {
    return (JSON.parse(text) as readonly unknown[]).map(revisionOf);
  } catch (cause) {
    throw new ProtocolError("The daemon answered with something else than revisions", { cause });
  }
}

function revisionOf(value: unknown): Revision {
  const { revision, time, command, digest, ...configuration } = value as Record<string, Json>;
  if (typeof revision !== "number" || typeof time !== "string" || typeof command !== "string") {
    throw new TypeError("A revision has no number, time or command");
  }
  return {
    revision,
    time: new Date(time),
    command,
    digest: typeof digest === "string" ? digest : undefined,
    configuration,
  };
}
