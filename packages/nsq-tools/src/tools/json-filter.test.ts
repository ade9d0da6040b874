import assert from "node:assert/strict";
import { test } from "node:test";
import { filterJson } from "./json-filter.ts";

function filter(body: string, requireField = "", requireValue = "", ...whitelist: string[]) {
  const filtered = filterJson({ requireField, requireValue, whitelist }, Buffer.from(body));
  return "pass" in filtered ? filtered.pass.toString() : Object.keys(filtered)[0];
}

const cases: readonly [name: string, args: Parameters<typeof filter>, wanted: string][] = [
  ["looks at nothing without options", ["not json"], "not json"],
  ["drops what is no object", ["[1]", "a"], "dropped"],
  ["drops what is no JSON", ["{", "a"], "dropped"],
  ["reads null as an empty object", ["null", "", "", "a"], "{}"],
  ["drops without the field", ['{"b":1}', "a"], "dropped"],
  ["requeues without the field that has to have a value", ['{"b":1}', "a", "1"], "requeue"],
  ["passes with the field", ['{ "a": null }', "a"], '{ "a": null }'],
  ["compares strings", ['{"a":"x"}', "a", "x"], '{"a":"x"}'],
  ["drops another string", ['{"a":"y"}', "a", "x"], "dropped"],
  ["compares numbers as doubles", ['{"a":1.0}', "a", "1e0"], '{"a":1.0}'],
  ["compares a string with a number as strings", ['{"a":"1.0"}', "a", "1"], "dropped"],
  ["never matches other types", ['{"a":true}', "a", "true"], "dropped"],
  [
    "keeps wanted fields, sorted",
    ['{"c":1,"b":{"z":1,"y":[2]},"a":"x"}', "", "", "c", "b", "missing"],
    '{"b":{"y":[2],"z":1},"c":1}',
  ],
  [
    "keeps whole numbers whole",
    ['{"a":1234567890123456789,"b":1.50}', "", "", "a", "b"],
    '{"a":1234567890123456768,"b":1.5}',
  ],
  ["escapes as Go does", ['{"a":"<&>"}', "", "", "a"], '{"a":"\\u003c\\u0026\\u003e"}'],
  ["does not look into what every object has", ['{"a":1}', "toString"], "dropped"],
];

for (const [name, args, wanted] of cases) {
  test(name, () => assert.equal(filter(...args), wanted));
}
