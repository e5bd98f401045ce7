/**
 * Messages as JSON, in the conventions of the recorded vectors of the original.
 *
 * @module
 */
import { eventToJson } from "../../core/log/json.ts";
import { type Header, type Payload, PROTOCOL_VERSION, type Success } from "../../core/wire/message.ts";
import { commandToJson } from "./command-to-json.ts";
import { bytesToJson, int64ToJson, intToJson, type Json, textToJson, timeToJson, toHex } from "./json-values.ts";
import { statisticsToJson } from "./statistics-to-json.ts";
import { infoToJson, policyToJson } from "./unikernel-to-json.ts";

function successToJson(success: Success): Json {
  switch (success.kind) {
    case "empty":
      return "empty";
    case "string":
      return { string: textToJson(success.text) };
    case "policies":
      return { policies: success.policies.map(({ name, policy }) => [name.text, policyToJson(policy)]) };
    case "block-devices":
      return { block_devices: success.devices.map(({ name, size, active }) => [name.text, intToJson(size), active]) };
    case "unikernel-image":
      return { unikernel_image: { compressed: success.compressed, image: bytesToJson(success.image) } };
    case "old-block-device-image":
      return { old_block_device_image: { compressed: success.compressed, image: bytesToJson(success.image) } };
    case "block-device-image":
      return { block_device_image: success.compressed };
    case "consoles":
      return { consoles: success.names.map((name) => name.text) };
    case "unikernels":
      return { info: success.unikernels.map(({ name, info }) => [name.text, infoToJson(info)]) };
    case "unikernels-old": {
      const infos = success.unikernels.map(({ name, info }) => [name.text, infoToJson(info)]);
      return success.generation === 4 ? { old_info4: infos } : { old_info5: infos };
    }
  }
}

/** A message's header. */
export function headerToJson(header: Header): Json {
  return { version: PROTOCOL_VERSION, sequence: int64ToJson(header.sequence), name: header.name.text };
}

/** A message's payload: the `value` of the vectors. */
export function payloadToJson(payload: Payload): Json {
  switch (payload.kind) {
    case "command":
      return { command: commandToJson(payload.command) };
    case "success":
      return { success: successToJson(payload.success) };
    case "failure":
      return { failure: textToJson(payload.text) };
    case "data": {
      const { data } = payload;
      switch (data.kind) {
        case "statistics":
          return { data: { stats: statisticsToJson(data.statistics) } };
        case "console":
          return { data: { console: { time: timeToJson(data.timestamp), line_hex: toHex(data.line) } } };
        case "log":
          return { data: { log: eventToJson(data, null) } };
        case "block":
          return { data: { block: data.bytes === undefined ? null : bytesToJson(data.bytes) } };
      }
    }
  }
}
