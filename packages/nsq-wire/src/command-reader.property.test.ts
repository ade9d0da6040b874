import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteWriter } from "@polylog/base/bytes";
import { isCodedError } from "@polylog/base/errors";
import fc from "fast-check";
import { CommandReader } from "./command-reader.ts";
import { defaultLimits, type ProtocolLimits } from "./limits.ts";
import { encodeMagic } from "./magic.ts";
import { type CommandValue, encodeCommand, readCommands } from "./testing/read-commands.ts";
import { cutAt, cutEvery } from "./testing/split.ts";
import { int32 } from "./testing/vectors.ts";
import { commands, verbs } from "./verbs.ts";

/** Small, so that random sizes reach both sides of every bound. */
const limits: ProtocolLimits = { ...defaultLimits, msgSizeMax: 12, bodySizeMax: 40, rdyCountMax: 20 };

const byteText = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const name = fc.constantFrom("t", "a.b_c-D9", "x#ephemeral", "y".repeat(64));
const id = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 16, maxLength: 16 });
const timeoutMs = fc.nat(3_600_000);

const command: fc.Arbitrary<CommandValue> = fc.oneof(
  fc.record({ verb: fc.constantFrom("FIN" as const, "TOUCH" as const), id }),
  fc.record({ verb: fc.constant("REQ" as const), id, timeoutMs }),
  fc.record({ verb: fc.constant("RDY" as const), count: fc.nat(20) }),
  fc.record({ verb: fc.constant("PUB" as const), topic: name, message: byteText }),
  fc.record({ verb: fc.constant("DPUB" as const), topic: name, deferMs: timeoutMs, message: byteText }),
  fc.record({
    verb: fc.constant("MPUB" as const),
    topic: name,
    messages: fc.array(byteText, { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ verb: fc.constant("SUB" as const), topic: name, channel: name }),
  fc.record({ verb: fc.constant("AUTH" as const), secret: byteText }),
  fc.record({ verb: fc.constant("IDENTIFY" as const), fields: fc.record({ client_id: fc.constantFrom("a", "b") }) }),
  fc.record({ verb: fc.constantFrom("NOP" as const, "CLS" as const) }),
);

/** Pieces of commands, right and wrong, in any order. */
const piece = fc.oneof(
  fc.constantFrom(
    ..."PUB |MPUB |DPUB |FIN |REQ |RDY|SUB |AUTH|IDENTIFY|NOP\n|CLS\n|\n|\r\n| |t\n|t 5\n|{}|null".split("|"),
  ),
  fc.integer({ min: -1, max: 45 }).map(int32),
  byteText,
  id,
);
const anyStream = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(`  V2${pieces.join("")}`, "latin1"));
const points = fc.array(fc.nat(), { maxLength: 25 });

function encode(values: readonly CommandValue[]): Buffer {
  const writer = new ByteWriter();
  encodeMagic(writer);
  for (const value of values) encodeCommand(writer, value);
  return writer.take();
}

test("reads what it writes, for any split", () => {
  fc.assert(
    fc.property(fc.array(command), points, (values, at) => {
      // A clone has the ordinary prototype, which what is generated may lack.
      const expected = { commands: structuredClone(values), error: undefined, end: undefined };
      assert.deepEqual(readCommands(cutAt(encode(values), at), limits), expected);
    }),
    { numRuns: 500 },
  );
});

test("reads any bytes alike for any split", () => {
  fc.assert(
    fc.property(anyStream, points, (stream, at) => {
      const whole = readCommands([stream], limits);
      assert.deepEqual(readCommands(cutAt(stream, at), limits), whole);
      assert.deepEqual(readCommands(cutEvery(stream, 1), limits), whole);
    }),
    { numRuns: 3000 },
  );
});

test("reads alike when it is asked late", () => {
  fc.assert(
    fc.property(anyStream, points, fc.array(fc.boolean(), { minLength: 1 }), (stream, at, eager) => {
      // Chunks that are pushed together instead of one by one.
      const groups: Buffer[][] = [[]];
      cutAt(stream, at).forEach((chunk, index) => {
        groups.at(-1)!.push(chunk);
        if (eager[index % eager.length]) groups.push([]);
      });
      assert.deepEqual(readBodies(groups), readBodies([[stream]]));
    }),
    { numRuns: 1000 },
  );
});

test("reads runs of messages alike for any split", () => {
  const message = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ verb: fc.constant("PUB" as const), topic: fc.constantFrom("t", "t2"), message: byteText }),
    },
    { weight: 1, arbitrary: command },
  );
  const rest = fc.constantFrom(
    "",
    "PUB t",
    "PUB t\n",
    `PUB t\n${int32(0)}`,
    `PUB t\n${int32(13)}`,
    `PUB t\n${int32(3)}ab`,
  );
  fc.assert(
    fc.property(fc.array(message), rest, points, fc.integer({ min: 1, max: 60 }), (values, end, at, sizeMax) => {
      const stream = Buffer.concat([encode(values), Buffer.from(end, "latin1")]);
      assert.deepEqual(readRuns(cutAt(stream, at), sizeMax), readBodies([[stream]]));
    }),
    { numRuns: 2000 },
  );
});

