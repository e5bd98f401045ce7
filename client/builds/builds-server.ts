/**
 * A server of reproducible builds (client.md 11): finds a build by the digest of its image, and the newest one of a job.
 *
 * @module
 */
import { HttpError } from "../errors.ts";
import { type HttpAnswer, type HttpOptions, httpGet, printable } from "./http-get.ts";

/** Redirections that are followed for an image. */
export const REDIRECTS_MAX = 5;

/** The largest image that is downloaded, bytes: albatrossd takes no larger one. */
export const BUILD_IMAGE_BYTES_MAX: number = 512 * 2 ** 20;

/** A build, as its path names it. */
export interface Build {
  readonly job: string;
  readonly uuid: string;
}

/** The server answered, but not as one of its kind does. */
export class UnexpectedAnswer extends HttpError {
  override readonly name = "UnexpectedAnswer";
  /** The status line. */
  readonly answer: string;

  constructor(answer: string, options?: ErrorOptions) {
    super("unexpected HTTP reply", options);
    this.answer = answer;
  }
}

const redirections: ReadonlySet<number> = new Set([300, 301, 302, 303, 304, 305, 307, 308]);

/** A part of a path that stays what it is when it becomes a part of another one. */
const buildPath = /^\/job\/(?!\.{1,2}\/)([^/?#\\\s]+)\/build\/(?!\.{1,2}\/?$)([^/?#\\\s]+)\/?$/;

/** An image on its way. */
export interface ImageDownload {
  /** Bytes; `undefined` if the server does not say. */
  readonly length: number | undefined;
  /** The SHA-256 that the server announces, if it does. */
  readonly announced: Uint8Array | undefined;
  /** @throws {HttpError} by the iteration */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** One server. Every method throws {@link HttpError}, and the AbortedError of its signal. */
export class BuildsServer {
  readonly #host: string;
  readonly #options: HttpOptions;
  readonly #imageLimit: number;

  /**
   * @param host `http[s]://HOST[:PORT]`, without a slash at the end
   * @param imageLimit bytes of an image
   */
  constructor(host: string, options: HttpOptions, imageLimit: number = BUILD_IMAGE_BYTES_MAX) {
    this.#host = host;
    this.#options = options;
    this.#imageLimit = imageLimit;
  }

  /** The build whose image has this SHA-256 (lower-case hex). */
  async byDigest(sha256: string): Promise<Build> {
    return await this.#build(`/hash?sha256=${sha256}`);
  }

  /** The newest successful build of a job. */
  async latest(job: string): Promise<Build> {
    return await this.#build(`/job/${job}/build/latest`);
  }

  /** Where people see what has changed between two builds. */
  compareUrl(from: Build, to: Build): string {
    return `${this.#host}/compare/${from.uuid}/${to.uuid}`;
  }

  /** The build that a path redirects to. */
  async #build(path: string): Promise<Build> {
    const answer = await httpGet(new URL(this.#host + path), this.#options);
    answer.drop();
    if (answer.status === 404) throw new HttpError("couldn't find the unikernel in the repository");
    if (!redirections.has(answer.status)) throw new UnexpectedAnswer(answer.statusLine);
    const location = answer.field("location");
    if (location === undefined) throw new HttpError("no Location header received in HTTP reply");
    const [, job, uuid] = buildPath.exec(location) ?? [];
    if (job === undefined || uuid === undefined || printable(location) !== location) {
      throw new HttpError(`expected '/job/<jobname>/build/<uuid>', got: ${printable(location)}`);
    }
    return { job, uuid };
  }

  /** The image of a build. Its chunks must be taken. */
  async image({ job, uuid }: Build): Promise<ImageDownload> {
    let url = new URL(`${this.#host}/job/${job}/build/${uuid}/main-binary`);
    for (let followed = 0; ; followed++) {
      const answer = await httpGet(url, this.#options);
      if (redirections.has(answer.status)) {
        answer.drop();
        url = redirected(url, answer);
        if (followed === REDIRECTS_MAX) throw new HttpError(`more than ${REDIRECTS_MAX} redirections`);
        continue;
      }
      if (answer.status < 200 || answer.status > 299) {
        answer.drop();
        throw new UnexpectedAnswer(answer.statusLine);
      }
      const length = /^\d+$/.test(answer.field("content-length") ?? "")
        ? Number(answer.field("content-length"))
        : undefined;
      if (length !== undefined && length > this.#imageLimit) {
        answer.drop();
        throw tooLarge(this.#imageLimit);
      }
      return { length, announced: announcedDigest(answer), chunks: limited(answer, this.#imageLimit) };
    }
  }
}

function redirected(from: URL, answer: HttpAnswer): URL {
  const location = answer.field("location");
  if (location === undefined) throw new HttpError("no Location header received in HTTP reply");
  const to = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  const schemes = from.protocol === "https:" ? ["https:"] : ["http:", "https:"];
  if (to === undefined || !schemes.includes(to.protocol)) {
    throw new HttpError(
      `redirected from ${from.protocol}//${from.host} to ${printable(location)}, which is not followed`,
    );
  }
  return to;
}

function tooLarge(limit: number): HttpError {
  return new HttpError(`the image has more than ${limit} bytes`);
}

async function* limited(answer: HttpAnswer, limit: number): AsyncGenerator<Uint8Array, void> {
  let length = 0;
  for await (const chunk of answer.body()) {
    length += chunk.length;
    if (length > limit) throw tooLarge(limit);
    yield chunk;
  }
  if (length === 0) throw new UnexpectedAnswer(`${answer.statusLine}, without content`);
}

/** SHA-256 in `Repr-Digest`, `Content-Digest` (RFC 9530), `Digest` (RFC 3230), or an `ETag` that is one. */
function announcedDigest(answer: HttpAnswer): Uint8Array | undefined {
  for (const name of ["repr-digest", "content-digest", "digest"]) {
    const [, encoded = ""] =
      /(?:^|[,\s])sha-256=:?([A-Za-z0-9+/]{43}=)(?:[:,\s]|$)/i.exec(answer.field(name) ?? "") ?? [];
    if (encoded !== "") return Uint8Array.fromBase64(encoded);
  }
  const [, hex] = /^"([0-9a-f]{64})"$/.exec(answer.field("etag") ?? "") ?? [];
  return hex === undefined ? undefined : Uint8Array.fromHex(hex);
}
