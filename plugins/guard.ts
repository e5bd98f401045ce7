/**
 * Calls into plugins: what they throw, reject or never settle becomes one kind of error, with the plugin's name.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { CALL_TIMEOUT_MS, type PluginLog } from "./plugin.ts";

/** A plugin failed. `cause` is what it threw, if it did. */
export class PluginFault extends Error {
  override readonly name = "PluginFault";
}

const calling = new AsyncLocalStorage<string>();

/** The plugin that is being called, or that began what is going on now. */
export function pluginInCharge(): string | undefined {
  return calling.getStore();
}

/** What was thrown, as a text. */
export function thrownText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Calls into one plugin. */
export class Guard {
  readonly plugin: string;
  /** The log of the plugin. */
  readonly log: PluginLog;

  constructor(plugin: string, log: PluginLog) {
    this.plugin = plugin;
    this.log = log;
  }

  /** Begins a call. @throws {PluginFault} */
  call<T>(what: string, action: () => T): T {
    try {
      return calling.run(this.plugin, action);
    } catch (cause) {
      throw this.#fault(what, cause);
    }
  }

  /**
   * Begins a call and waits for its result, but not for ever.
   *
   * @param late gets a result that came after the time had passed
   * @throws {PluginFault}
   */
  async settle<T>(
    what: string,
    action: () => T | Promise<T>,
    { limit = CALL_TIMEOUT_MS, late }: { readonly limit?: number; readonly late?: (value: T) => void } = {},
  ): Promise<T> {
    const timeout = Promise.withResolvers<never>();
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      timeout.reject(new PluginFault(`the plugin ${this.plugin} took longer than ${limit} ms to ${what}`));
    }, limit);
    try {
      const result = Promise.resolve(this.call(what, action)).then((value) => {
        if (over) late?.(value);
        return value;
      });
      return await Promise.race([result, timeout.promise]);
    } catch (cause) {
      throw cause instanceof PluginFault ? cause : this.#fault(what, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  /** As {@link Guard.call}, where only the log can be told of a failure; gives `otherwise` then. */
  attempt<T>(what: string, action: () => T, otherwise: T): T {
    try {
      return this.call(what, action);
    } catch (error) {
      this.log.error(thrownText(error));
      return otherwise;
    }
  }

  /** As {@link Guard.settle}, where only the log can be told of a failure. */
  async finish(what: string, action: () => unknown): Promise<void> {
    try {
      await this.settle(what, action);
    } catch (error) {
      this.log.error(thrownText(error));
    }
  }

  #fault(what: string, cause: unknown): PluginFault {
    return new PluginFault(`the plugin ${this.plugin} failed to ${what}: ${thrownText(cause)}`, { cause });
  }
}
