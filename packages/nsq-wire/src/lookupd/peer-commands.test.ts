import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import fc from "fast-check";
import { LookupdCommandReader } from "./command-reader.ts";
import { encodeAnswer } from "./errors.ts";
import {
  encodeMagicV1,
  encodePeerIdentify,
  encodePing,
  encodeRegister,
  encodeUnregister,
  LookupdAnswerReader,
} from "./peer-commands.ts";
import { decodeLookupdFields, encodeLookupdFields } from "./peer-fields.ts";

const peer = {
  hostname: "h",
  broadcast_address: "<ä>",
  tcp_port: 1,
  http_port: 2,
  version: "v",
  topology_zone: "z",
  topology_region: "r",
};

test("writes what the other side reads", () => {
  const writer = new ByteWriter();
  encodeMagicV1(writer);
  encodePeerIdentify(writer, peer);
  encodeRegister(writer, "a", "");
  encodeRegister(writer, "a", "b");
  encodeUnregister(writer, "a", "b");
  encodePing(writer);
  const reader = new LookupdCommandReader();
  reader.push(writer.take());
  assert.deepEqual(
    Array.from({ length: 6 }, () => reader.next()),
    [
      { name: "IDENTIFY", peer },
      { name: "REGISTER", topic: "a", channel: "" },
      { name: "REGISTER", topic: "a", channel: "b" },
      { name: "UNREGISTER", topic: "a", channel: "b" },
      { name: "PING" },
      undefined,
    ],
  );
});

test("writes IDENTIFY with nsqd's keys in their order", () => {
  const writer = new ByteWriter();
  encodePeerIdentify(writer, { ...peer, broadcast_address: "<&>" });
  const json =
    '{"broadcast_address":"\\u003c\\u0026\\u003e","hostname":"h","http_port":2,"tcp_port":1,"topology_region":"r",' +
    '"topology_zone":"z","version":"v"}';
  assert.equal(writer.take().toString("latin1"), `IDENTIFY\n\0\0\0${String.fromCharCode(json.length)}${json}`);
});

test("answers IDENTIFY with sorted keys and reads that back", () => {
  const lookupd = { broadcast_address: "here", hostname: "ö", http_port: 4161, tcp_port: 4160, version: "1.3.0" };
  const answer = encodeAnswer(encodeLookupdFields(lookupd)).subarray(4);
  assert.equal(
    answer.toString("utf8"),
    '{"broadcast_address":"here","hostname":"ö","http_port":4161,"tcp_port":4160,"version":"1.3.0"}',
  );
  assert.deepEqual(decodeLookupdFields(answer), lookupd);
  assert.deepEqual(decodeLookupdFields(Buffer.from("{}")), {
    broadcast_address: "",
    hostname: "",
    http_port: 0,
    tcp_port: 0,
    version: "",
  });
});

test("refuses an answer that is no description", () => {
  for (const answer of ["E_INVALID", "OK", '{"http_port":"x"}'])
    assert.throws(() => decodeLookupdFields(Buffer.from(answer)), { code: "nsq-lookupd.ANSWER_UNDECODABLE" });
});

test("reads answers however they are cut", () => {
  const texts = fc.array(fc.string({ unit: "binary-ascii", maxLength: 30 }), { maxLength: 8 });
  fc.assert(
    fc.property(texts, fc.array(fc.integer({ min: 1, max: 9 })), (answers, sizes) => {
      const bytes = Buffer.concat(answers.map(encodeAnswer));
      const reader = new LookupdAnswerReader();
      const found: string[] = [];
      for (let at = 0, cut = 0; at < bytes.length; cut++) {
        const size = sizes[cut] ?? bytes.length;
        reader.push(bytes.subarray(at, at + size));
        at += size;
        for (let answer = reader.next(); answer !== undefined; answer = reader.next())
          found.push(answer.toString("latin1"));
      }
      assert.deepEqual(found, answers);
    }),
  );
});

test("refuses answers out of bounds", () => {
  for (const size of [-1, 5_242_881]) {
    const reader = new LookupdAnswerReader();
    const header = Buffer.alloc(4);
    header.writeInt32BE(size);
    reader.push(header);
    assert.throws(() => reader.next(), { code: "nsq-lookupd.ANSWER_SIZE_INVALID" });
  }
});
