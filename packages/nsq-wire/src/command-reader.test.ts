import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { isCodedError } from "@polylog/base/errors";
import { CommandReader } from "./command-reader.ts";
import { nsqWireErrors } from "./errors.ts";
import { defaultLimits } from "./limits.ts";
import { encodeMagic } from "./magic.ts";
import { encodeCommand, readCommands } from "./testing/read-commands.ts";
import { cutAt, cutEvery } from "./testing/split.ts";
import { commandVectors, int32, sized } from "./testing/vectors.ts";
import { type Verb, verbs } from "./verbs.ts";

function stream(text: string): Buffer {
  return Buffer.from(`  V2${text}`, "latin1");
}

for (const vector of commandVectors) {
  const bytes = stream(vector.bytes);
  const expected = { commands: vector.commands ?? [], error: vector.error, end: vector.end };

  test(`reads ${vector.name}`, () => {
    assert.deepEqual(readCommands([bytes]), expected);
  });

  test(`reads ${vector.name}, byte by byte`, () => {
    assert.deepEqual(readCommands(cutEvery(bytes, 1)), expected);
  });

  test(`reads ${vector.name}, cut in two anywhere`, () => {
    const step = Math.ceil(bytes.length / 400);
    for (let at = 0; at < bytes.length; at += step)
      assert.deepEqual(readCommands(cutAt(bytes, [at])), expected, `at ${at}`);
  });

  if (vector.commands !== undefined && vector.error === undefined && vector.canonical !== false) {
    test(`writes ${vector.name}`, () => {
      const writer = new ByteWriter();
      encodeMagic(writer);
      for (const command of vector.commands!) encodeCommand(writer, command);
      assert.equal(writer.take().toString("latin1"), bytes.toString("latin1"));
    });
  }
}

test("refuses another magic", () => {
  for (const bytes of ["  V1", "GET /", "\0\0\0\0"]) {
    assert.equal(readCommands([Buffer.from(bytes, "latin1")]).error, "E_BAD_PROTOCOL");
  }
});

test("waits for all of the magic", () => {
  assert.deepEqual(readCommands([Buffer.from("GET")]), { commands: [], error: undefined, end: undefined });
});

test("throws the same error again", () => {
  const reader = new CommandReader(defaultLimits);
  reader.push(stream("X\nNOP\n"));
  let first: unknown;
  assert.throws(
    () => reader.next(),
    (error) => {
      first = error;
      return isCodedError(error, "nsq-wire.INVALID_COMMAND");
    },
  );
  reader.push(Buffer.from("NOP\n"));
  assert.throws(
    () => reader.next(),
    (error) => error === first,
  );
});

test("asks for the state before it looks at parameters", () => {
  const asked: Verb[] = [];
  const beforeParameters = (verb: Verb): void => {
    asked.push(verb);
    if (verb === verbs.AUTH) throw nsqWireErrors.INVALID_STATE({ command: "AUTH" });
  };
  const chunks = cutEvery(stream(`NOP\nPUB t\n${sized("a")}AUTH x\n`), 1);
  assert.equal(
    readCommands(chunks, defaultLimits, { beforeParameters }).error,
    "E_INVALID cannot AUTH in current state",
  );
  assert.deepEqual(asked, [verbs.NOP, verbs.PUB, verbs.AUTH]);
});

test("asks for the state of unknown verbs, which it can name", () => {
  const reader: CommandReader = new CommandReader(defaultLimits, {
    beforeParameters: () => {
      throw nsqWireErrors.TLS_REQUIRED({ command: reader.verbText() });
    },
  });
  for (const chunk of cutEvery(stream("ASD\xff x\n"), 2)) reader.push(chunk);
  assert.throws(() => reader.next(), { message: "cannot ASD\xff in current state (TLS required)" });
});

