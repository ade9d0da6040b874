import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { encodeAuth } from "./auth.ts";
import { encodeDpub } from "./dpub.ts";
import { encodeFin } from "./fin.ts";
import { encodeMpub } from "./mpub.ts";
import { encodePub } from "./pub.ts";
import { encodeReq } from "./req.ts";
import { encodeSub } from "./sub.ts";
import { encodeTouch } from "./touch.ts";

const none = Buffer.alloc(0);
const some = Buffer.from("x");

/** What no server would take, and the words with which it would say so. */
const refused: readonly (readonly [(writer: ByteWriter) => void, string])[] = [
  [(writer) => encodePub(writer, "a b", some), 'PUB topic name "a b" is not valid'],
  [(writer) => encodePub(writer, "t\nNOP", some), 'PUB topic name "t\\nNOP" is not valid'],
  [(writer) => encodePub(writer, "\u20ac", some), 'PUB topic name "\xe2\x82\xac" is not valid'],
  [(writer) => encodePub(writer, "t", none), "PUB invalid message body size 0"],
  [(writer) => encodeDpub(writer, "", 1, some), 'DPUB topic name "" is not valid'],
  [(writer) => encodeDpub(writer, "t", 1, none), "DPUB invalid message body size 0"],
  [(writer) => encodeMpub(writer, "$", [some]), 'E_BAD_TOPIC MPUB topic name "$" is not valid'],
  [(writer) => encodeMpub(writer, "t", []), "MPUB invalid message count 0"],
  [(writer) => encodeMpub(writer, "t", [some, none]), "MPUB invalid message(1) body size 0"],
  [(writer) => encodeSub(writer, "$", "c"), 'SUB topic name "$" is not valid'],
  [(writer) => encodeSub(writer, "t", "$"), 'SUB channel name "$" is not valid'],
  [(writer) => encodeAuth(writer, none), "AUTH invalid body size 0"],
  [(writer) => encodeFin(writer, some), "invalid message ID"],
  [(writer) => encodeTouch(writer, Buffer.alloc(20), 5), "invalid message ID"],
  [(writer) => encodeReq(writer, 0, none), "invalid message ID"],
];

for (const [encode, message] of refused) {
  test(`refuses to write: ${message}`, () => {
    const writer = new ByteWriter();
    assert.throws(() => encode(writer), { message });
    assert.equal(writer.length, 0);
  });
}

test("takes an id from the middle of a frame", () => {
  const writer = new ByteWriter();
  encodeFin(writer, Buffer.from("..0123456789abcdef.."), 2);
  assert.equal(writer.take().toString(), "FIN 0123456789abcdef\n");
});
