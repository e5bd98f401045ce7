/** What is made of the answers of a server of builds, good and bad: a real one, by HTTP and HTTPS. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { BuildsServer, REDIRECTS_MAX, UnexpectedAnswer } from "../../client/builds/builds-server.ts";
import type { HttpTimes } from "../../client/builds/http-get.ts";
import { trustAnchors } from "../../client/builds/trust-anchors.ts";
import { AbortedError, HttpError } from "../../client/errors.ts";
import { type HttpServer, makeCertificate, serveHttp } from "../support/http-server.ts";

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const patient: HttpTimes = { answer: 30_000, stall: 30_000, total: 60_000 };
const job = { job: "dns", uuid: "u-2" };

let folder = "";
let files: { cert: string; key: string };
before(() => {
  folder = mkdtempSync(join(tmpdir(), "albatross-builds-"));
  files = makeCertificate(folder);
});
after(() => rmSync(folder, { recursive: true }));

interface Setting {
  readonly secure?: boolean;
  readonly limit?: number;
  readonly times?: Partial<HttpTimes>;
  readonly signal?: AbortSignal;
  readonly trusted?: boolean;
}

/** Lets `action` talk to a server that answers so. */
async function against<T>(
  answer: Answer,
  action: (builds: BuildsServer, server: HttpServer) => Promise<T>,
  { secure = false, limit = 1000, times = {}, signal, trusted = true }: Setting = {},
): Promise<T> {
  const server = await serveHttp((request, response) => answer(response, request), secure ? files : undefined);
  const options = {
    trustAnchors: () => trustAnchors({}, trusted ? readFileSync(files.cert, "utf8") : undefined),
    times: { ...patient, ...times },
    signal,
  };
  try {
    return await action(new BuildsServer(server.url, options, limit), server);
  } finally {
    await server.close();
  }
}

const redirect =
  (location: string | undefined, status = 302): Answer =>
  (response) => {
    response.writeHead(status, location === undefined ? {} : { location });
    response.end();
  };

async function wholeImage(builds: BuildsServer): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of (await builds.image(job)).chunks) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const http = (text: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HttpError, String(error));
  assert.match(error.message, text);
  assert.equal(error.exitStatus, 118);
  return true;
};

