/** A program on a terminal of its own, which a test types into. */
import { spawn } from "node:child_process";
import process from "node:process";

/** Longest wait for an output, milliseconds. */
const PATIENCE_MS = 20_000;

export interface TerminalOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
}

/** What a program on a terminal shows. */
export class Terminal {
  /** Everything shown so far, line ends as `\n`. */
  shown = "";
  readonly #child;
  readonly #ended: Promise<number | null>;
  #running = true;

  /** `command`: for a shell. */
  constructor(command: string, options: TerminalOptions = {}) {
    const { PATH = "", HOME = "/" } = process.env;
    const sized = `stty rows 50 columns ${options.columns ?? 200}; ${command}`;
    this.#child = spawn("script", ["-qfec", sized, "/dev/null"], {
      env: { PATH, HOME, SHELL: "/bin/sh", TERM: "xterm", LC_ALL: "C.UTF-8", ...options.env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.shown += text.replaceAll("\r\n", "\n");
    });
    this.#child.stdin.on("error", () => undefined); // it has ended
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on("error", reject);
      this.#child.on("close", (code) => {
        this.#running = false;
        resolve(code);
      });
    });
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Waits until what is shown matches. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = pattern.exec(this.shown);
      if (found !== null) return found;
      if (!this.#running || performance.now() > end) {
        throw new Error(`${pattern} was never shown, but:\n${JSON.stringify(this.shown)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** The exit status, when the program has ended. */
  async ended(): Promise<number | null> {
    return await this.#ended;
  }

  async close(): Promise<void> {
    if (this.#running) this.#child.kill("SIGKILL"); // its terminal goes with it, and what runs there is hung up
    await this.#ended;
  }
}
