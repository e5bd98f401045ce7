/**
 * GET by HTTP or HTTPS, one request for each connection, with limits on everything that a server decides.
 *
 * @module
 */
import { type IncomingMessage, request as requestPlain } from "node:http";
import { request as requestSecure } from "node:https";
import { VERSION } from "../../core/version.ts";
import { AbortedError, HttpError } from "../errors.ts";

/** Milliseconds to connect and to get the header of an answer. */
export const HTTP_ANSWER_TIMEOUT_MS = 30_000;

/** Milliseconds without a byte after which an answer is given up. */
export const HTTP_STALL_TIMEOUT_MS = 30_000;

/** Milliseconds that an answer may take in all, however slowly it comes. */
export const HTTP_TOTAL_TIMEOUT_MS = 1_800_000;

/** Times, in milliseconds; for tests. */
export interface HttpTimes {
  readonly answer: number;
  readonly stall: number;
  readonly total: number;
}

/** How requests are made. */
export interface HttpOptions {
  /** The authorities that a server's certificate must lead to, PEM. */
  readonly trustAnchors: () => readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly times?: HttpTimes | undefined;
}

/** An answer. Its body must be taken, or the answer dropped. */
export interface HttpAnswer {
  readonly status: number;
  /** `200 OK`, in printable characters. */
  readonly statusLine: string;
  /** A field of the header by its lower-case name; `undefined` if it is not there. */
  field(name: string): string | undefined;
  /** The body in pieces. @throws {HttpError} by the iteration, also if it ends too early */
  body(): AsyncGenerator<Uint8Array, void>;
  /** Ends the connection. */
  drop(): void;
}

const defaultTimes: HttpTimes = {
  answer: HTTP_ANSWER_TIMEOUT_MS,
  stall: HTTP_STALL_TIMEOUT_MS,
  total: HTTP_TOTAL_TIMEOUT_MS,
};

/** What a server said, made harmless for terminals. */
export function printable(text: string): string {
  return text.replaceAll(/[^ -~]/g, "?");
}

/** What is wrong at once, such as an authority that is no certificate, is a failure like any other. */
function begin<Request>(host: string, make: () => Request): Request {
  try {
    return make();
  } catch (cause) {
    throw new HttpError(`${host}: ${printable((cause as Error).message)}`, { cause });
  }
}

/**
 * Asks for a URL; redirections are answers like any other.
 *
 * @throws {HttpError}
 * @throws {AbortedError}
 */
export async function httpGet(url: URL, options: HttpOptions): Promise<HttpAnswer> {
  const times = options.times ?? defaultTimes;
  const request = url.protocol === "https:" ? requestSecure : requestPlain;
  const secure = url.protocol === "https:" ? { ca: [...options.trustAnchors()] } : {};
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    "user-agent": `albatross-client/${VERSION}`,
    // What is hashed is what is sent.
    "accept-encoding": "identity",
    connection: "close",
  };
  const sent = begin(url.host, () => request(url, { method: "GET", agent: false, headers, ...secure }, resolve));
  let why: Error | undefined;
  const giveUp = (error: Error) => {
    why ??= error;
    sent.destroy(error);
    reject(error);
  };
  const failure = (error: unknown) =>
    why ?? new HttpError(`${url.host}: ${printable((error as Error).message)}`, { cause: error });
  const abort = () => giveUp(new AbortedError(`Gave up ${url.host}`, { cause: options.signal?.reason }));
  const late = (what: string, after: number) => () =>
    giveUp(new HttpError(`${url.host}: ${what} within ${after / 1000} s`));
  const total = setTimeout(late("the answer was not complete", times.total), times.total);
  let timer = setTimeout(late("no answer", times.answer), times.answer);
  const release = () => {
    clearTimeout(total);
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
    sent.destroy();
  };
  sent.on("error", (error) => reject(failure(error)));
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  sent.end();
  let message: IncomingMessage;
  try {
    message = await promise;
  } catch (error) {
    release();
    throw error;
  }
  message.on("error", () => undefined); // told by the iteration
  const stalled = late("nothing more came", times.stall);
  const announced = /^\d{1,15}$/.test(message.headers["content-length"] ?? "")
    ? Number(message.headers["content-length"])
    : undefined;

  async function* body(): AsyncGenerator<Uint8Array, void> {
    let length = 0;
    try {
      for await (const chunk of message as AsyncIterable<Uint8Array>) {
        clearTimeout(timer);
        length += chunk.length;
        yield chunk;
        timer = setTimeout(stalled, times.stall);
      }
    } catch (error) {
      throw failure(error);
    } finally {
      release();
    }
    if (announced !== undefined && length !== announced) {
      throw new HttpError(`${url.host}: the answer ended after ${length} of ${announced} bytes`);
    }
  }

  clearTimeout(timer);
  timer = setTimeout(stalled, times.stall);
  return {
    status: message.statusCode ?? 0,
    statusLine: printable(`${message.statusCode} ${message.statusMessage ?? ""}`).trim(),
    field: (name) => {
      const value = message.headers[name];
      return typeof value === "string" ? value : undefined;
    },
    body,
    drop: release,
  };
}
