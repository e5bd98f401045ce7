/**
 * Printed messages, as the original's client shows them (wire.md 20, client.md 8 and 9).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Data, Message, Success } from "../wire/message.ts";
import { printCommand } from "./command.ts";
import { escapeLine } from "./console-line.ts";
import { printEvent } from "./log.ts";
import { printPolicy } from "./policy.ts";
import { printStatistics } from "./statistics.ts";
import type { PrintStyle } from "./style.ts";
import { printTime } from "./time.ts";
import { printInfo } from "./unikernel.ts";

/** Elements on lines of their own, or what is said if there are none. */
function list<T>(values: readonly T[], none: string, print: (value: T, index: number) => string): string {
  return values.length === 0 ? none : values.map(print).join("\n");
}

/** A successful reply. `lead` is what stands on the line before it. */
export function printSuccess(success: Success, style: PrintStyle, lead = ""): ByteString {
  switch (success.kind) {
    case "unikernels":
    case "unikernels-old": {
      if (success.unikernels.length === 0) return `${lead}no unikernels` as ByteString;
      const elements = success.unikernels.map(({ name, info }, index) =>
        printInfo(
          info,
          { ...style, boxed: style.boxed && index === 0 },
          `${index === 0 ? lead : ""}${name.toDisplay()}: `,
        ),
      );
      return elements.join("\n") as ByteString;
    }
    default:
      return `${lead}${shortSuccess(success)}` as ByteString;
  }
}

function shortSuccess(success: Exclude<Success, { kind: "unikernels" | "unikernels-old" }>): string {
  switch (success.kind) {
    case "empty":
      return "success";
    case "string":
      return `success: ${success.text}`;
    case "policies":
      return list(success.policies, "no policies", ({ name, policy }) => `${name.toDisplay()}: ${printPolicy(policy)}`);
    case "block-devices":
      return list(
        success.devices,
        "no block devices",
        ({ name, size, active }) => `block ${name.toDisplay()} size ${size} MB active ${active}`,
      );
    case "unikernel-image":
      return `image (compression ${success.compressed}) ${success.image.length} bytes`;
    case "old-block-device-image":
      return `old block device compressed ${success.compressed}, ${success.image.length} bytes`;
    case "block-device-image":
      return `block device compressed ${success.compressed}`;
    case "consoles":
      return list(success.names, "no consoles", (name) => name.toDisplay());
  }
}

/** Data, which is printed without the name it belongs to. */
export function printData(data: Data): ByteString {
  switch (data.kind) {
    case "statistics":
      return printStatistics(data.statistics);
    case "console":
      return `console ${printTime(data.timestamp)}: ${escapeLine(data.line)}` as ByteString;
    case "log":
      return printEvent(data) as ByteString;
    case "block":
      return (data.bytes === undefined ? "block data eof" : `block data ${data.bytes.length} bytes`) as ByteString;
  }
}

/**
 * A whole message, without a line end. Texts that came in the message are not escaped, but for console lines: so does
 * the original.
 */
export function printMessage({ header, payload }: Message, style: PrintStyle): ByteString {
  const host = `host ${header.name.toDisplay()}: `;
  switch (payload.kind) {
    case "command":
      return printCommand(payload.command, style, host);
    case "success":
      return printSuccess(payload.success, style, host);
    case "failure":
      return `${host}command failed ${payload.text}` as ByteString;
    case "data":
      return printData(payload.data);
  }
}
