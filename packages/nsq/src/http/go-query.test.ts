import assert from "node:assert/strict";
import { test } from "node:test";
import { parseQuery } from "./go-query.ts";

const parsed: readonly (readonly [query: string, values: Readonly<Record<string, string>>])[] = [
  ["", {}],
  ["&&", {}],
  ["topic=orders", { topic: "orders" }],
  ["topic=a&topic=b", { topic: "a" }],
  ["topic", { topic: "" }],
  ["topic=", { topic: "" }],
  ["a=b=c", { a: "b=c" }],
  ["a+b=c+d", { "a b": "c d" }],
  ["a%20b=%2B%3d", { "a b": "+=" }],
  ["a=%C3%A4", { a: "ä" }],
  ["a=ä", { a: "ä" }],
];

for (const [query, values] of parsed) {
  test(`reads the query "${query}"`, () => {
    assert.deepEqual(Object.fromEntries(parseQuery(query)!), values);
  });
}

for (const query of ["a=%", "a=%4", "a=%zz", "%g0=a", "a;b", "a=1;b=2", "a=1&b=;"]) {
  test(`refuses the query "${query}"`, () => {
    assert.equal(parseQuery(query), undefined);
  });
}
