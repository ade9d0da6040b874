import assert from "node:assert/strict";
import { test } from "node:test";
import { findRewriteCountProblem, findRewriteTextProblem, parseRewriteRule } from "./mqtt-rewrite-options.ts";

test("a rule is three words", () => {
  for (const [text, action, source, destination] of [
    ["all y/+/z/# y/z/{1}/{2}", "all", "y/+/z/#", "y/z/{1}/{2}"],
    ['publish "with space" "and another/one"', "publish", "with space", "and another/one"],
  ] as const) {
    assert.equal(findRewriteTextProblem(text), undefined);
    assert.deepEqual(parseRewriteRule(text), { action, source, destination });
  }
});

const refused: readonly (readonly [text: string, problem: RegExp])[] = [
  ["all a", /^write ACTION SOURCE DESTINATION/],
  ["all a b c", /"c" is one word too many/],
  ["both a b", /"both" is not one of publish, subscribe, all/],
  ['all "a b', /a quote is not closed/],
  ["all a/+ b/{2}", /the source has 1 wildcards/],
];

for (const [text, problem] of refused)
  test(`refuses ${text}`, () => assert.match(findRewriteTextProblem(text) ?? "", problem));

test("there is a limit of rules", () => {
  assert.equal(findRewriteCountProblem(Array.from({ length: 256 }, () => "")), undefined);
  assert.match(findRewriteCountProblem(Array.from({ length: 257 }, () => ""))!, /more than 256/);
});
