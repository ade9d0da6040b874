import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { goQuote } from "./go-quote.ts";

function quote(bytes: Buffer): string {
  return goQuote(bytes, 0, bytes.length);
}

/** Bytes and what Go prints for them, both as byte strings. */
const rows: readonly (readonly [string, string])[] = [
  ["", '""'],
  ["a b", '"a b"'],
  ['"\\', '"\\"\\\\"'],
  ["\x07\b\t\n\v\f\r", '"\\a\\b\\t\\n\\v\\f\\r"'],
  ["\0\x1b\x7f", '"\\x00\\x1b\\x7f"'],
  ["\xff\xc3", '"\\xff\\xc3"'],
  ["\xc3\xa9", '"\xc3\xa9"'],
  ["\xc2\x80\xc2\xa0\xc2\xad", '"\\u0080\\u00a0\\u00ad"'],
  ["\xe2\x80\x8b", '"\\u200b"'],
  ["\xef\xbf\xbd", '"\xef\xbf\xbd"'],
  ["\xf0\x9f\x98\x80", '"\xf0\x9f\x98\x80"'],
  ["\xf3\xa0\x80\x81", '"\\U000e0001"'],
  ["\xc0\x80", '"\\xc0\\x80"'],
  ["\xe0\x80\x80", '"\\xe0\\x80\\x80"'],
  ["\xed\xa0\x80", '"\\xed\\xa0\\x80"'],
  ["\xf4\x90\x80\x80", '"\\xf4\\x90\\x80\\x80"'],
  ["\xe2\x82", '"\\xe2\\x82"'],
];

for (const [bytes, quoted] of rows) {
  test(`quotes ${quoted}`, () => {
    assert.equal(quote(Buffer.from(bytes, "latin1")), quoted);
  });
}

test("quotes a range only", () => {
  assert.equal(goQuote(Buffer.from("abc\xc3\xa9", "latin1"), 1, 4), '"bc\\xc3"');
});

test("loses no byte", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      assert.deepEqual(unquote(quote(Buffer.from(bytes))), Buffer.from(bytes));
    }),
  );
});

const letters: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, '"': 34, "\\": 92 };

function unquote(quoted: string): Buffer {
  const parts: Buffer[] = [];
  const piece = /\\x(..)|\\u(....)|\\U(.{8})|\\(.)|([^\\])/gsy;
  for (const [, byte, short, wide, letter, plain] of quoted.slice(1, -1).matchAll(piece)) {
    if (byte !== undefined) parts.push(Buffer.from(byte, "hex"));
    else if (letter !== undefined) parts.push(Buffer.of(letters[letter]!));
    else if (plain !== undefined) parts.push(Buffer.from(plain, "latin1"));
    else parts.push(Buffer.from(String.fromCodePoint(Number.parseInt((short ?? wide)!, 16)), "utf8"));
  }
  return Buffer.concat(parts);
}
