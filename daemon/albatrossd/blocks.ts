/**
 * The commands about block devices (daemon.md 14).
 *
 * A device is held while its content is read or written, and not locked: whatever else wants it is refused at once.
 *
 * @module
 */
import { access, open, rm } from "node:fs/promises";
import { decide } from "../../core/engine/decide.ts";
import type { BlockPlan } from "../../core/engine/decide-block.ts";
import type { Name } from "../../core/name.ts";
import { blockDirectory, blockFile } from "../../core/paths.ts";
import type { BlockHold } from "../../core/resources.ts";
import type { BlockCommand } from "../../core/wire/message.ts";
import { MEBIBYTE } from "./block-files.ts";
import { type BlockUpload, BlockUploadError, receiveBlock } from "./block-upload.ts";
import { copyData, shareFile } from "./copy-block.ts";
import { changeFolder, NewBlockFile } from "./new-block-file.ts";
import { failure, type Reply, success } from "./reply.ts";
import { sendBlock } from "./send-block.ts";
import { sendOldDump } from "./send-old-dump.ts";
import type { Outcome } from "./session.ts";
import { once, Streams } from "./streams.ts";
import type { Supervisor } from "./supervisor.ts";

/** What is needed of the supervisor. */
export type BlockState = Pick<Supervisor, "state" | "restore" | "note">;

/** A command that has to be carried out here: all but info. */
export type DeviceCommand = Exclude<BlockCommand, { kind: "block-info" }>;

type PlanOf<K extends BlockPlan["kind"]> = Extract<BlockPlan, { kind: K }>;

const closing = (reply: Reply, drains = false): Outcome => ({ kind: "reply", reply, keep: false, drains });

function reason(error: unknown): string {
  if (error instanceof Error && "code" in error) {
    if (error.code === "EEXIST") return "file already exists";
    if (error.code === "ENOENT") return "file does not exist";
  }
  return error instanceof Error ? error.message : String(error);
}

/** Carries out the commands. */
export class BlockCommands {
  readonly #supervisor: BlockState;
  readonly #directory: string;
  readonly #streams = new Streams("block devices are being sent, received or copied");

  constructor(supervisor: BlockState, databaseDirectory: string) {
    this.#supervisor = supervisor;
    this.#directory = databaseDirectory;
  }

