import assert from "node:assert/strict";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { BATCH_BYTES, HttpSink } from "../../../plugins/influx/http-sink.ts";
import { HttpTargetError, httpTarget } from "../../../plugins/influx/http-target.ts";
import { TcpSink } from "../../../plugins/influx/tcp-sink.ts";
import { until } from "../../end-to-end/harness.ts";

class Lines {
  readonly lines: string[] = [];
  info(text: string): void {
    this.lines.push(`INFO ${text}`);
  }
  warning(text: string): void {
    this.lines.push(`WARNING ${text}`);
  }
}

const portOf = (server: Server | ReturnType<typeof createHttpServer>) => (server.address() as AddressInfo).port;

/** A receiver of lines by TCP. */
class Receiver {
  text = "";
  readonly sockets = new Set<Socket>();
  server: Server | undefined;
  port = 0;

  async listen(host = "127.0.0.1"): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      this.sockets.add(socket);
      socket.on("end", () => socket.end());
      socket.on("close", () => this.sockets.delete(socket)).on("error", () => undefined);
      socket.on("data", (chunk) => {
        this.text += chunk.toString();
      });
    });
    await new Promise<void>((resolve) => server.listen(this.port, host, resolve));
    this.server = server;
    this.port = portOf(server);
  }

  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    for (const socket of this.sockets) socket.destroy();
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

async function withTcp(
  options: {
    readonly host?: string;
    readonly patient?: boolean;
    readonly queueMax?: number;
    readonly absent?: boolean;
  },
  action: (sink: TcpSink, receiver: Receiver, log: Lines) => Promise<void>,
): Promise<void> {
  const { host = "127.0.0.1", patient = true, absent = false, ...rest } = options;
  const [receiver, log] = [new Receiver(), new Lines()];
  await receiver.listen(host);
  if (absent) await receiver.close();
  const sink = new TcpSink({ host, port: receiver.port, patient, log, reconnectMs: 20, ...rest });
  try {
    await action(sink, receiver, log);
  } finally {
    await sink.close();
    await receiver.close();
  }
}

