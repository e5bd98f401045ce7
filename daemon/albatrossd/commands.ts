/**
 * Carries out the commands of the protocol, whoever sent them.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import { decide, decideCreate } from "../../core/engine/decide.ts";
import type { Int } from "../../core/int.ts";
import type { Name } from "../../core/name.ts";
import { carriesImage } from "../../core/unikernel-type.ts";
import type { Header, Message, UnikernelCommand } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { delegationTime, IMAGE_BY_DIGEST_SEQUENCE, IMAGE_NOT_PRESENT } from "../../core/wire/peer-extensions.ts";
import { STATUS_SEQUENCE } from "../../core/wire/status-request.ts";
import type { Log } from "../common/log.ts";
import { BlockCommands } from "./blocks.ts";
import { HEAD_SIZE, ImageError, type ImageStore, type StoredImage, type Upload } from "./images.ts";
import { failure, type Reply, success } from "./reply.ts";
import { sendCompressed } from "./send-compressed.ts";
import { OLD_DUMP_MAX } from "./send-old-dump.ts";
import { TooManyTasks } from "./serial.ts";
import type { Commands, Outcome } from "./session.ts";
import type { StatisticsLink } from "./statistics-link.ts";
import { Streams } from "./streams.ts";
import type { Supervisor } from "./supervisor.ts";
import { create, destroy, restart, rollback } from "./unikernel-commands.ts";
import { listRevisions, listStatus, listUnikernels } from "./unikernel-info.ts";

/** Encoded info replies kept until the state changes, for those who ask often. */
export const INFO_CACHE_MAX = 64;

/** What commands are carried out with. */
export interface CommandHost {
  readonly supervisor: Supervisor;
  readonly images: ImageStore;
  readonly statistics: StatisticsLink;
  readonly databaseDirectory: string;
  /** Looks again at what bridges the host has. */
  readonly refreshBridges: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Log;
}

type CreateCommand = UnikernelCommand & { kind: "unikernel-create" | "unikernel-force-create" };

const closing = (reply: Reply): Outcome => ({ kind: "reply", reply, keep: false });

/** The commands of albatrossd. */
export class DaemonCommands implements Commands {
  readonly #host: CommandHost;
  readonly #blocks: BlockCommands;
  readonly #compressed = new Streams("images are being compressed");
  readonly #infoCache = new Map<string, Uint8Array>();
  #infoVersion = -1;

  constructor(host: CommandHost) {
    this.#host = host;
    this.#blocks = new BlockCommands(host.supervisor, host.databaseDirectory);
  }

  get images(): ImageStore {
    return this.#host.images;
  }

  log(text: string): void {
    this.#host.log.warning(text);
  }