describe("a build", () => {
  it("is found by digest, and as the latest of a job, by HTTP and HTTPS", async () => {
    for (const secure of [false, true]) {
      await against(
        redirect("/job/dns-primary/build/0b9d7f0e-1d7b/"),
        async (builds, server) => {
          const expected = { job: "dns-primary", uuid: "0b9d7f0e-1d7b" };
          assert.deepEqual(await builds.byDigest("ab"), expected);
          assert.deepEqual(await builds.latest("x"), expected);
          assert.deepEqual(server.asked, ["/hash?sha256=ab", "/job/x/build/latest"]);
          const { headers, method } = server.requests[0] ?? assert.fail();
          assert.equal(method, "GET");
          assert.match(headers["user-agent"] ?? "", /^albatross-client\/\d/);
          assert.equal(headers["connection"], "close");
        },
        { secure },
      );
    }
  });

  it("is recognised whatever the kind of redirection", async () => {
    for (const status of [300, 301, 302, 303, 305, 307, 308]) {
      await against(redirect("/job/a/build/b", status), async (builds) => {
        assert.deepEqual(await builds.byDigest("ab"), { job: "a", uuid: "b" });
      });
    }
  });

  it("is not found elsewhere than in a path of the expected form", async () => {
    for (const location of [
      "https://elsewhere.example/job/a/build/b",
      "/job/a/build",
      "/job//build/b",
      "/job/a/build/b/c",
      "/job/a/build/b//",
      "/job/../build/b",
      "/job/a/build/..",
      "/job/a?x/build/b",
      "job/a/build/b",
      "/",
    ]) {
      await against(redirect(location), async (builds) => {
        await assert.rejects(builds.byDigest("ab"), http(/^expected '\/job\/<jobname>\/build\/<uuid>', got: /));
      });
    }
  });

  it("that is not there, or answers that are none, are told apart", async () => {
    await against(redirect(undefined, 404), async (builds) => {
      await assert.rejects(builds.byDigest("ab"), http(/^couldn't find the unikernel in the repository$/));
      await assert.rejects(builds.latest("x"), http(/^couldn't find the unikernel in the repository$/));
    });
    await against(redirect(undefined, 302), async (builds) => {
      await assert.rejects(builds.byDigest("ab"), http(/^no Location header received in HTTP reply$/));
    });
    for (const status of [200, 400, 500, 503]) {
      await against(redirect("/job/a/build/b", status), async (builds) => {
        await assert.rejects(builds.byDigest("ab"), (error) => {
          assert.ok(error instanceof UnexpectedAnswer);
          assert.equal(error.message, "unexpected HTTP reply");
          assert.match(error.answer, new RegExp(`^${status} `));
          return true;
        });
      });
    }
  });
});

describe("an image", () => {
  const bytes = Buffer.alloc(1000, "x");
  const digest = createHash("sha256").update(bytes).digest();
  const send =
    (body: Uint8Array, headers: Record<string, string> = {}): Answer =>
    (response) => {
      response.writeHead(200, headers);
      response.end(body);
    };

  it("comes whole, also where the server does not say how long it is", async () => {
    for (const headers of [{ "content-length": "1000" }, { "transfer-encoding": "chunked" }]) {
      await against(send(bytes, headers as Record<string, string>), async (builds, server) => {
        assert.ok(bytes.equals(await wholeImage(builds)));
        assert.deepEqual(server.asked, ["/job/dns/build/u-2/main-binary"]);
      });
    }
  });

  it("of one byte too many is refused, announced or not", async () => {
    for (const headers of [{ "content-length": "1001" }, { "transfer-encoding": "chunked" }]) {
      await against(send(Buffer.alloc(1001), headers as Record<string, string>), async (builds) => {
        await assert.rejects(wholeImage(builds), http(/^the image has more than 1000 bytes$/));
      });
    }
  });

  it("that is empty is no image", async () => {
    for (const status of [200, 204]) {
      await against(redirect(undefined, status), async (builds) => {
        await assert.rejects(wholeImage(builds), http(/^unexpected HTTP reply$/));
      });
    }
    await against(redirect(undefined, 404), async (builds) => {
      await assert.rejects(wholeImage(builds), http(/^unexpected HTTP reply$/));
    });
  });

  it(`is fetched across ${REDIRECTS_MAX} redirections, and not one more`, async () => {
    for (const hops of [REDIRECTS_MAX, REDIRECTS_MAX + 1]) {
      const hop: Answer = (response, request) => {
        const at = Number(/\/hop(\d+)$/.exec(request.url ?? "")?.[1] ?? 0);
        if (at === hops) send(bytes)(response, request);
        else redirect(`/hop${at + 1}`)(response, request);
      };
      await against(hop, async (builds) => {
        if (hops === REDIRECTS_MAX) assert.ok(bytes.equals(await wholeImage(builds)));
        else await assert.rejects(wholeImage(builds), http(/^more than 5 redirections$/));
      });
    }
  });

  it("is not fetched from HTTPS by HTTP, nor from anywhere else", async () => {
    for (const location of ["http://127.0.0.1:1/x", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://["]) {
      await against(
        redirect(location),
        async (builds) => {
          await assert.rejects(wholeImage(builds), http(/^redirected from https:.* which is not followed$/));
        },
        { secure: true },
      );
    }
  });

  it("that is cut off is no image", async () => {
    const cut: Answer = (response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write(Buffer.alloc(500), () => response.destroy());
    };
    await against(cut, async (builds) => {
      await assert.rejects(wholeImage(builds), http(/127\.0\.0\.1/));
    });
  });

  it("that does not come on is given up, and so is a server that does not answer, or only drips", async () => {
    const stalling: Answer = (response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("x");
    };
    const times = { stall: 50 };
    await against(stalling, (builds) => assert.rejects(wholeImage(builds), http(/nothing more came within 0.05 s/)), {
      times,
    });
    const silent: Answer = () => undefined;
    await against(silent, (builds) => assert.rejects(builds.byDigest("ab"), http(/no answer within 0.05 s/)), {
      times: { answer: 50 },
    });
    const dripping: Answer = (response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write("x"), 5);
      response.on("close", () => clearInterval(timer));
    };
    await against(dripping, (builds) => assert.rejects(wholeImage(builds), http(/was not complete within 0.3 s/)), {
      times: { total: 300 },
    });
  });

  it("has the digest that the server announces, in any of the usual fields", async () => {
    const base64 = digest.toString("base64");
    for (const [headers, expected] of [
      [{ digest: `SHA-256=${base64}` }, digest],
      [{ digest: `md5=abc,sha-256=${base64}` }, digest],
      [{ "repr-digest": `sha-256=:${base64}:` }, digest],
      [{ "content-digest": `sha-512=:YWJj:, sha-256=:${base64}:` }, digest],
      [{ etag: `"${digest.toString("hex")}"` }, digest],
      [{ etag: '"something"' }, undefined],
      [{ digest: "sha-256=short" }, undefined],
      [{}, undefined],
    ] as const) {
      await against(send(bytes, headers as Record<string, string>), async (builds) => {
        const download = await builds.image(job);
        for await (const _chunk of download.chunks);
        assert.deepEqual(
          download.announced === undefined ? undefined : Buffer.from(download.announced),
          expected,
          JSON.stringify(headers),
        );
      });
    }
  });
});

describe("a server", () => {
  it("that nobody vouches for is not talked to", async () => {
    await against(
      redirect("/job/a/build/b"),
      async (builds, server) => {
        await assert.rejects(builds.byDigest("ab"), http(/certificate/i));
        assert.deepEqual(server.asked, []);
      },
      { secure: true, trusted: false },
    );
  });

  it("that is not there is told of", async () => {
    const gone = await serveHttp(() => undefined);
    await gone.close();
    const builds = new BuildsServer(gone.url, { trustAnchors: () => [] });
    await assert.rejects(builds.byDigest("ab"), http(/127\.0\.0\.1:\d+: /));
  });

  it("is left when the caller gives up", async () => {
    const controller = new AbortController();
    await against(
      () => controller.abort(),
      async (builds) => {
        await assert.rejects(builds.byDigest("ab"), AbortedError);
        await assert.rejects(builds.byDigest("ab"), AbortedError);
      },
      { signal: controller.signal },
    );
  });

  it("is not reached with an authority that is none", async () => {
    const builds = new BuildsServer("https://127.0.0.1:1", { trustAnchors: () => ["no certificate"] });
    await assert.rejects(builds.byDigest("ab"), http(/^127\.0\.0\.1:1: /));
  });

  it("of the system's choice: its authorities, or those of SSL_CERT_FILE, and further ones", () => {
    assert.ok(trustAnchors({}, undefined).join("").includes("BEGIN CERTIFICATE"));
    const chosen = trustAnchors({ SSL_CERT_FILE: files.cert }, "more");
    assert.deepEqual(chosen, [readFileSync(files.cert, "utf8"), "more"]);
    assert.throws(() => trustAnchors({ SSL_CERT_FILE: `${folder}/none` }, undefined), /ENOENT/);
  });
});
