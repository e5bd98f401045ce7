/**
 * Where an InfluxDB takes lines by HTTP: version 1 by the name of a database, version 2 by organisation and bucket.
 *
 * @module
 */

/** What says where lines go. `credentials`: `USER:PASSWORD` for version 1, a token for version 2. */
export type HttpDestination = { readonly url: string; readonly credentials: string | undefined } & (
  | { readonly database: string }
  | { readonly organisation: string; readonly bucket: string }
);

/** A request to be made for each batch. */
export interface HttpTarget {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
}

/** The destination is none. `message` says why. */
export class HttpTargetError extends Error {
  override readonly name = "HttpTargetError";
}

/**
 * The request for a destination.
 *
 * @throws {HttpTargetError} if the address is none of HTTP, or holds a password, which everybody would see
 */
export function httpTarget(destination: HttpDestination): HttpTarget {
  let url: URL;
  try {
    url = new URL(destination.url);
  } catch (cause) {
    throw new HttpTargetError(`${destination.url} is no URL`, { cause });
  }
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new HttpTargetError("expected http[s]://HOST[:PORT]");
  if (url.username !== "" || url.password !== "") {
    throw new HttpTargetError("credentials do not belong into the URL, which every user of this host can see");
  }
  url.search = "";
  url.hash = "";
  const base = url.pathname.replace(/\/$/, "");
  const { credentials } = destination;
  const headers: Record<string, string> = { "Content-Type": "text/plain; charset=utf-8" };
  if ("database" in destination) {
    url.pathname = `${base}/write`;
    url.searchParams.set("db", destination.database);
    if (credentials !== undefined) {
      if (!credentials.includes(":")) throw new HttpTargetError("expected USER:PASSWORD as credentials");
      headers["Authorization"] = `Basic ${Buffer.from(credentials).toString("base64")}`;
    }
  } else {
    url.pathname = `${base}/api/v2/write`;
    url.searchParams.set("org", destination.organisation);
    url.searchParams.set("bucket", destination.bucket);
    if (credentials !== undefined) headers["Authorization"] = `Token ${credentials}`;
  }
  url.searchParams.set("precision", "ns");
  return { url, headers };
}
