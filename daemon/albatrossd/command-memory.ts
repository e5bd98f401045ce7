/**
 * Memory for commands that are coming in or being carried out, of all connections together.
 *
 * Nearly all commands are small. Only those that carry the content of a block device, as before 2.5, are not, and a few of
 * them at a time are enough.
 *
 * @module
 */
import { COMMAND_FRAME_LIMIT } from "../../core/wire/framing.ts";
import { PREFIX_LIMIT } from "../../core/wire/image-splitter.ts";

/** Bytes of a command that every connection may have kept: what a create takes until its image has begun, at the most. */
export const SMALL_COMMAND_MAX: number = 2 * PREFIX_LIMIT;

/** Bytes that commands may have kept beyond {@link SMALL_COMMAND_MAX} each, all together. */
export const COMMANDS_MEMORY_MAX: number = 8 * COMMAND_FRAME_LIMIT;

/** What one connection has of it. */
export interface MemoryShare {
  /** Takes or gives back, so that it is `bytes` in all. @returns whether there was room; nothing has changed if not */
  resize(bytes: number): boolean;
}

/** Hands out the memory. */
export class CommandMemory {
  #free: number;

  /** `most`: bytes; less for tests. */
  constructor(most: number = COMMANDS_MEMORY_MAX) {
    this.#free = most;
  }

  /** A share for one more connection, empty at first. */
  share(): MemoryShare {
    let taken = 0;
    return {
      resize: (bytes) => {
        const wanted = Math.max(0, bytes - SMALL_COMMAND_MAX);
        if (wanted - taken > this.#free) return false;
        this.#free -= wanted - taken;
        taken = wanted;
        return true;
      },
    };
  }
}