  /** Decides a command and carries it out, or begins to. */
  async perform(name: Name, command: DeviceCommand): Promise<Outcome> {
    const decision = decide(this.#supervisor.state, name, command);
    // What a client sends with a refused `set` is dropped, so that it comes to read the refusal.
    const drains = command.kind === "block-set";
    if (decision?.kind === "refuse") return closing(failure(decision.text), drains);
    if (decision?.kind !== "plan") return closing(failure("unknown command"));
    const { plan } = decision;
    switch (plan.kind) {
      case "add-block": {
        const data = command.kind === "block-add-old" ? command.data : undefined;
        const compressed = command.kind === "block-add-old" && command.compressed;
        return closing(await this.#add(name, plan, data, compressed));
      }
      case "remove-block":
        return closing(await this.#remove(name));
      case "set-block":
        if (command.kind === "block-set-old") return closing(await this.#setInline(name, plan, command));
        return await this.#receive(name, plan, command.kind === "block-set" && command.compressed);
      case "dump-block":
        return await this.#dump(name, plan, command.kind === "block-dump-old");
      case "copy-block":
        return closing(await this.#copy(name, plan));
      case "resize-block":
        return closing(await this.#resize(name, plan));
      default:
        return closing(failure("unknown command"));
    }
  }

  /** Holds a device until the returned function is called. */
  #hold(name: Name, use: BlockHold): () => void {
    this.#supervisor.restore({ kind: "block-held", name, use });
    return () => this.#supervisor.restore({ kind: "block-released", name, use });
  }

  /**
   * Makes a device. It is registered first, so that it counts while its file is made; that is news only afterwards.
   *
   * @param make makes the file and puts it into its place, or leaves nothing behind
   */
  async #register(name: Name, size: number, make: () => Promise<void>): Promise<string | undefined> {
    this.#supervisor.restore({ kind: "block-added", name, size });
    const release = this.#hold(name, "write");
    try {
      await make();
      this.#supervisor.note({ kind: "block-added", name, size });
      return undefined;
    } catch (error) {
      this.#supervisor.restore({ kind: "block-removed", name });
      return error instanceof BlockUploadError ? error.message : reason(error);
    } finally {
      release();
    }
  }

  async #add(
    name: Name,
    { size }: PlanOf<"add-block">,
    data: Uint8Array | undefined,
    compressed: boolean,
  ): Promise<Reply> {
    const bytes = size * MEBIBYTE;
    const refusal = await this.#register(name, size, async () => {
      if (data === undefined) await (await NewBlockFile.create(this.#directory, bytes)).commit(name, false);
      else await this.#fill(name, bytes, data, compressed, false);
    });
    return refusal === undefined ? success("added block device") : failure(refusal);
  }

  /** Puts data that came with the command into a device. @throws {BlockUploadError} */
  async #fill(name: Name, size: number, data: Uint8Array, compressed: boolean, replace: boolean): Promise<void> {
    const tooLong = "data exceeds block size";
    const target = { databaseDirectory: this.#directory, name, size, replace, tooLong };
    const upload = await receiveBlock(target, compressed);
    await upload.write(data);
    if (upload.failure === undefined) return await upload.finish();
    await upload.abort();
    throw upload.failure;
  }

  async #remove(name: Name): Promise<Reply> {
    const release = this.#hold(name, "write");
    let removed = false;
    try {
      // On the disk before it is told: it could be back after a failure of power.
      await changeFolder(blockDirectory(this.#directory), async () => {
        await rm(blockFile(this.#directory, name));
        removed = true;
      });
      return success("removed block");
    } catch (error) {
      return failure(reason(error));
    } finally {
      // The hold goes with it, and nothing is released later: that would free another device of the same name.
      if (removed) this.#supervisor.note({ kind: "block-removed", name });
      else release();
    }
  }

  async #setInline(
    name: Name,
    { size }: PlanOf<"set-block">,
    { data, compressed }: DeviceCommand & { kind: "block-set-old" },
  ): Promise<Reply> {
    const release = this.#hold(name, "write");
    try {
      await this.#fill(name, Number(size) * MEBIBYTE, data, compressed, true);
      this.#supervisor.note({ kind: "block-set", name });
      return success("set block device");
    } catch (error) {
      if (error instanceof BlockUploadError) return failure(error.message);
      throw error;
    } finally {
      release();
    }
  }

  async #receive(name: Name, { size }: PlanOf<"set-block">, compressed: boolean): Promise<Outcome> {
    const leave = this.#streams.enter(name);
    if (typeof leave !== "function") return closing(leave, true);
    const release = once(this.#hold(name, "write"));
    const bytes = Number(size) * MEBIBYTE;
    const target = {
      databaseDirectory: this.#directory,
      name,
      size: bytes,
      replace: true,
      tooLong: "stream exceeds size",
    };
    let upload: BlockUpload;
    try {
      upload = await receiveBlock(target, compressed);
    } catch (error) {
      release();
      leave();
      if (error instanceof BlockUploadError) return closing(failure(error.message), true);
      throw error;
    }
    const supervisor = this.#supervisor;
    return {
      kind: "receive",
      receiver: {
        get refusal() {
          return upload.failure?.message;
        },
        write: (chunk) => upload.write(chunk),
        async finish() {
          try {
            await upload.finish();
            supervisor.note({ kind: "block-set", name });
            return success("set block device");
          } catch (error) {
            if (error instanceof BlockUploadError) return failure(error.message);
            throw error;
          } finally {
            release();
            leave();
          }
        },
        async abort() {
          release(); // what is cleared up now is no part of the device
          try {
            await upload.abort();
          } finally {
            leave();
          }
        },
      },
    };
  }

  async #dump(name: Name, { size, level }: PlanOf<"dump-block">, old: boolean): Promise<Outcome> {
    const leave = this.#streams.enter(name);
    if (typeof leave !== "function") return closing(leave);
    const whenRead = once(this.#hold(name, "read"));
    const device = { path: blockFile(this.#directory, name), size: Number(size) * MEBIBYTE, level, whenRead };
    try {
      await access(device.path);
    } catch (error) {
      whenRead();
      leave();
      return closing(failure(reason(error)));
    }
    return {
      kind: "send",
      send: async (connection, header) => {
        try {
          if (old) await sendOldDump(connection, header, device, this.#directory);
          else await sendBlock(connection, header, device);
          this.#supervisor.note({ kind: "block-dumped", name });
        } finally {
          whenRead();
          leave(); // until now: what is sent may take a temporary file
        }
      },
    };
  }

  async #copy(name: Name, { target, size, live }: PlanOf<"copy-block">): Promise<Reply> {
    const leave = this.#streams.enter(name);
    if (typeof leave !== "function") return leave;
    const source = blockFile(this.#directory, name);
    const bytes = Number(size) * MEBIBYTE;
    // A live source is protected by its unikernel, which must still be able to start on it.
    const release = live ? () => undefined : this.#hold(name, "read");
    try {
      const refusal = await this.#register(target, Number(size), async () => {
        const shared = await shareFile(this.#directory, source, bytes);
        if (shared === undefined && live) {
          throw new BlockUploadError(
            `snapshot block: ${name.toDisplay()} is in use, and the file system of the block devices cannot take a snapshot at one instant. End the unikernel first, or keep block devices on btrfs or XFS`,
          );
        }
        await (shared ?? (await copyData(this.#directory, source, bytes))).commit(target, false);
      });
      return refusal === undefined ? success("added block device") : failure(refusal);
    } finally {
      leave();
      release();
    }
  }

  async #resize(name: Name, { from, size }: PlanOf<"resize-block">): Promise<Reply> {
    const release = this.#hold(name, "write");
    // Counted first if it grows, so that others cannot have the same space meanwhile.
    if (size > from) this.#supervisor.restore({ kind: "block-resized", name, size });
    try {
      const file = await open(blockFile(this.#directory, name), "r+");
      try {
        await file.truncate(size * MEBIBYTE);
        await file.sync();
      } finally {
        await file.close();
      }
      this.#supervisor.note({ kind: "block-resized", name, size });
      return success("resized block device");
    } catch (error) {
      this.#supervisor.restore({ kind: "block-resized", name, size: from });
      return failure(reason(error));
    } finally {
      release();
    }
  }
}
