/**
 * What the event log is told of clients, and how much of it at most.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatAddress } from "../../../core/ip-address.ts";
import type { LogEvent } from "../../../core/log/event.ts";
import { Name, parseName } from "../../../core/name.ts";
import {
  AccessLog,
  LOGIN_EVENTS_PER_MINUTE,
  Rate,
  REASON_MAX,
  REFUSAL_EVENTS_PER_MINUTE,
} from "../../../daemon/tls-endpoint/access-log.ts";

const client = { address: "2001:db8::1", port: 4711 };

function rig() {
  const events: LogEvent[] = [];
  const clock = { now: 0 };
  const access = new AccessLog(
    (event) => events.push(event),
    () => clock.now,
  );
  return { events, clock, access };
}

describe("a rate", () => {
  it("lets half a minute's share through at once, and then what time allows", () => {
    let now = 0;
    const rate = new Rate(120, () => now);
    const takes = () => {
      let count = 0;
      while (rate.take()) count++;
      return count;
    };
    assert.equal(takes(), 60);
    now += 499;
    assert.equal(takes(), 0);
    now += 1;
    assert.equal(takes(), 1);
    now += 3_600_000;
    assert.equal(takes(), 60);
  });
});

describe("the access log", () => {
  it("tells of clients by name, address of either kind, and port", () => {
    const { events, access } = rig();
    const logout = access.login(parseName("foo:a"), client);
    logout();
    access.refused({ address: "10.0.0.1", port: 1 }, "why not");
    access.revoked(parseName("foo:"), client, 7, 2);
    assert.deepEqual(
      events.map((event) =>
        "address" in event ? [event.kind, event.name.text, formatAddress(event.address), event.port] : [],
      ),
      [
        ["login", "foo:a", "2001:db8::1", 4711],
        ["logout", "foo:a", "2001:db8::1", 4711],
        ["refused", ":", "10.0.0.1", 1],
        ["revoked", "foo:", "2001:db8::1", 4711],
      ],
    );
  });

  it("keeps the beginning of a long reason", () => {
    const { events, access } = rig();
    for (const length of [REASON_MAX, REASON_MAX + 1]) access.refused(client, "é".repeat(length));
    for (const event of events) assert.ok(event.kind === "refused" && event.reason.length === REASON_MAX);
  });

  it("counts what comes too fast, so that nobody washes the log out, and says how much that was", () => {
    const { events, clock, access } = rig();
    for (let at = 0; at < REFUSAL_EVENTS_PER_MINUTE; at++) access.refused(client, "no");
    assert.equal(events.length, REFUSAL_EVENTS_PER_MINUTE / 2);
    // Strangers take nothing away from those who are let in.
    access.login(Name.root, client);
    assert.deepEqual(
      events.slice(-2).map((event) => (event.kind === "lost" ? event.count : event.kind)),
      [REFUSAL_EVENTS_PER_MINUTE / 2, "login"],
    );
    clock.now += 60_000;
    access.refused(client, "no");
    assert.equal(events.at(-1)?.kind, "refused");
  });

  it("leaves out the logout of a client whose login was only counted", () => {
    const { events, clock, access } = rig();
    const logouts = Array.from({ length: LOGIN_EVENTS_PER_MINUTE }, () => access.login(Name.root, client));
    assert.equal(events.length, LOGIN_EVENTS_PER_MINUTE / 2);
    clock.now += 60_000;
    for (const logout of logouts.reverse()) logout();
    const kinds = new Set(events.slice(LOGIN_EVENTS_PER_MINUTE / 2).map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ["logout", "lost"]);
    assert.equal(events.filter(({ kind }) => kind === "logout").length, LOGIN_EVENTS_PER_MINUTE / 2);
  });
});
