import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { exposition, familiesText, joinTexts, type MetricFamily } from "../../../plugins/openmetrics/family.ts";
import { KINDS_MAX, LATENCY_BOUNDS, RequestMeter } from "../../../plugins/openmetrics/request-meter.ts";

const gauge = (samples: MetricFamily["samples"]): MetricFamily => ({
  name: "g",
  type: "gauge",
  help: "A gauge.",
  samples,
});

describe("familiesText()", () => {
  it("writes type, unit, help, and the suffix of the type", () => {
    const family = {
      name: "cpu_seconds",
      type: "counter",
      unit: "seconds",
      help: "Time.",
      samples: [{ labels: { mode: "user" }, value: 1.5 }],
    } as const;
    assert.equal(
      familiesText([family]),
      '# TYPE cpu_seconds counter\n# UNIT cpu_seconds seconds\n# HELP cpu_seconds Time.\ncpu_seconds_total{mode="user"} 1.5\n',
    );
  });

  it("keeps counters of 64 bits exact", () => {
    assert.match(
      familiesText([gauge([{ labels: {}, value: 18_446_744_073_709_551_615n }])]),
      /^g 18446744073709551615$/m,
    );
  });

  it("escapes what would end a label's value", () => {
    const text = familiesText([gauge([{ labels: { a: 'quote " back \\ line \n end' }, value: 1 }])]);
    assert.match(text, /^g\{a="quote \\" back \\\\ line \\n end"\} 1$/m);
  });

  it("leaves out families without samples", () => assert.equal(familiesText([gauge([])]), ""));
});

describe("joinTexts()", () => {
  it("keeps the samples of a family together, and its description once", () => {
    const one = familiesText([gauge([{ labels: { d: "a" }, value: 1 }])]);
    const other = exposition(familiesText([{ ...gauge([{ labels: { d: "b" }, value: 2 }]), help: "Other." }]));
    const third = familiesText([{ ...gauge([{ labels: {}, value: 3 }]), name: "h" }]);
    assert.equal(
      joinTexts([one, third, other]),
      '# TYPE g gauge\n# HELP g A gauge.\ng{d="a"} 1\ng{d="b"} 2\n# TYPE h gauge\n# HELP h A gauge.\nh 3\n',
    );
  });
});

describe("RequestMeter", () => {
  it("puts an answer at a bound into the class of that bound, and one past it into the next", () => {
    const meter = new RequestMeter();
    const [first = 0] = LATENCY_BOUNDS;
    meter.observe("info", "success", first);
    meter.observe("info", "failure", first + 1e-6);
    meter.observe("info", "success", 1e6);
    const text = familiesText(meter.families("d"));
    assert.match(text, /_bucket\{daemon="d",le="0.001"\} 1\n.*_bucket\{daemon="d",le="0.005"\} 2\n/);
    assert.match(text, /le="10.0"\} 2\n.*le="\+Inf"\} 3\n.*_count\{daemon="d"\} 3\n/);
    assert.match(text, /requests_total\{daemon="d",command="info",result="success"\} 2\n/);
  });

  it("counts kinds beyond its limit as other", () => {
    const meter = new RequestMeter();
    for (let kind = 0; kind <= KINDS_MAX; kind++) meter.observe(`k${kind}`, "success", 0);
    const text = familiesText(meter.families("d"));
    assert.match(text, new RegExp(`command="k${KINDS_MAX - 1}"`));
    assert.doesNotMatch(text, new RegExp(`command="k${KINDS_MAX}"`));
    assert.match(text, /command="other",result="success"\} 1\n/);
  });
});