test("asks before a body, behind the line's own checks", () => {
  const asked: Verb[] = [];
  const beforeBody = (verb: Verb): boolean => {
    asked.push(verb);
    if (verb === verbs.MPUB) throw nsqWireErrors.AUTH_FIRST({ command: "MPUB" });
    return true;
  };
  const hooks = { beforeBody };
  const first = readCommands([stream(`NOP\nPUB t\n${sized("a")}MPUB t\n${int32(0)}`)], defaultLimits, hooks);
  assert.equal(first.error, "E_AUTH_FIRST AUTH required before MPUB");
  assert.deepEqual(asked, [verbs.PUB, verbs.MPUB]);
  const second = readCommands([stream("MPUB $\n")], defaultLimits, hooks);
  assert.match(second.error ?? "", /^E_BAD_TOPIC/);
  assert.deepEqual(asked, [verbs.PUB, verbs.MPUB]);
});

test("holds a command until its body may be read", () => {
  let open = false;
  const reader = new CommandReader(defaultLimits, { beforeBody: () => open });
  const [first, ...rest] = cutEvery(stream(`MPUB topic\n${int32(9)}${int32(1)}${sized("a")}NOP\n`), 7);
  reader.push(first!);
  assert.equal(reader.next(), false);
  for (const chunk of rest) {
    reader.push(chunk);
    assert.equal(reader.next(), false);
  }
  open = true;
  assert.equal(reader.next(), true);
  assert.equal(reader.verb, verbs.MPUB);
  assert.equal(reader.bytes.toString("latin1", reader.paramStart[0], reader.paramEnd[0]), "topic");
  assert.equal(reader.bytes.toString("latin1", reader.messagesStart, reader.messagesEnd), sized("a"));
  assert.equal(reader.next(), true);
  assert.equal(reader.verb, verbs.NOP);
  assert.equal(reader.next(), false);
});

test("copies nothing for a command in one chunk", () => {
  const reader = new CommandReader(defaultLimits);
  const chunk = stream(`PUB t\n${sized("abc")}MPUB t\n${int32(9)}${int32(1)}${sized("d")}`);
  reader.push(chunk);
  assert.equal(reader.next(), true);
  assert.equal(reader.bytes, chunk);
  assert.equal(reader.next(), true);
  assert.equal(reader.bytes, chunk);
});

test("collects a body in one buffer of its size", () => {
  const reader = new CommandReader(defaultLimits);
  const message = "m".repeat(200_000);
  for (const chunk of cutEvery(stream(`PUB t\n${sized(message)}`), 1000)) {
    reader.push(chunk);
    reader.next();
  }
  assert.equal(reader.verb, verbs.PUB);
  assert.equal(reader.bodyEnd - reader.bodyStart, message.length);
  assert.equal(reader.bytes.buffer.byteLength, "PUB t\n".length + 4 + message.length);
});

test("leaves the bytes of earlier commands alone", () => {
  const reader = new CommandReader(defaultLimits);
  const kept: Buffer[] = [];
  let text = "";
  for (let i = 0; i < 200; i++) text += `PUB t\n${sized(`message ${i}`)}`;
  for (const chunk of cutEvery(stream(text), 13)) {
    reader.push(chunk);
    while (reader.next()) kept.push(reader.bytes.subarray(reader.bodyStart, reader.bodyEnd));
  }
  assert.deepEqual(
    kept.map(String),
    kept.map((_, i) => `message ${i}`),
  );
  assert.equal(kept.length, 200);
});

test("drops what lies behind an upgrade", () => {
  const reader = new CommandReader(defaultLimits);
  reader.push(stream(`IDENTIFY\n${sized("{}")}SUB t c\n`));
  assert.equal(reader.next(), true);
  reader.discard();
  assert.equal(reader.next(), false);
  reader.push(Buffer.from("NOP\n"));
  assert.equal(reader.next(), true);
  assert.equal(reader.verb, verbs.NOP);
});

test("refuses an MPUB whose messages exceed the largest body", () => {
  const limits = { ...defaultLimits, bodySizeMax: 100, msgSizeMax: 60 };
  const fits = `MPUB t\n${int32(1)}${int32(2)}${sized("a".repeat(44))}${sized("b".repeat(44))}`;
  assert.equal(readCommands([stream(fits)], limits).error, undefined);
  const exceeds = `MPUB t\n${int32(1)}${int32(2)}${sized("a".repeat(44))}${int32(45)}`;
  assert.equal(readCommands([stream(exceeds)], limits).error, "E_BAD_BODY MPUB body too big 101 > 100");
});
