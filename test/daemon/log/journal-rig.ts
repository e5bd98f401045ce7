/**
 * A journal in a directory of its own, in the process of the test.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromText } from "../../../core/byte-string.ts";
import type { LogEvent } from "../../../core/log/event.ts";
import { Name, parseName } from "../../../core/name.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { type Entry, Journal, type JournalOptions } from "../../../daemon/log/journal.ts";

/** An event that carries a number. */
export function numbered(at: number, name = "foo:a"): LogEvent {
  return { kind: "unikernel-ended", name: parseName(name), status: fromText(`exit ${at}`) };
}

/** Such a number, or what else an event is. */
export function numberOf(event: LogEvent): string {
  if (event.kind === "unikernel-ended") return event.status.slice("exit ".length);
  return event.kind === "lost" ? `lost ${event.count}` : event.kind;
}

export class JournalRig {
  readonly folder: string = mkdtempSync(join(tmpdir(), "albatross-journal-"));
  readonly directory: string = join(this.folder, "log");
  readonly committed: Entry[] = [];
  /** What was logged. */
  complaints = "";
  now = 1_000_000;
  journal!: Journal;
  listener: (entries: readonly Entry[]) => void = () => undefined;

  open(changes: Partial<JournalOptions> = {}): Journal {
    const output = {
      write: (text: string) => {
        this.complaints += text;
      },
      writableLength: 0,
    };
    this.journal = new Journal({
      directory: this.directory,
      maxBytes: 1024 * 1024,
      maxAge: 1e12,
      log: createLog("test", "debug", output),
      now: () => this.now,
      newIdentity: () => Uint8Array.from({ length: 8 }, () => Math.floor(Math.random() * 256)),
      committed: (entries) => {
        this.committed.push(...entries);
        this.listener(entries);
      },
      ...changes,
    });
    return this.journal;
  }

  /** Appends events and waits until they are on the disk. */
  async write(...events: readonly LogEvent[]): Promise<void> {
    await new Promise<void>((resolve) => {
      const feeder = { acknowledge: () => undefined, flush: resolve };
      for (const event of events) {
        const header = { sequence: 0n, name: Name.root };
        this.journal.append({ timestamp: this.now, event }, { header, feeder });
      }
    });
  }

  /** Ends the journal and opens it anew. */
  async again(changes: Partial<JournalOptions> = {}): Promise<Journal> {
    await this.journal.close();
    return this.open(changes);
  }

  get files(): readonly string[] {
    return readdirSync(this.directory).sort();
  }

  async remove(): Promise<void> {
    await this.journal.close();
    rmSync(this.folder, { recursive: true });
  }
}
