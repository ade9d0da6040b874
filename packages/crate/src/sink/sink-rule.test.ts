import assert from "node:assert/strict";
import { test } from "node:test";
import { findSinkRuleProblem, parseSinkRule } from "./sink-rule.ts";

test("reads the three kinds of targets", () => {
  const rules = [
    "orders=crate:http://ada:p%40ss@db:4200/shop.orders?batch=50&channel=loader",
    "orders=crate:embedded/orders",
    "orders=postgres://ada@db/shop/orders",
    "orders=postgres:postgres://ada@db:5433/shop/sales.orders",
  ].map((text) => {
    const { target, url, schema, table, channel, batchRows } = parseSinkRule(text);
    return [target, url?.href, schema, table, channel, batchRows];
  });
  assert.deepEqual(rules, [
    ["crate", "http://ada:p%40ss@db:4200/", "shop", "orders", "loader", 50],
    ["embedded", undefined, undefined, "orders", "sink", 1000],
    ["postgres", "postgres://ada@db/shop", undefined, "orders", "sink", 1000],
    ["postgres", "postgres://ada@db:5433/shop", "sales", "orders", "sink", 1000],
  ]);
});

test("reads paths of columns", () => {
  const { columns } = parseSinkRule("a=crate:embedded/t?columns=room,celsius:reading.celsius");
  assert.deepEqual(
    [...columns],
    [
      ["room", ["room"]],
      ["celsius", ["reading", "celsius"]],
    ],
  );
});

const wrong = [
  "orders",
  "or ders=crate:embedded/t",
  "orders=crate:embedded/",
  "orders=http://db/t",
  "orders=crate:http://db:4200/",
  "orders=crate:http://db:4200/a/b",
  "orders=crate:http://db:4200/a.b.c",
  "orders=postgres://db/t",
  "orders=crate:embedded/t?nope=1",
  "orders=crate:embedded/t?batch=0",
  "orders=crate:embedded/t?columns=:x",
  "orders=ftp://db/t",
];

for (const text of wrong)
  test(`refuses ${text}`, () => {
    assert.equal(typeof findSinkRuleProblem(text), "string");
  });
