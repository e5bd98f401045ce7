/** Requests to other daemons: each gets the answer that is its own, or a failure, and none waits for ever. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { parseName } from "../../../core/name.ts";
import { FrameReader, frame } from "../../../core/wire/framing.ts";
import type { Header, Payload } from "../../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import {
  ANSWER_SIZE_MAX,
  ANSWER_TIMEOUT_MS,
  PeerError,
  PeerLink,
  REQUEST_SIZE_MAX,
  REQUESTS_MAX,
} from "../../../daemon/albatrossd/peer-link.ts";
import { type Connection, connectUnix, listenUnix } from "../../../runtime/unix-socket.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-peer-"));
after(() => rmSync(folder, { recursive: true }));
let sockets = 0;

const fine: Payload = { kind: "success", success: { kind: "empty" } };
const add = { kind: "console-add", limit: 4 } as const;
const name = parseName("foo:hello");

/** Runs `action` with a link to a peer that does `answer` with every request. */
async function linked(
  answer: (header: Header, peer: Connection) => void,
  action: (link: PeerLink, asked: readonly Header[]) => Promise<void>,
): Promise<void> {
  const path = join(folder, `s${sockets++}`);
  const asked: Header[] = [];
  const listener = listenUnix({ path }, (peer) => {
    const reader = new FrameReader(100_000);
    return {
      data: (chunk) => {
        for (const bytes of reader.push(chunk)) {
          const { header } = decodeMessage(bytes);
          asked.push(header);
          answer(header, peer);
        }
      },
      close: () => undefined,
    };
  });
  let connection: Connection | undefined;
  try {
    const opened = Promise.withResolvers<PeerLink>();
    connection = await connectUnix(path, (own) => {
      const link = new PeerLink(own);
      opened.resolve(link);
      return {
        data: (chunk) => link.receive(chunk),
        close: (error) => link.closed(error?.message ?? "the peer closed the connection"),
      };
    });
    await action(await opened.promise, asked);
  } finally {
    connection?.destroy();
    listener.close();
  }
}

const reply = (payload: Payload) => (header: Header, peer: Connection) =>
  void peer.send(encodeFrame({ header, payload }));
const fails = (text: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof PeerError);
  if (typeof text === "string") assert.equal(error.message, text);
  else assert.match(error.message, text);
  return true;
};

describe("a link to another daemon", () => {
  it("numbers its requests from 1 and gives each its answer", async () => {
    await linked(reply(fine), async (link, asked) => {
      await Promise.all([link.request(name, add), link.request(parseName("b"), add), link.request(name, add)]);
      assert.deepEqual(
        asked.map((header) => [header.sequence, header.name.text]),
        [
          [1n, "foo:hello"],
          [2n, ":b"],
          [3n, "foo:hello"],
        ],
      );
    });
  });

  it("passes a refusal on, and goes on", async () => {
    let count = 0;
    const answer = (header: Header, peer: Connection) =>
      reply(count++ === 0 ? { kind: "failure", text: fromText("no room") } : fine)(header, peer);
    await linked(answer, async (link) => {
      await assert.rejects(link.request(name, add), fails("no room"));
      await link.request(name, add);
    });
  });

  it("does not take what is no answer to its request", async () => {
    await linked(
      (header, peer) => reply(fine)({ ...header, sequence: header.sequence + 1n }, peer),
      async (link) => await assert.rejects(link.request(name, add), fails("wrong sequence number received")),
    );
    await linked(
      reply({ kind: "command", command: add }),
      async (link) => await assert.rejects(link.request(name, add), fails("unexpected data")),
    );
    const twice = (header: Header, peer: Connection) => {
      reply(fine)(header, peer);
      reply(fine)(header, peer);
    };
    await linked(twice, async (link) => {
      await link.request(name, add);
      await assert.rejects(
        async () => {
          for (;;) await link.request(name, add);
        },
        fails(/^(communication failure: an answer came that nobody asked for|wrong sequence number received)/),
      );
    });
  });

  it("ends when the peer ends, or sends what is no message", async () => {
    const bad: [(header: Header, peer: Connection) => void, RegExp][] = [
      [(_, peer) => peer.destroy(), /^communication failure: /],
      [(_, peer) => void peer.send(frame(new Uint8Array(5))), /^communication failure: /],
      [
        (_, peer) => void peer.send(Uint8Array.of(0, 0, 0, 0)),
        /^communication failure: the peer ended the conversation$/,
      ],
      [(_, peer) => void peer.send(frame(new Uint8Array(ANSWER_SIZE_MAX + 1))), /^communication failure: .*65537/],
    ];
    for (const [answer, text] of bad) {
      await linked(answer, async (link) => {
        const waiting = [link.request(name, add), link.request(name, add)];
        for (const request of waiting) await assert.rejects(request, fails(text));
        assert.equal(link.open, false);
        await assert.rejects(link.request(name, add), fails(text));
      });
    }
  });

  it("waits for an answer no longer than it may", async () => {
    await linked(
      () => undefined,
      async (link) => {
        const started = performance.now();
        await assert.rejects(
          link.request(name, add),
          fails(`communication failure: no answer within ${ANSWER_TIMEOUT_MS} ms`),
        );
        assert.ok(performance.now() - started >= ANSWER_TIMEOUT_MS - 50);
        assert.equal(link.open, false);
      },
    );
  });

  it("takes as many requests at a time as its limit, and not one more", async () => {
    const held: (() => void)[] = [];
    const answer = (header: Header, peer: Connection) => void held.push(() => reply(fine)(header, peer));
    await linked(answer, async (link, asked) => {
      const requests = Array.from({ length: REQUESTS_MAX }, () => link.request(name, add));
      await assert.rejects(link.request(name, add), fails("too many requests are under way"));
      while (asked.length < REQUESTS_MAX) await new Promise((resolve) => setTimeout(resolve, 5));
      for (const go of held.splice(0)) go();
      await Promise.all(requests);
      const last = link.request(name, add);
      while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      held.pop()?.();
      await last;
    });
  });

  it("sends none that is longer than daemons take, and goes on", async () => {
    await linked(reply(fine), async (link, asked) => {
      const request = async (length: number) => {
        const networks = [{ device: fromText("x".repeat(length)), tap: fromText("tap0") }];
        await link.request(name, { kind: "statistics-add", device: fromText(""), pid: 7, networks });
      };
      await assert.rejects(request(REQUEST_SIZE_MAX), fails(/^the request has 65\d\d\d bytes$/));
      await request(REQUEST_SIZE_MAX - 1000);
      assert.deepEqual(
        asked.map(({ sequence }) => sequence),
        [1n],
      );
    });
  });
});
