import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitAtCommas, TokenCursor, textOf, tokensOf } from "./tokens.ts";

const texts = (sql: string) => tokensOf(sql).map(({ text }) => text);

test("lowers words and keeps quoted names", () => {
  assert.deepEqual(texts('SELECT "MixedCase", Plain FROM Doc.T'), [
    "select", '"MixedCase"', ",", "plain", "from", "doc", ".", "t",
  ]); // biome-ignore format: one line a statement
});

test("takes nothing inside a text or a comment for SQL", () => {
  assert.deepEqual(texts("'it''s; -- one' /* two ; */ , 3 -- four ;"), ["'it''s; -- one'", ",", "3"]);
  assert.equal(tokensOf("'it''s'")[0]?.value, "it's");
});

test("knows operators of several characters", () => {
  assert.deepEqual(texts("a::int<=b||c->>'d'!~*e"), ["a", "::", "int", "<=", "b", "||", "c", "->>", "'d'", "!~*", "e"]);
});

test("drops semicolons at the end only", () => {
  assert.deepEqual(texts("select 1;;"), ["select", "1"]);
  assert.deepEqual(texts("a;b"), ["a", ";", "b"]);
});

test("refuses what is no token, with its line", () => {
  assert.throws(() => tokensOf("select\n'open"), { code: "crate.SYNTAX", message: /line 2/ });
});

test("reads any printed statement as the same tokens again", () => {
  const word = fc.constantFrom(
    "select",
    "a",
    '"B c"',
    "'x''y'",
    "1.5e3",
    "?",
    "$2",
    "(",
    ")",
    "::",
    "<=",
    ",",
    "[",
    "]",
  );
  fc.assert(
    fc.property(fc.array(word), (words) => {
      const tokens = tokensOf(words.join(" "));
      assert.deepEqual(tokensOf(textOf(tokens)), tokens);
    }),
  );
});

test("survives any text", () => {
  fc.assert(
    fc.property(fc.string(), (sql) => {
      try {
        tokensOf(sql);
      } catch (error) {
        assert.equal((error as { code?: string }).code, "crate.SYNTAX");
      }
    }),
  );
});

test("splits at the outer commas", () => {
  assert.deepEqual(splitAtCommas(tokensOf("a, f(b, c), [d, e]")).map(textOf), ["a", "f ( b , c )", "[ d , e ]"]);
});

test("says what it expected and what it found", () => {
  const cursor = new TokenCursor(tokensOf("create view"));
  cursor.expect("create");
  assert.throws(() => cursor.expect("table"), { message: /expected TABLE at "view"/ });
});

test("takes a backslash in E'' for an escape", () => {
  assert.deepEqual(
    tokensOf(String.raw`e'a\'' ; ''''`).map(({ kind, value }) => [kind, value]),
    [
      ["text", "a'"],
      ["symbol", ";"],
      ["text", "'"],
    ],
  );
});

test("refuses comments without an end at the first one", () => {
  assert.throws(() => tokensOf(`select 1 ${"/* ".repeat(300_000)}`), { code: "crate.SYNTAX" });
});
