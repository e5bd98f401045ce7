/**
 * The flags of albatross-influx, and where they say that lines go (influx.md 1).
 *
 * @module
 */

import { readFileSync } from "node:fs";
import { Name, NameError, parseName } from "../../core/name.ts";
import { HttpSink } from "../../plugins/influx/http-sink.ts";
import { type HttpDestination, HttpTargetError, httpTarget } from "../../plugins/influx/http-target.ts";
import type { InfluxSink, SinkLog } from "../../plugins/influx/sink.ts";
import { type TcpAddress, TcpSink } from "../../plugins/influx/tcp-sink.ts";
import { tmpdirFlag } from "../common/daemon-flags.ts";
import { type Flag, switchFlag, UsageError, valueFlag } from "../common/flags.ts";
import { influxFlag } from "../common/influx-flag.ts";
import { metricsFlag } from "../common/metrics.ts";

function optionalText(name: string, placeholder: string, help: string): Flag<string | undefined> {
  return valueFlag<string | undefined>(
    name,
    placeholder,
    help,
    (text) => {
      if (text === "") throw new UsageError("must not be empty");
      return text;
    },
    () => undefined,
  );
}

export const flags = {
  influx: influxFlag("Where lines go by TCP, e.g. to a socket listener of telegraf."),
  url: optionalText(
    "--influx-url",
    "URL",
    "Write to the InfluxDB at this address by HTTP instead: http[s]://HOST[:PORT].",
  ),
  database: optionalText("--influx-database", "NAME", "With --influx-url: the database of an InfluxDB 1."),
  organisation: optionalText("--influx-org", "NAME", "With --influx-url: the organisation in an InfluxDB 2."),
  bucket: optionalText("--influx-bucket", "NAME", "With --influx-url: the bucket of an InfluxDB 2."),
  credentialsFile: optionalText(
    "--influx-credentials-file",
    "FILE",
    "With --influx-url: a file with USER:PASSWORD for version 1, or the token for version 2; else they are taken from INFLUX_CREDENTIALS in the environment.",
  ),
  compress: switchFlag(["--influx-gzip"], "With --influx-url: compress what is sent."),
  name: {
    ...valueFlag<Name>(
      "--name",
      "NAME",
      "The unikernel, or with a trailing colon the path, whose statistics are forwarded; all unless given.",
      (text) => {
        try {
          return parseName(text);
        } catch (error) {
          if (error instanceof NameError) throw new UsageError(error.message);
          throw error;
        }
      },
      () => Name.root,
    ),
    names: ["-n", "--name"],
  },
  keepPath: switchFlag(["--no-drop-path"], "Use the full name as the tag vm, not the label only."),
  noTimestamps: switchFlag(
    ["--no-timestamps"],
    "Leave the time to the receiver. What comes while there is no connection is dropped then: it would get a wrong time.",
  ),
  tmpdir: tmpdirFlag,
  metrics: metricsFlag,
};

/** What the flags say. */
export interface Options {
  readonly influx: TcpAddress | undefined;
  readonly url: string | undefined;
  readonly database: string | undefined;
  readonly organisation: string | undefined;
  readonly bucket: string | undefined;
  readonly credentialsFile: string | undefined;
  readonly compress: boolean;
  readonly noTimestamps: boolean;
}

/**
 * Makes what takes the lines.
 *
 * @param environment where credentials may be
 * @returns nothing if no receiver was named
 * @throws {UsageError} if the flags do not fit together, or a file cannot be read
 */
export function openSink(
  options: Options,
  environment: Readonly<Record<string, string | undefined>>,
  log: SinkLog,
): InfluxSink | undefined {
  const { influx, url, compress, noTimestamps } = options;
  if (url === undefined) {
    const lonely = (["database", "organisation", "bucket", "credentialsFile"] as const).find((key) => options[key]);
    if (lonely !== undefined || compress)
      throw new UsageError(`option ${flags[lonely ?? "compress"].names[0]}: needs --influx-url`);
    return influx && new TcpSink({ ...influx, patient: !noTimestamps, log });
  }
  if (influx !== undefined) throw new UsageError("the options --influx and --influx-url exclude each other");
  if (noTimestamps) throw new UsageError("option --no-timestamps: is for --influx, since batches are late");
  try {
    return new HttpSink({ target: httpTarget(destination(options, url, environment)), compress, log });
  } catch (error) {
    if (error instanceof HttpTargetError) throw new UsageError(`option --influx-url: ${error.message}`);
    throw error;
  }
}

function destination(
  { database, organisation, bucket, credentialsFile }: Options,
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
): HttpDestination {
  const credentials =
    credentialsFile === undefined ? environment["INFLUX_CREDENTIALS"] : readCredentials(credentialsFile);
  if (database !== undefined && organisation === undefined && bucket === undefined)
    return { url, credentials, database };
  if (database === undefined && organisation !== undefined && bucket !== undefined) {
    return { url, credentials, organisation, bucket };
  }
  throw new UsageError("option --influx-url: needs either --influx-database, or --influx-org and --influx-bucket");
}

function readCredentials(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new UsageError(`option --influx-credentials-file: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (text === "" || text.includes("\n")) {
    throw new UsageError(`option --influx-credentials-file: ${file} must have exactly one line`);
  }
  return text;
}
