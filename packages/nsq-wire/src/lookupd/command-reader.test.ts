import assert from "node:assert/strict";
import { test } from "node:test";
import { isCodedError } from "@polylog/base/errors";
import { LookupdCommandReader } from "./command-reader.ts";
import { errorAnswer } from "./errors.ts";

const nsqd = { broadcast_address: "here", tcp_port: 4150, http_port: 4151, version: "1.3.0" };
const peer = { ...nsqd, hostname: "", topology_zone: "", topology_region: "" };

function identify(body: string | object, size?: number): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const header = Buffer.alloc(4);
  header.writeInt32BE(size ?? Buffer.byteLength(text));
  return `IDENTIFY\n${header.toString("latin1")}${text}`;
}

const known = identify(nsqd);
const identified = { name: "IDENTIFY", peer };

interface Row {
  readonly name: string;
  readonly sent: string;
  readonly commands?: readonly object[];
  /** The text of the last answer; "" when there is none. Left out: no error. */
  readonly error?: string;
  /** The stream goes on: nothing more is to be expected of its end. */
  readonly ended?: boolean;
}

const rows: readonly Row[] = [
  { name: "PING before IDENTIFY", sent: "PING\n", commands: [{ name: "PING" }] },
  { name: "PING with more words and white space around", sent: "\t PING now \r\n", commands: [{ name: "PING" }] },
  { name: "an empty line", sent: "\n", error: "E_INVALID invalid command " },
  { name: "a command in lower case", sent: "ping\n", error: "E_INVALID invalid command ping" },
  { name: "bytes that are no text", sent: "\xff\x00\n", error: "E_INVALID invalid command \xff\x00" },
  { name: "REGISTER before IDENTIFY", sent: "REGISTER\n", error: "E_INVALID client must IDENTIFY" },
  { name: "UNREGISTER before IDENTIFY", sent: "UNREGISTER a\n", error: "E_INVALID client must IDENTIFY" },
  { name: "IDENTIFY", sent: known, commands: [identified] },
  { name: "IDENTIFY with a parameter", sent: known.replace("\n", " x\n"), commands: [identified] },
  {
    name: "all fields, keys in any case, null and unknown keys",
    sent: identify(
      '{"Broadcast_Address":"here","TCP_PORT":4150,"http_port":-1,"version":"v","hostname":null,"x":[1],' +
        '"topology_zone":"z","topology_region":"r","remote_address":"mine"}',
    ),
    commands: [
      {
        name: "IDENTIFY",
        peer: { ...peer, http_port: -1, version: "v", topology_zone: "z", topology_region: "r" },
      },
    ],
  },
  {
    name: "IDENTIFY again, whatever follows",
    sent: `${known}IDENTIFY\n`,
    commands: [identified],
    error: "E_INVALID cannot IDENTIFY again",
  },
  {
    name: "IDENTIFY of nothing",
    sent: identify("", 0),
    error: "E_BAD_BODY IDENTIFY failed to decode JSON body",
  },
  { name: "null", sent: identify("null"), error: "E_BAD_BODY IDENTIFY missing fields" },
  { name: "a list", sent: identify("[]"), error: "E_BAD_BODY IDENTIFY failed to decode JSON body" },
  ...["broadcast_address", "tcp_port", "http_port", "version"].map((key) => ({
    name: `IDENTIFY without ${key}`,
    sent: identify({ ...nsqd, [key]: undefined }),
    error: "E_BAD_BODY IDENTIFY missing fields",
  })),
  ...[{ tcp_port: "1" }, { tcp_port: 1.5 }, { hostname: 1 }, { remote_address: {} }].map((fields) => ({
    name: `IDENTIFY with ${JSON.stringify(fields)}`,
    sent: identify({ ...nsqd, ...fields }),
    error: "E_BAD_BODY IDENTIFY failed to decode JSON body",
  })),
  { name: "a size below 0", sent: identify("", -1), error: "E_BAD_BODY IDENTIFY invalid body size -1" },
  { name: "a size out of bounds", sent: identify("", 16_385), error: "E_BAD_BODY IDENTIFY body too big 16385 > 16384" },
  {
    name: "an end in the size",
    sent: "IDENTIFY\n\0",
    ended: true,
    error: "E_BAD_BODY IDENTIFY failed to read body size",
  },
  { name: "an end in the body", sent: identify("{", 2), ended: true, error: "E_BAD_BODY IDENTIFY failed to read body" },
  { name: "an end in a line", sent: "PI", ended: true },
  {
    name: "REGISTER and UNREGISTER",
    sent: `${known}REGISTER a\nREGISTER a b x\nREGISTER a  b\nUNREGISTER a#ephemeral b#ephemeral\n`,
    commands: [
      identified,
      { name: "REGISTER", topic: "a", channel: "" },
      { name: "REGISTER", topic: "a", channel: "b" },
      { name: "REGISTER", topic: "a", channel: "" },
      { name: "UNREGISTER", topic: "a#ephemeral", channel: "b#ephemeral" },
    ],
  },
  ...["REGISTER", "UNREGISTER"].flatMap((name) => [
    {
      name: `${name} without a topic`,
      sent: `${known}${name} \n`,
      commands: [identified],
      error: `E_INVALID ${name} insufficient number of params`,
    },
    {
      name: `${name} of two spaces`,
      sent: `${known}${name}  a\n`,
      commands: [identified],
      error: `E_BAD_TOPIC ${name} topic name '' is not valid`,
    },
    {
      name: `${name} of a bad topic`,
      sent: `${known}${name} a$' b$\n`,
      commands: [identified],
      error: `E_BAD_TOPIC ${name} topic name 'a$'' is not valid`,
    },
    {
      name: `${name} of a bad channel`,
      sent: `${known}${name} a b$\n`,
      commands: [identified],
      error: `E_BAD_CHANNEL ${name} channel name 'b$' is not valid`,
    },
  ]),
  { name: "a line without end", sent: "x".repeat(16_384), error: "" },
  { name: "a long line", sent: `PING ${"x".repeat(16_378)}\n`, commands: [{ name: "PING" }] },
];

function read(chunks: readonly Buffer[], ended: boolean): { commands: object[]; error: string | undefined } {
  const reader = new LookupdCommandReader();
  const commands: object[] = [];
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      for (let command = reader.next(); command !== undefined; command = reader.next()) commands.push(command);
    }
    const error = ended ? reader.endError() : undefined;
    if (error !== undefined) throw error;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    assert.equal(reader.next(), undefined);
    return { commands, error: errorAnswer(error)?.toString("latin1", 4) ?? "" };
  }
  return { commands, error: undefined };
}

for (const { name, sent, commands = [], error, ended = false } of rows) {
  test(`reads ${name}`, () => {
    const bytes = Buffer.from(`  V1${sent}`, "latin1");
    const expected = { commands: [...commands], error };
    assert.deepEqual(read([bytes], ended), expected);
    assert.deepEqual(
      read(
        Array.from(bytes, (byte) => Buffer.of(byte)),
        ended,
      ),
      expected,
    );
    for (let cut = 1; cut < Math.min(bytes.length, 200); cut++)
      assert.deepEqual(read([bytes.subarray(0, cut), bytes.subarray(cut)], ended), expected);
  });
}

test("refuses another magic with the code alone", () => {
  assert.equal(read([Buffer.from("  V2")], false).error, "E_BAD_PROTOCOL");
});
