import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeGoJson, foldKey, scanJsonObject } from "./go-json.ts";

function members(text: string): [string, string][] | undefined {
  const found: [string, string][] = [];
  const whole = scanJsonObject(text, (key, json) => {
    found.push([key, json]);
    return true;
  });
  return whole ? found : undefined;
}

test("hands out members as text", () => {
  assert.deepEqual(members(' { "a" : 1e4 , "\\u0062":[ {"c":"}"} , [] ],"a":null}\n'), [
    ["a", "1e4"],
    ["b", '[ {"c":"}"} , [] ]'],
    ["a", "null"],
  ]);
});

test("takes null for an empty object", () => {
  assert.deepEqual(members(" null "), []);
  assert.deepEqual(members("{}"), []);
  assert.equal(members("nullx"), undefined);
});

const malformed = [
  ...'|[]|1|true|"a"|{|}|{,}|{"a"}|{"a":}|{"a":1,}|{"a":1}}|{"a":1} 2|{a:1}|{\'a\':1}|\ufeff{}'.split("|"),
  ...'{"a":01}|{"a":+1}|{"a":1.}|{"a":.5}|{"a":1e}|{"a":-}|{"a":0x1}|{"a":tru}|{"a":nulll}|{"a":NaN}'.split("|"),
  ...'{"a":[1,]}|{"a":[,1]}|{"a":[1 2]}|{"a":[}]}|{"a":{1:2}}|{"a":{"b":1,}}|{"a":[1}'.split("|"),
  ...'{"a":"}|{"a":"\n"}|{"a":"\\x"}|{"a":"\\u12g4"}|{"a":"\\'.split("|"),
];

test("refuses what is not a JSON object", () => {
  for (const text of malformed) assert.equal(members(text), undefined, text);
});

test("stops when a member is refused", () => {
  const seen: string[] = [];
  const whole = scanJsonObject('{"a":1,"b":2,"c":3}', (key) => {
    seen.push(key);
    return key !== "b";
  });
  assert.equal(whole, false);
  assert.deepEqual(seen, ["a", "b"]);
});

test("nests as deep as Go does", () => {
  const nested = (depth: number): string => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assert.equal(members(nested(9_999))?.length, 1);
  assert.equal(members(nested(10_000)), undefined);
  assert.equal(members(`{"a":${"[".repeat(1_000_000)}`), undefined);
});

test("finds what JSON.parse finds", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom("", "\t", "  "), (object, indent) => {
      const found = members(JSON.stringify(object, undefined, indent));
      const expected = Object.entries(object).map(([key, value]) => [key, JSON.stringify(value)]);
      assert.deepEqual(
        found?.map(([key, json]) => [key, JSON.stringify(JSON.parse(json))]),
        expected,
      );
    }),
  );
});

test("accepts and refuses what JSON.parse does", () => {
  const piece = fc.constantFrom(...'{}[],:"\\ 01-+.eEuabn'.split(""), "true", "null", '"a"', '"a":', "12", "\n");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = `{${pieces.join("")}}`;
      let valid = true;
      try {
        JSON.parse(text);
      } catch {
        valid = false;
      }
      assert.equal(members(text) !== undefined, valid, text);
    }),
    { numRuns: 2000 },
  );
});

test("folds keys as Go does", () => {
  assert.equal(foldKey("TLS_v1"), "tls_v1");
  assert.equal(foldKey("\u017fnappy"), "snappy");
  assert.equal(foldKey("to\u212aen"), "token");
  assert.notEqual(foldKey("de\ufb02ate"), "deflate");
});

test("escapes as Go does", () => {
  assert.equal(
    encodeGoJson({ a: '<&>\u2028\u2029\b\f\\b\n"', b: 1, c: false }),
    '{"a":"\\u003c\\u0026\\u003e\\u2028\\u2029\\u0008\\u000c\\\\b\\n\\"","b":1,"c":false}',
  );
});