describe("lines by TCP", () => {
  for (const host of ["127.0.0.1", "localhost", "::1"]) {
    it(`reach ${host}`, () =>
      withTcp({ host }, async (sink, receiver) => {
        sink.write("a 1\n");
        sink.write("b 2\n");
        await until("they come", () => receiver.text === "a 1\nb 2\n");
      }));
  }

  it("wait for a receiver that is not there yet, and for one that comes back", () =>
    withTcp({ absent: true }, async (sink, receiver, log) => {
      sink.write("a 1\n");
      const missed = () => log.lines.filter((line) => line.includes("nobody listens there")).length;
      await until("it is missed", () => missed() === 1);
      await receiver.listen();
      await until("the first comes", () => receiver.text === "a 1\n");
      await receiver.close();
      await until("the end is noticed", () => log.lines.some((line) => line.includes("ended its side")));
      sink.write("b 2\n");
      sink.write("c 3\n");
      await until("it is missed again", () => missed() === 2);
      await receiver.listen();
      await until("the others come", () => receiver.text === "a 1\nb 2\nc 3\n");
      assert.equal(sink.dropped, 0);
    }));

  it("go on to a receiver that has ended its side, since it only has nothing to say", () =>
    withTcp({}, async (sink, receiver, log) => {
      await until("it is connected", () => receiver.sockets.size === 1);
      for (const socket of receiver.sockets) socket.end();
      let expected = "";
      for (let at = 0; at < 3; at++) {
        const lines = [`a ${at}\n`, `b ${at}\n`];
        for (const line of lines) sink.write(line);
        expected += lines.join("");
        await until("they come", () => receiver.text === expected);
      }
      assert.deepEqual(
        log.lines.filter((line) => line.startsWith("WARNING")),
        [],
      );
      assert.equal(receiver.sockets.size, 1);
    }));

  it("that were on their way when the connection was lost are sent again", () =>
    withTcp({}, async (sink, receiver) => {
      await until("it is connected", () => receiver.sockets.size === 1);
      const [socket] = receiver.sockets;
      socket?.pause();
      const lines = Array.from({ length: 100_000 }, (_, at) => `a v=${at}i ${at} ${"x".repeat(100)}\n`).join("");
      sink.write(lines); // more than systems hold between two sockets
      await until("a part of it has come", () => (socket?.readableLength ?? 0) > 0);
      socket?.resetAndDestroy();
      receiver.text = "";
      await until("all have come", () => receiver.text.length >= lines.length);
      assert.ok(receiver.text === lines);
    }));

  it("wait for one that closes every connection, which is told once", () =>
    withTcp({}, async (sink, receiver, log) => {
      let closed = 0;
      receiver.server?.on("connection", (socket: Socket) => {
        closed++;
        socket.resetAndDestroy();
      });
      await until("it has closed five", () => closed >= 5);
      sink.write("a v=1i 1\n");
      const warnings = log.lines.filter((line) => line.startsWith("WARNING not connected"));
      assert.ok(warnings.length > 0);
      for (const [at, line] of warnings.entries()) assert.notEqual(line, warnings[at - 1]);
      receiver.server?.removeAllListeners("connection");
    }));

  it("are dropped meanwhile where they must not be late, and that is told", () =>
    withTcp({ absent: true, patient: false }, async (sink, receiver, log) => {
      sink.write("a 1\n");
      sink.write("b 2\n");
      assert.equal(sink.dropped, 2);
      await receiver.listen();
      await until("it is connected", () => log.lines.some((line) => line.startsWith("INFO connected")));
      sink.write("c 3\n");
      await until("the third comes", () => receiver.text === "c 3\n");
      assert.ok(log.lines.some((line) => line.includes("WARNING 2 samples were dropped")));
      await receiver.close();
      await until("the end is noticed", () => log.lines.some((line) => line.includes("ended its side")));
      sink.write("d 4\n");
      await until("it is gone", () => log.lines.some((line) => line.includes("nobody listens there")));
      const connected = () => log.lines.filter((line) => line.startsWith("INFO connected")).length;
      await receiver.listen();
      await until("it is connected again", () => connected() === 2);
      sink.write("e 5\n");
      await until("the fifth comes", () => receiver.text === "c 3\ne 5\n");
    }));

  it("are bounded while the receiver is away: the oldest go, and are counted", () =>
    withTcp({ absent: true, queueMax: 1000 }, async (sink, receiver, log) => {
      for (let at = 0; at < 150; at++) sink.write(`n ${String(at).padStart(7, "0")}\n`);
      assert.equal(sink.dropped, 50);
      await receiver.listen();
      await until("the rest comes", () => receiver.text.endsWith("n 0000149\n"));
      assert.ok(receiver.text.startsWith("n 0000050\n"));
      assert.ok(log.lines.some((line) => line.includes("WARNING 50 samples were dropped")));
    }));

  it("are bounded, too, while the receiver does not read", () =>
    withTcp({ queueMax: 1_000_000 }, async (sink, receiver, log) => {
      await until("it is connected", () => receiver.sockets.size === 1);
      for (const socket of receiver.sockets) socket.pause();
      const line = `m,vm=x ${"f=1i,".repeat(2000)}g=1i\n`;
      for (let at = 0; at < 5000 && sink.dropped === 0; at++) {
        sink.write(line);
        await new Promise(setImmediate);
      }
      assert.ok(sink.dropped > 0);
      assert.equal(log.lines.filter((line) => line.includes("the receiver is slow")).length, 1);
      for (const socket of receiver.sockets) socket.resume();
      sink.write("last 1\n");
      await until("the rest comes", () => receiver.text.endsWith("last 1\n"));
      assert.ok(receiver.text.split("\n").every((each) => each === "" || each === "last 1" || `${each}\n` === line));
    }));

  it("are all sent before the end", async () => {
    const receiver = new Receiver();
    await receiver.listen();
    const sink = new TcpSink({ host: "127.0.0.1", port: receiver.port, patient: true, log: new Lines() });
    await until("it is connected", () => receiver.sockets.size === 1);
    sink.write("a 1\n".repeat(50_000));
    await sink.close();
    await until("everything has come", () => receiver.text.length === 200_000);
    await receiver.close();
  });
});