  perform(message: Message, upload: Upload | undefined): Outcome | Promise<Outcome> {
    const { payload, header } = message;
    if (payload.kind !== "command") return closing(failure("unknown command"));
    const { command } = payload;
    switch (command.kind) {
      case "unikernel-info":
      case "unikernel-info-old":
        return {
          kind: "frames",
          frames: this.#info(header, command.kind === "unikernel-info" ? 6 : command.generation),
        };
      case "unikernel-create":
      case "unikernel-force-create":
        return this.#guarded(() => this.#create(header, command, upload));
      case "unikernel-restart":
        return this.#guarded(() => {
          this.#host.refreshBridges();
          return restart(this.#host.supervisor, header.name, command);
        });
      case "unikernel-revisions":
        return this.#guarded(async () => this.#revisions(header.name, command.count));
      case "unikernel-rollback":
        return this.#guarded(() => {
          this.#host.refreshBridges();
          return rollback(this.#host.supervisor, this.images, header.name, command.revision);
        });
      case "unikernel-destroy":
        return this.#guarded(() => destroy(this.#host.supervisor, header.name));
      case "unikernel-get":
        return this.#caught(async () => this.#get(header.name, command));
      case "block-add":
      case "block-add-old":
      case "block-remove":
      case "block-set":
      case "block-set-old":
      case "block-dump":
      case "block-dump-old":
      case "block-copy":
      case "block-resize":
        return this.#caught(() => this.#blocks.perform(header.name, command));
      case "statistics-initial":
        return {
          kind: "statistics",
          attach: (connection) => this.#host.statistics.attach(connection, this.#host.supervisor.state),
        };
      default:
        return this.#decided(header, command);
    }
  }

  /** Commands that are answered from the state alone. */
  #decided({ name, sequence }: Header, command: Parameters<typeof decide>[2]): Outcome {
    if (command.kind === "policy-add" && name.label !== undefined) {
      this.#host.log.warning(`policy command with non-empty name part ${name.toDisplay()}`);
    }
    const { supervisor } = this.#host;
    const delegated = delegationTime(sequence);
    const source = { at: delegated ?? this.#host.now(), delegated: delegated !== undefined };
    const decision = decide(supervisor.state, name, command, source);
    if (decision === undefined || decision.kind === "plan") return closing(failure("unknown command"));
    if (decision.kind === "refuse") return closing(failure(decision.text));
    if (decision.events.length > 0) {
      try {
        supervisor.commit(...decision.events);
      } catch (error) {
        return closing(failure(error instanceof Error ? error.message : String(error)));
      }
    }
    return {
      kind: "reply",
      reply: { kind: "success", success: decision.success },
      keep: command.kind === "policy-add",
    };
  }

  async #guarded(task: () => Promise<Reply>): Promise<Outcome> {
    return await this.#caught(async () => closing(await task()));
  }

  /** A command that waits: whatever goes wrong, the client gets an answer and the daemon goes on. */
  async #caught(task: () => Promise<Outcome>): Promise<Outcome> {
    try {
      return await task();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof TooManyTasks) return closing(failure(reason));
      this.#host.log.error(`a command failed unexpectedly: ${error instanceof Error ? error.stack : reason}`);
      return closing(failure(`internal error: ${reason}`));
    }
  }

  /**
   * The image that a create names by its digest instead of carrying it (see `core/wire/peer-extensions.ts`). It must be one
   * of the tenant's own: who knows a digest is not to learn whether others run that image, nor to get it.
   */
  async #imageByDigest(name: Name, upload: Upload | undefined): Promise<StoredImage | undefined> {
    await upload?.abort();
    const digest = upload?.head.length === HEAD_SIZE ? upload.head.toHex() : "";
    return this.#isOwn(name, digest) ? this.images.pinByDigest(digest) : undefined;
  }

  #isOwn(name: Name, digest: string): boolean {
    const [tenant] = name.path;
    if (tenant === undefined) return true; // the host's own
    const { state } = this.#host.supervisor;
    const running = [...state.unikernels.values()].some(
      (each) => each.name.path[0] === tenant && each.spec.image?.sha256 === digest,
    );
    return running || this.#host.supervisor.revisions(name).some(({ spec }) => spec.image?.sha256 === digest);
  }

  async #create({ name, sequence }: Header, command: CreateCommand, upload: Upload | undefined): Promise<Reply> {
    const { type, compressed: _compressed, image: _image, ...given } = command.config;
    const force = command.kind === "unikernel-force-create";
    if (given.networks.length > 0) this.#host.refreshBridges();
    let image: StoredImage | undefined;
    if (carriesImage(type) && sequence === IMAGE_BY_DIGEST_SEQUENCE) {
      image = await this.#imageByDigest(name, upload);
      if (image === undefined) return failure(IMAGE_NOT_PRESENT);
    } else if (type === "solo5" || (carriesImage(type) && upload !== undefined)) {
      try {
        // An empty image is an invalid one, and is refused as such.
        image = await (upload ?? this.images.receive(false)).finish();
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        // What would refuse it whatever its image is comes first (daemon.md 7).
        const decision = decideCreate(this.#host.supervisor.state, name, given, force);
        return failure(decision.kind === "refuse" ? decision.text : error.message);
      }
    } else {
      await upload?.abort();
    }
    if (type !== "solo5" && image?.size === 0) {
      image.release(); // there is none, in the form that some have of it
      image = undefined;
    }
    return await create(this.#host.supervisor, {
      name,
      spec: { type, image, arguments: given },
      image,
      force,
    });
  }

  #revisions(name: Name, count: Int): Reply {
    const revisions = this.#host.supervisor.revisions(name);
    if (revisions.length === 0) return failure("revisions: no unikernel found");
    return success(listRevisions(revisions, count));
  }

  #get(name: Name, command: UnikernelCommand & { kind: "unikernel-get" }): Outcome {
    const decision = decide(this.#host.supervisor.state, name, command);
    if (decision?.kind === "refuse") return closing(failure(decision.text));
    if (decision?.kind !== "plan" || decision.plan.kind !== "image") return closing(failure("unknown command"));
    const { unikernel, level } = decision.plan;
    const { image } = unikernel.spec;
    if (image === undefined) return closing(failure("get: no unikernel found"));
    if (!this.images.has(image)) {
      return closing(
        failure("get: the image is not in the database directory any more. Create the unikernel by force, anew"),
      );
    }
    const path = this.images.pathOf(image.sha256);
    if (level === 0) return closing({ kind: "image", path, size: image.size });
    const leave = this.#compressed.enter(name);
    if (typeof leave !== "function") return closing(leave);
    const file = {
      kind: "unikernel-image",
      path,
      size: image.size,
      level,
      most: OLD_DUMP_MAX,
      unreadable: "get: the image cannot be read",
      tooLong: (length: number) => `get: ${length} bytes are more than one message can hold`,
    } as const;
    return {
      kind: "send",
      send: async (connection, header) => {
        try {
          await sendCompressed(connection, header, file, this.#host.databaseDirectory);
        } finally {
          leave();
        }
      },
    };
  }

  #info(header: Header, generation: 4 | 5 | 6): Uint8Array {
    const { supervisor } = this.#host;
    if (this.#infoVersion !== supervisor.version) {
      this.#infoCache.clear();
      this.#infoVersion = supervisor.version;
    }
    const key = `${generation} ${header.sequence} ${header.name.text}`;
    const cached = this.#infoCache.get(key);
    if (cached !== undefined) return cached;
    const frames = this.#encodeInfo(header, generation);
    if (this.#infoCache.size < INFO_CACHE_MAX) this.#infoCache.set(key, frames);
    return frames;
  }

  #encodeInfo(header: Header, generation: 4 | 5 | 6): Uint8Array {
    const { state } = this.#host.supervisor;
    const ours = header.sequence === STATUS_SEQUENCE; // others would not understand the names of backends
    const unikernels = listUnikernels(state, header.name, ours);
    const info = encodeFrame({
      header,
      payload: {
        kind: "success",
        success:
          generation === 6 ? { kind: "unikernels", unikernels } : { kind: "unikernels-old", generation, unikernels },
      },
    });
    if (!ours) return info;
    const status = JSON.stringify(listStatus(state, header.name));
    const text = encodeFrame({
      header,
      payload: { kind: "success", success: { kind: "string", text: fromText(status) } },
    });
    const both = new Uint8Array(info.length + text.length);
    both.set(info);
    both.set(text, info.length);
    return both;
  }
}
