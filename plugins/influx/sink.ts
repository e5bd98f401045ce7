/**
 * Where lines for Influx go.
 *
 * @module
 */

/** Takes lines at any time and never waits: what the receiver does not take is queued, and dropped at a limit. */
export interface InfluxSink {
  /** Whole lines, each with its end. */
  write(lines: string): void;
  /** What has been dropped so far. */
  readonly dropped: number;
  /** Sends what is queued, for a short time, and closes. */
  close(): Promise<void>;
}

/** Told of what people should know. */
export interface SinkLog {
  info(text: string): void;
  warning(text: string): void;
}