/** As `readBodies`, going through messages by runs. */
function readRuns(chunks: readonly Buffer[], sizeMax: number): { found: string[]; error: string | undefined } {
  const reader = new CommandReader(limits);
  const found: string[] = [];
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      while (reader.next()) {
        const { body } = commands[reader.verb]!;
        if (reader.verb !== verbs.PUB && reader.verb !== verbs.DPUB) {
          const text = body === "none" ? "" : reader.bytes.toString("latin1", reader.bodyStart, reader.bodyEnd);
          found.push(`${reader.verbText()} ${reader.paramCount} ${text}`);
          continue;
        }
        const count = reader.readRun(sizeMax);
        let start = reader.framesStart;
        for (let index = 0; index < count; index++) {
          assert.ok(start - reader.framesStart < sizeMax + reader.frameGap);
          const bodyEnd = start + 4 + reader.bytes.readUInt32BE(start);
          found.push(
            `${reader.verbText()} ${reader.paramCount} ${reader.bytes.toString("latin1", start + 4, bodyEnd)}`,
          );
          start = bodyEnd + reader.frameGap;
        }
        assert.equal(start - reader.frameGap, reader.bodyEnd);
      }
    }
  } catch (error) {
    assert.ok(isCodedError(error));
    return { found, error: error.message };
  }
  return { found, error: undefined };
}

test("reads runs of ids alike for any split", () => {
  const ours = fc.record({ verb: fc.constantFrom("FIN" as const, "FIN" as const, "TOUCH" as const), id });
  const cut = fc.constantFrom("", "FIN 0", "FIN 0123456789abcdeF\n", "FIN 0123456789 bcdef\n", "FIN 1\n", "FIN\n");
  fc.assert(
    fc.property(fc.array(fc.oneof(ours, ours, command)), cut, points, fc.boolean(), (values, end, at, again) => {
      const rest = again ? Buffer.concat([Buffer.from(end), Buffer.from("FIN 0000000000000001\n")]) : Buffer.from(end);
      const stream = Buffer.concat([encode(values), rest]);
      const found: string[] = [];
      const message = { partition: 0, offset: 0 };
      const reader = new CommandReader(limits);
      for (const chunk of cutAt(stream, at)) {
        reader.push(chunk);
        while (readsOn(reader, found)) while (withId(reader) && reader.nextWithId(message)) found.push(lineOf(reader));
      }
      const whole = new CommandReader(limits);
      const expected: string[] = [];
      whole.push(stream);
      while (readsOn(whole, expected));
      assert.deepEqual(found, expected);
    }),
    { numRuns: 2000 },
  );
});

function withId(reader: CommandReader): boolean {
  return (
    (reader.verb === verbs.FIN || reader.verb === verbs.TOUCH) && reader.paramEnd[0]! - reader.paramStart[0]! === 16
  );
}

function lineOf(reader: CommandReader): string {
  const param = reader.bytes.toString("latin1", reader.paramStart[0], reader.paramEnd[0]);
  return `${reader.verbText()} ${reader.paramCount} ${reader.paramCount === 0 ? "" : param}`;
}

/** Notes the next command, or what the reader throws; false when there is none. */
function readsOn(reader: CommandReader, found: string[]): boolean {
  try {
    if (!reader.next()) return false;
    found.push(lineOf(reader));
    return true;
  } catch (error) {
    assert.ok(isCodedError(error));
    if (found.at(-1) !== error.message) found.push(error.message);
    return false;
  }
}

/** What the reader alone finds when it is asked only after each group. */
function readBodies(groups: readonly (readonly Buffer[])[]): { found: string[]; error: string | undefined } {
  const reader = new CommandReader(limits);
  const found: string[] = [];
  try {
    for (const group of groups) {
      for (const chunk of group) reader.push(chunk);
      while (reader.next()) {
        const body = commands[reader.verb]!.body !== "none";
        const text = body ? reader.bytes.toString("latin1", reader.bodyStart, reader.bodyEnd) : "";
        found.push(`${reader.verbText()} ${reader.paramCount} ${text}`);
      }
    }
  } catch (error) {
    assert.ok(isCodedError(error));
    return { found, error: error.message };
  }
  return { found, error: undefined };
}

test("never fails but with errors of the table", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), points, fc.boolean(), (bytes, at, withMagic) => {
      const stream = Buffer.concat([Buffer.from(withMagic ? "  V2" : ""), bytes]);
      assert.deepEqual(readCommands(cutAt(stream, at), limits), readCommands([stream], limits));
    }),
    { numRuns: 1000 },
  );
});

test("never holds more than the largest body and a line", () => {
  const wide: ProtocolLimits = { ...defaultLimits, msgSizeMax: 120, bodySizeMax: 400 };
  const sizes = fc.array(fc.integer({ min: 1, max: 121 }), { maxLength: 12 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 400 }),
      fc.integer({ min: 1, max: 60 }),
      sizes,
      (stated, missing, messages) => {
        const body = messages.map((size) => int32(size) + "m".repeat(size)).join("");
        const stream = Buffer.from(`  V2MPUB t\n${int32(stated)}${int32(messages.length + missing)}${body}`, "latin1");
        // The next message's size may come before it is known to be one too many.
        const heldMax = "MPUB t\n".length + 4 + wide.bodySizeMax + 4;
        const held = largestBuffer(cutEvery(stream, 1), wide);
        assert.ok(held <= heldMax, `${held} bytes`);
      },
    ),
    { numRuns: 500 },
  );
});

test("never allocates for a size it refuses", () => {
  for (const line of ["PUB t\n", "DPUB t 1\n", "MPUB t\n", "AUTH\n", "IDENTIFY\n"]) {
    const stream = Buffer.from(`  V2${line}${int32(0x7fffffff)}`, "latin1");
    assert.ok(largestBuffer(cutEvery(stream, 1), limits) <= 128);
  }
});

/** The largest buffer that is made while `chunks` are read. */
function largestBuffer(chunks: readonly Buffer[], bounds: ProtocolLimits): number {
  const allocate = Buffer.allocUnsafeSlow;
  let largest = 0;
  Buffer.allocUnsafeSlow = (size) => {
    largest = Math.max(largest, size);
    return allocate(size);
  };
  try {
    readCommands(chunks, bounds);
  } finally {
    Buffer.allocUnsafeSlow = allocate;
  }
  return largest;
}
