import assert from "node:assert/strict";
import { test } from "node:test";
import { findCaptureRuleProblem, parseCaptureRule } from "./capture-rule.ts";

const name64 = "a".repeat(64);

const accepted: readonly (readonly [text: string, log: string, filter: string])[] = [
  ["orders=factory/+/orders", "orders", "factory/+/orders"],
  ["a.b_c-D9=#", "a.b_c-D9", "#"],
  ["t#ephemeral=+", "t#ephemeral", "+"],
  [`${name64}=a/#`, name64, "a/#"],
  ["a=/", "a", "/"],
  ["a=b=c d/é", "a", "b=c d/é"],
  ["a=+/+/#", "a", "+/+/#"],
  [`a=${"/".repeat(127)}`, "a", "/".repeat(127)],
  ["a=x/$share", "a", "x/$share"],
  [`a=${"f".repeat(65_535)}`, "a", "f".repeat(65_535)],
];

for (const [text, log, filter] of accepted) {
  test(`accepts ${text.slice(0, 40)}`, () => {
    assert.equal(findCaptureRuleProblem(text), undefined);
    assert.deepEqual(parseCaptureRule(text), { log, filter });
  });
}

const refused: readonly (readonly [text: string, problem: RegExp])[] = [
  ["orders", /^write LOG=FILTER/],
  ["", /^write LOG=FILTER/],
  ["=a", /^log "" is not 1 to 64/],
  ["#ephemeral=a", /^log "#ephemeral" is not/],
  ["t#other=a", /^log "t#other" is not/],
  ["a b=a", /^log "a b" is not/],
  ["é=a", /^log "é" is not/],
  ["a\n=a", /^log "a\n" is not/],
  [`${name64}a=a`, /^log "a+" is not/],
  [`${"a".repeat(55)}#ephemeral=a`, /^log "a+#ephemeral" is not/],
  ["a=", /filter is empty/],
  ["a=b#", /^"b#": \+ and # stand alone/],
  ["a=b/#/c", /^"#": /],
  ["a=b/+c/d", /^"\+c": /],
  ["a=##", /^"##": /],
  ["a=b\0", /U\+0000/],
  ["a=$share/g/b", /shared subscription/],
  ["a=$SYS/#", /\$SYS/],
  [`a=${"/".repeat(128)}`, /more than 128 levels/],
  [`a=${"f".repeat(65_536)}`, /longer than 65535 bytes/],
  [`a=${"é".repeat(32_768)}`, /longer than 65535 bytes/],
];

for (const [text, problem] of refused) {
  test(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
    assert.match(findCaptureRuleProblem(text) ?? "", problem);
  });
}
