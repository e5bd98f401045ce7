import assert from "node:assert/strict";
import { connect } from "node:net";
import { it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openssl } from "../../../plugins/tls/openssl.ts";
import { UNTAKEN_MAX } from "../../../plugins/tls/tls-session.ts";
import { openLibrary } from "../../../runtime/ffi.ts";
import { TlsServer } from "./tls-server.ts";

const UPDATE_REQUESTED = 1;

/** A client of OpenSSL, whose bytes a test carries. */
class Client {
  readonly #library = openLibrary(["libssl.so.3", "libssl.so.30", "libssl.so.35"], {
    TLS_client_method: { args: [], returns: "pointer" },
    SSL_set_connect_state: { args: ["pointer"], returns: "void" },
    SSL_key_update: { args: ["pointer", "i32"], returns: "i32" },
  });
  readonly #context = openssl().SSL_CTX_new(this.#library.TLS_client_method());
  readonly #ssl: number;
  readonly #input: number;
  readonly #output: number;

  constructor(certificate: string, key: string) {
    const { BIO_new, BIO_new_mem_buf, BIO_s_mem, ...library } = openssl();
    const file = (text: string) => {
      const bytes = Buffer.from(text);
      return BIO_new_mem_buf(bytes, bytes.length);
    };
    library.SSL_CTX_use_certificate(this.#context, library.PEM_read_bio_X509(file(certificate), 0, 0, null));
    library.SSL_CTX_use_PrivateKey(this.#context, library.PEM_read_bio_PrivateKey(file(key), 0, 0, null));
    this.#ssl = library.SSL_new(this.#context);
    this.#input = BIO_new(BIO_s_mem());
    this.#output = BIO_new(BIO_s_mem());
    library.SSL_set_bio(this.#ssl, this.#input, this.#output);
    this.#library.SSL_set_connect_state(this.#ssl);
  }

  /** Takes what the server sent, and gives what it is to be sent; whether the handshake is done. */
  shakeHands(received: Uint8Array): { readonly done: boolean; readonly bytes: Buffer } {
    openssl().BIO_write(this.#input, received, received.length);
    const done = openssl().SSL_do_handshake(this.#ssl) === 1;
    return { done, bytes: this.#take() };
  }

  /** Messages that ask for new keys. */
  updates(count: number): Buffer {
    for (let at = 0; at < count; at++) {
      this.#library.SSL_key_update(this.#ssl, UPDATE_REQUESTED);
      openssl().SSL_do_handshake(this.#ssl);
    }
    return this.#take();
  }

  #take(): Buffer {
    const bytes = Buffer.alloc(1 << 20);
    return bytes.subarray(0, Math.max(0, openssl().BIO_read(this.#output, bytes, bytes.length)));
  }

  free(): void {
    openssl().SSL_free(this.#ssl);
    openssl().SSL_CTX_free(this.#context);
  }
}

it("a client that asks for ever new keys, and takes no answer, cannot fill the memory", async () => {
  const server = new TlsServer();
  const leaf = server.root.leaf("x", new Uint8Array(10));
  const client = new Client(leaf.pem, leaf.keyPem);
  const socket = connect(server.port, "127.0.0.1");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => undefined);
  try {
    socket.write(client.shakeHands(new Uint8Array(0)).bytes);
    await new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        const { done, bytes } = client.shakeHands(chunk);
        if (bytes.length > 0) socket.write(bytes);
        if (done) resolve();
      });
    });
    socket.pause();
    const [session] = server.sessions;
    let most = 0;
    while (server.ends.length === 0) {
      if (socket.writableLength < 1 << 20) socket.write(client.updates(10_000));
      await sleep(1);
      most = Math.max(most, session?.pending ?? 0);
    }
    assert.match(server.ends[0] ?? "", /ever new keys/);
    assert.ok(most > UNTAKEN_MAX / 2 && most < 2 * UNTAKEN_MAX, `${most} bytes waited`);
    socket.resume();
    await closed;
  } finally {
    socket.destroy();
    client.free();
    server.close();
  }
});