/** A server that answers as a test says. */
async function withHttp(
  answers: readonly ((response: ServerResponse) => void)[],
  action: (url: string, requests: { request: IncomingMessage; body: Buffer }[]) => Promise<void>,
): Promise<void> {
  const requests: { request: IncomingMessage; body: Buffer }[] = [];
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ request, body: Buffer.concat(chunks) });
      const answer = answers[Math.min(requests.length, answers.length) - 1];
      answer?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await action(`http://127.0.0.1:${portOf(server)}`, requests);
  } finally {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

const status =
  (code: number, text = "", headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(code, headers).end(text);

function sinkFor(url: string, log: Lines, more: Partial<ConstructorParameters<typeof HttpSink>[0]> = {}): HttpSink {
  const target = httpTarget({ url, database: "db", credentials: undefined });
  return new HttpSink({ target, compress: false, log, gatherMs: 10, retryLeastMs: 20, ...more });
}

describe("lines by HTTP", () => {
  it("go in batches to the place of version 1, with user and password", () =>
    withHttp([status(204)], async (url, requests) => {
      const target = httpTarget({ url: `${url}/proxy/`, database: "a b", credentials: "me:secret" });
      const sink = new HttpSink({ target, compress: false, log: new Lines(), gatherMs: 10 });
      sink.write("a 1\n");
      sink.write("b 2\n");
      const { request, body } = await until("a request comes", () => requests[0]);
      assert.equal(request.method, "POST");
      assert.equal(request.url, "/proxy/write?db=a+b&precision=ns");
      assert.equal(request.headers.authorization, `Basic ${Buffer.from("me:secret").toString("base64")}`);
      assert.equal(body.toString(), "a 1\nb 2\n");
      await sink.close();
    }));

  it("go compressed to the place of version 2, with a token", () =>
    withHttp([status(204)], async (url, requests) => {
      const target = httpTarget({ url, organisation: "o", bucket: "b", credentials: "t0ken" });
      const sink = new HttpSink({ target, compress: true, log: new Lines(), gatherMs: 10 });
      sink.write("a 1\n");
      const { request, body } = await until("a request comes", () => requests[0]);
      assert.equal(request.url, "/api/v2/write?org=o&bucket=b&precision=ns");
      assert.equal(request.headers.authorization, "Token t0ken");
      assert.equal(request.headers["content-encoding"], "gzip");
      assert.equal(gunzipSync(body).toString(), "a 1\n");
      await sink.close();
    }));

  it("are tried again while the server is overloaded, broken, or does not know the database yet", () =>
    withHttp(
      [status(503, "busy"), status(429, "", { "Retry-After": "0.05" }), status(404, "no db"), status(401), status(204)],
      async (url, requests) => {
        const log = new Lines();
        const sink = sinkFor(url, log);
        sink.write("a 1\n");
        await until("it is taken", () => requests.length === 5);
        await until("that is told", () => log.lines.at(-1) === "INFO writing to InfluxDB again");
        assert.ok(requests.every(({ body }) => body.toString() === "a 1\n"));
        assert.deepEqual(
          log.lines.slice(0, 4).map((line) => /status \d+/.exec(line)?.[0]),
          ["status 503", "status 429", "status 404", "status 401"],
        );
        assert.equal(sink.dropped, 0);
        await sink.close();
      },
    ));

  it("that are wrong are dropped, and others follow", () =>
    withHttp([status(400, "unable to parse"), status(204)], async (url, requests) => {
      const log = new Lines();
      const sink = sinkFor(url, log);
      sink.write("bad\n");
      await until("the first is refused", () => sink.dropped === 1);
      sink.write("good 1\n");
      await until("the second comes", () => requests.length === 2);
      assert.equal(requests[1]?.body.toString(), "good 1\n");
      assert.ok(log.lines.some((line) => line.includes("status 400: unable to parse")));
      await sink.close();
    }));

  it("that are wrong again and again are told of once, and counted when others are taken", () => {
    const answers = [400, 400, 422, 400, 204].map((code) => status(code, "a wrong type"));
    return withHttp(answers, async (url, requests) => {
      const log = new Lines();
      const sink = sinkFor(url, log);
      for (let count = 1; count <= answers.length; count++) {
        sink.write("a 1\n");
        await until("it comes", () => requests.length === count);
        await until("the answer is seen", () => sink.dropped === Math.min(count, 4));
      }
      await until("the loss is told of", () => log.lines.at(-1)?.includes("4 samples or batches") === true);
      assert.equal(log.lines.length, 2, log.lines.join("\n"));
      await sink.close();
    });
  });

  it("wait for a server that is not there, within a bound", async () => {
    const log = new Lines();
    const sink = sinkFor("http://127.0.0.1:9", log, { queueMax: 1000 });
    sink.write("a 1\n");
    await until("it is missed", () => log.lines.some((line) => line.includes("cannot write to InfluxDB")));
    for (let at = 0; at < 100; at++) sink.write(`n ${String(at).padStart(17, "0")}\n`);
    assert.equal(sink.dropped, 50);
    await sink.close();
  });

  it("are no reason to read an endless complaint", () => {
    const endless = (response: ServerResponse) => {
      response.writeHead(400);
      const timer = setInterval(() => response.write("x".repeat(100_000)), 1);
      response.on("close", () => clearInterval(timer));
    };
    return withHttp([endless], async (url) => {
      const log = new Lines();
      const sink = sinkFor(url, log);
      sink.write("a 1\n");
      await until("the refusal is noticed", () => sink.dropped === 1);
      assert.ok(log.lines.every((line) => line.length < 500));
      await sink.close();
    });
  });

  it("make several batches when there are many, and are all sent before the end", () =>
    withHttp([status(204)], async (url, requests) => {
      const sink = sinkFor(url, new Lines(), { gatherMs: 60_000 });
      const line = `${"x".repeat(999)}\n`;
      const count = Math.ceil((2.5 * BATCH_BYTES) / line.length);
      for (let at = 0; at < count; at++) sink.write(line);
      await until("a full batch does not wait", () => requests.length > 0);
      await sink.close();
      assert.ok(requests.every(({ body }) => body.length <= BATCH_BYTES));
      assert.equal(Buffer.concat(requests.map(({ body }) => body)).toString(), line.repeat(count));
    }));

  it("never follow to another address, since credentials are for the first", () =>
    withHttp([status(204)], async (other, stolen) => {
      await withHttp([status(307, "", { Location: `${other}/write` })], async (url, requests) => {
        const log = new Lines();
        const target = httpTarget({ url, database: "db", credentials: "me:secret" });
        const sink = new HttpSink({ target, compress: false, log, gatherMs: 10, retryLeastMs: 20 });
        sink.write("a 1\n");
        await until("it is tried again", () => requests.length > 1);
        assert.equal(stolen.length, 0);
        await sink.close();
      });
    }));
});

describe("the address of an InfluxDB", () => {
  it("must be one of HTTP, without a password in it", () => {
    const of = (url: string) => () => httpTarget({ url, database: "x", credentials: undefined });
    for (const bad of ["ftp://x", "x", "http://", "http://a:b@x", "http://a@x"])
      assert.throws(of(bad), HttpTargetError);
    assert.equal(of("https://x:1/?a=b#c")().url.href, "https://x:1/write?db=x&precision=ns");
    assert.throws(() => httpTarget({ url: "http://x", database: "x", credentials: "token" }), HttpTargetError);
  });
});
