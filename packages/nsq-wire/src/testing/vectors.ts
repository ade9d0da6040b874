/**
 * Streams behind the magic, what they mean, and the exact error frames nsqd answers with. Strings are byte strings: one
 * character per byte. Every row runs through decode, encode and byte-by-byte splitting (`command-reader.test.ts`).
 */

import type { CommandValue } from "./read-commands.ts";

export interface CommandVector {
  readonly name: string;
  readonly bytes: string;
  /** What is read before the error, or all of it. */
  readonly commands?: readonly CommandValue[];
  /** Body of the error frame; null: closed without one. */
  readonly error?: string | null;
  /** Body of the error frame when the stream ends behind `bytes`. */
  readonly end?: string;
  /** False when an encoder writes the same commands in other bytes. Default true. */
  readonly canonical?: false;
}

/** An int32 on the wire. */
export function int32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes.toString("latin1");
}

/** Bytes behind their int32 size. */
export function sized(text: string): string {
  return int32(text.length) + text;
}

function mpub(...messages: readonly string[]): string {
  return sized(int32(messages.length) + messages.map(sized).join(""));
}

const id = "0123456789abcdef";
const long = "a".repeat(64);

const validVectors: readonly CommandVector[] = [
  { name: "NOP", bytes: "NOP\n", commands: [{ verb: "NOP" }] },
  { name: "NOP with CR", bytes: "NOP\r\n", commands: [{ verb: "NOP" }], canonical: false },
  { name: "NOP with parameters", bytes: "NOP a  b c\n", commands: [{ verb: "NOP" }], canonical: false },
  { name: "CLS", bytes: "CLS\n", commands: [{ verb: "CLS" }] },
  { name: "SUB", bytes: "SUB t c\n", commands: [{ verb: "SUB", topic: "t", channel: "c" }] },
  {
    name: "SUB with ephemeral names",
    bytes: "SUB t#ephemeral a.B_9-#ephemeral\n",
    commands: [{ verb: "SUB", topic: "t#ephemeral", channel: "a.B_9-#ephemeral" }],
  },
  {
    name: "SUB with names of 64 and more parameters",
    bytes: `SUB ${long} ${long} x y\r\n`,
    commands: [{ verb: "SUB", topic: long, channel: long }],
    canonical: false,
  },
  { name: "RDY", bytes: "RDY 2500\n", commands: [{ verb: "RDY", count: 2500 }] },
  { name: "RDY 0", bytes: "RDY 0\n", commands: [{ verb: "RDY", count: 0 }] },
  { name: "RDY without count", bytes: "RDY\n", commands: [{ verb: "RDY", count: 1 }], canonical: false },
  { name: "RDY with an empty count", bytes: "RDY \n", commands: [{ verb: "RDY", count: 0 }], canonical: false },
  {
    name: "RDY with an empty count and CR",
    bytes: "RDY \r\n",
    commands: [{ verb: "RDY", count: 0 }],
    canonical: false,
  },
  {
    name: "RDY that wraps to 1",
    bytes: "RDY 18446744073709551617\n",
    commands: [{ verb: "RDY", count: 1 }],
    canonical: false,
  },
  {
    name: "RDY with leading zeros",
    bytes: `RDY ${"0".repeat(40)}7\n`,
    commands: [{ verb: "RDY", count: 7 }],
    canonical: false,
  },
  { name: "FIN", bytes: `FIN ${id}\n`, commands: [{ verb: "FIN", id }] },
  {
    name: "FIN of any 16 bytes",
    bytes: "FIN \xff\0\r\t45678ABCDEFG\r\n",
    commands: [{ verb: "FIN", id: "\xff\0\r\t45678ABCDEFG" }],
    canonical: false,
  },
  { name: "TOUCH", bytes: `TOUCH ${id}\n`, commands: [{ verb: "TOUCH", id }] },
  { name: "REQ", bytes: `REQ ${id} 90000\n`, commands: [{ verb: "REQ", id, timeoutMs: 90_000 }] },
  {
    name: "REQ without digits",
    bytes: `REQ ${id} \n`,
    commands: [{ verb: "REQ", id, timeoutMs: 0 }],
    canonical: false,
  },
  {
    name: "REQ above the ceiling",
    bytes: `REQ ${id} 3600001\n`,
    commands: [{ verb: "REQ", id, timeoutMs: 3_600_000 }],
    canonical: false,
  },
  {
    name: "REQ whose nanoseconds wrap below 0",
    bytes: `REQ ${id} 9223372036855\n`,
    commands: [{ verb: "REQ", id, timeoutMs: 0 }],
    canonical: false,
  },
  {
    name: "REQ whose milliseconds wrap",
    bytes: `REQ ${id} 18446744073709552616\n`,
    commands: [{ verb: "REQ", id, timeoutMs: 1000 }],
    canonical: false,
  },
  { name: "PUB", bytes: `PUB t\n${sized("hello")}`, commands: [{ verb: "PUB", topic: "t", message: "hello" }] },
  {
    name: "PUB of LF and spaces",
    bytes: `PUB t\n${sized("\n FIN \n")}`,
    commands: [{ verb: "PUB", topic: "t", message: "\n FIN \n" }],
  },
  {
    name: "PUB with more parameters",
    bytes: `PUB t x\r\n${sized("a")}`,
    commands: [{ verb: "PUB", topic: "t", message: "a" }],
    canonical: false,
  },
  {
    name: "DPUB",
    bytes: `DPUB t 3600000\n${sized("a")}`,
    commands: [{ verb: "DPUB", topic: "t", deferMs: 3_600_000, message: "a" }],
  },
  {
    name: "DPUB without digits",
    bytes: `DPUB t \n${sized("a")}`,
    commands: [{ verb: "DPUB", topic: "t", deferMs: 0, message: "a" }],
    canonical: false,
  },
  {
    name: "DPUB whose nanoseconds wrap to less than one millisecond",
    bytes: `DPUB t 18446744073710\n${sized("a")}`,
    commands: [{ verb: "DPUB", topic: "t", deferMs: 1, message: "a" }],
    canonical: false,
  },
  { name: "MPUB of one", bytes: `MPUB t\n${mpub("a")}`, commands: [{ verb: "MPUB", topic: "t", messages: ["a"] }] },
  {
    name: "MPUB of three",
    bytes: `MPUB t\n${mpub("a", "\n\n", "x".repeat(300))}`,
    commands: [{ verb: "MPUB", topic: "t", messages: ["a", "\n\n", "x".repeat(300)] }],
  },
  {
    name: "MPUB that states too small a size",
    bytes: `MPUB t\n${int32(1)}${int32(2)}${sized("abc")}${sized("d")}NOP\n`,
    commands: [{ verb: "MPUB", topic: "t", messages: ["abc", "d"] }, { verb: "NOP" }],
    canonical: false,
  },
  {
    name: "MPUB that states too large a size",
    bytes: `MPUB t\n${int32(5_242_880)}${int32(1)}${sized("abc")}PUB u\n${sized("x")}NOP\n`,
    commands: [
      { verb: "MPUB", topic: "t", messages: ["abc"] },
      { verb: "PUB", topic: "u", message: "x" },
      { verb: "NOP" },
    ],
    canonical: false,
  },
  {
    name: "IDENTIFY",
    bytes: `IDENTIFY\n${sized('{"client_id":"c","feature_negotiation":true,"heartbeat_interval":-1}')}`,
    commands: [{ verb: "IDENTIFY", fields: { client_id: "c", feature_negotiation: true, heartbeat_interval: -1 } }],
  },
  {
    name: "IDENTIFY null",
    bytes: `IDENTIFY\n${sized(" null ")}`,
    commands: [{ verb: "IDENTIFY", fields: {} }],
    canonical: false,
  },
  { name: "AUTH", bytes: `AUTH\n${sized("open\nsesame")}`, commands: [{ verb: "AUTH", secret: "open\nsesame" }] },
  {
    name: "several at once",
    bytes: `IDENTIFY\n${sized("{}")}SUB t c\nRDY 5\nFIN ${id}\nPUB t\n${sized("a")}NOP\nCLS\n`,
    commands: [
      { verb: "IDENTIFY", fields: {} },
      { verb: "SUB", topic: "t", channel: "c" },
      { verb: "RDY", count: 5 },
      { verb: "FIN", id },
      { verb: "PUB", topic: "t", message: "a" },
      { verb: "NOP" },
      { verb: "CLS" },
    ],
  },
  {
    name: "a line of 16384 bytes",
    bytes: `NOP ${" ".repeat(16_379)}\n`,
    commands: [{ verb: "NOP" }],
    canonical: false,
  },
];

/** What ends the connection at the line. */
const lineVectors: readonly CommandVector[] = [
  { name: "a line of 16385 bytes", bytes: `NOP ${" ".repeat(16_380)}\n`, error: null },
  { name: "16384 bytes without LF", bytes: "x".repeat(16_384), error: null },
  { name: "an empty line", bytes: "\n", error: "E_INVALID invalid command " },
  {
    name: "an empty line with CR",
    bytes: "NOP\n\r\n",
    commands: [{ verb: "NOP" }],
    error: "E_INVALID invalid command ",
  },
  { name: "a leading space", bytes: " NOP\n", error: "E_INVALID invalid command " },
  { name: "an unknown verb", bytes: "ASDF x\n", error: "E_INVALID invalid command ASDF" },
  { name: "lower case", bytes: "nop\n", error: "E_INVALID invalid command nop" },
  { name: "half a verb", bytes: "PU t\n", error: "E_INVALID invalid command PU" },
  { name: "more than a verb", bytes: "PUBS t\n", error: "E_INVALID invalid command PUBS" },
  { name: "a verb of other bytes", bytes: "\xffA\0\t\n", error: "E_INVALID invalid command \xffA\0\t" },
  { name: "SUB without parameters", bytes: "SUB\n", error: "E_INVALID SUB insufficient number of parameters" },
  { name: "SUB without a channel", bytes: "SUB t\n", error: "E_INVALID SUB insufficient number of parameters" },
  { name: "SUB with a bad topic", bytes: "SUB x$ y$\n", error: 'E_BAD_TOPIC SUB topic name "x$" is not valid' },
  { name: "SUB with a bad channel", bytes: "SUB x y$\n", error: 'E_BAD_CHANNEL SUB channel name "y$" is not valid' },
  { name: "SUB with an empty topic", bytes: "SUB  c\n", error: 'E_BAD_TOPIC SUB topic name "" is not valid' },
  {
    name: "SUB with a topic of 65",
    bytes: `SUB ${long}a c\n`,
    error: `E_BAD_TOPIC SUB topic name "${long}a" is not valid`,
  },
  {
    name: "SUB with only the suffix",
    bytes: "SUB #ephemeral c\n",
    error: 'E_BAD_TOPIC SUB topic name "#ephemeral" is not valid',
  },
  {
    name: "SUB with a colon",
    bytes: "SUB test:ephemeral c\n",
    error: 'E_BAD_TOPIC SUB topic name "test:ephemeral" is not valid',
  },
  {
    name: "SUB with bytes to quote",
    bytes: 'SUB "\\\t\x01\xff\xc3\xa9 c\n',
    error: 'E_BAD_TOPIC SUB topic name "\\"\\\\\\t\\x01\\xff\xc3\xa9" is not valid',
  },
  { name: "RDY below 0", bytes: "RDY -1\n", error: "E_INVALID RDY could not parse count -1" },
  { name: "RDY of other bytes", bytes: "RDY 1\xff\n", error: "E_INVALID RDY could not parse count 1\xff" },
  { name: "RDY out of range", bytes: "RDY 2501\n", error: "E_INVALID RDY count 2501 out of range 0-2500" },
  {
    name: "RDY of 2^64 - 1",
    bytes: "RDY 18446744073709551615\n",
    error: "E_INVALID RDY count -1 out of range 0-2500",
  },
  {
    name: "RDY of 16 digits",
    bytes: "RDY 9007199254740993\n",
    error: "E_INVALID RDY count 9007199254740993 out of range 0-2500",
  },
  { name: "FIN without an id", bytes: "FIN\n", error: "E_INVALID FIN insufficient number of params" },
  { name: "FIN with an empty id", bytes: "FIN \n", error: "E_INVALID invalid message ID" },
  { name: "FIN with a short id", bytes: "FIN 0123456789abcde\n", error: "E_INVALID invalid message ID" },
  { name: "FIN with a long id", bytes: `FIN ${id}0\n`, error: "E_INVALID invalid message ID" },
  { name: "TOUCH without an id", bytes: "TOUCH\n", error: "E_INVALID TOUCH insufficient number of params" },
  { name: "TOUCH with a short id", bytes: "TOUCH 1\n", error: "E_INVALID invalid message ID" },
  { name: "REQ without a timeout", bytes: `REQ ${id}\n`, error: "E_INVALID REQ insufficient number of params" },
  { name: "REQ with a short id", bytes: "REQ 1 x\n", error: "E_INVALID invalid message ID" },
  { name: "REQ below 0", bytes: `REQ ${id} -1\n`, error: "E_INVALID REQ could not parse timeout -1" },
  { name: "PUB without a topic", bytes: "PUB\n", error: "E_INVALID PUB insufficient number of parameters" },
  { name: "PUB with a bad topic", bytes: "PUB x$\n", error: 'E_BAD_TOPIC PUB topic name "x$" is not valid' },
  { name: "DPUB without a defer", bytes: "DPUB t\n", error: "E_INVALID DPUB insufficient number of parameters" },
  { name: "DPUB with a bad topic", bytes: "DPUB x$ -1\n", error: 'E_BAD_TOPIC DPUB topic name "x$" is not valid' },
  { name: "DPUB below 0", bytes: "DPUB t -1\n", error: "E_INVALID DPUB could not parse timeout -1" },
  {
    name: "DPUB above the ceiling",
    bytes: "DPUB t 3600001\n",
    error: "E_INVALID DPUB timeout 3600001 out of range 0-3600000",
  },
  {
    name: "DPUB that wraps below 0",
    bytes: "DPUB t 9223372036855\n",
    error: "E_INVALID DPUB timeout 9223372036855 out of range 0-3600000",
  },
  {
    name: "DPUB that wraps modulo 2^64",
    bytes: "DPUB t 18446744073713151617\n",
    error: "E_INVALID DPUB timeout 3600001 out of range 0-3600000",
  },
  { name: "MPUB without a topic", bytes: "MPUB\n", error: "E_INVALID MPUB insufficient number of parameters" },
  {
    name: "MPUB with a bad topic",
    bytes: "MPUB a$\n",
    error: 'E_BAD_TOPIC E_BAD_TOPIC MPUB topic name "a$" is not valid',
  },
  { name: "AUTH with a parameter", bytes: "AUTH x\n", error: "E_INVALID AUTH invalid number of parameters" },
  { name: "AUTH with a space", bytes: "AUTH \n", error: "E_INVALID AUTH invalid number of parameters" },
];

/** What ends the connection in a body, and what a stream leaves behind that ends there. */
const bodyVectors: readonly CommandVector[] = [
  { name: "PUB of nothing", bytes: `PUB t\n${int32(0)}`, error: "E_BAD_MESSAGE PUB invalid message body size 0" },
  { name: "PUB of -1", bytes: `PUB t\n${int32(-1)}`, error: "E_BAD_MESSAGE PUB invalid message body size -1" },
  {
    name: "PUB too big",
    bytes: `PUB t\n${int32(1_048_577)}`,
    error: "E_BAD_MESSAGE PUB message too big 1048577 > 1048576",
  },
  { name: "DPUB of nothing", bytes: `DPUB t 0\n${int32(0)}`, error: "E_BAD_MESSAGE DPUB invalid message body size 0" },
  {
    name: "DPUB too big",
    bytes: `DPUB t 0\n${int32(2_147_483_647)}`,
    error: "E_BAD_MESSAGE DPUB message too big 2147483647 > 1048576",
  },
  { name: "MPUB of 0 bytes", bytes: `MPUB t\n${int32(0)}`, error: "E_BAD_BODY MPUB invalid body size 0" },
  {
    name: "MPUB too big",
    bytes: `MPUB t\n${int32(5_242_881)}`,
    error: "E_BAD_BODY MPUB body too big 5242881 > 5242880",
  },
  {
    name: "MPUB of 0 messages",
    bytes: `MPUB t\n${int32(1)}${int32(0)}`,
    error: "E_BAD_BODY MPUB invalid message count 0",
  },
  {
    name: "MPUB of too many messages",
    bytes: `MPUB t\n${int32(1)}${int32(1_048_576)}`,
    error: "E_BAD_BODY MPUB invalid message count 1048576",
  },
  {
    name: "MPUB of as many messages as there may be",
    bytes: `MPUB t\n${int32(1)}${int32(1_048_575)}`,
    end: "E_BAD_MESSAGE MPUB failed to read message(0) body size",
  },
  {
    name: "MPUB with an empty message",
    bytes: `MPUB t\n${int32(20)}${int32(6)}${sized("a").repeat(5)}${int32(0)}`,
    error: "E_BAD_MESSAGE MPUB invalid message(5) body size 0",
  },
  {
    name: "MPUB with a message too big",
    bytes: `MPUB t\n${int32(20)}${int32(2)}${sized("a")}${int32(1_048_577)}`,
    error: "E_BAD_MESSAGE MPUB message too big 1048577 > 1048576",
  },
  {
    name: "IDENTIFY of 0 bytes",
    bytes: `IDENTIFY\n${int32(0)}`,
    error: "E_BAD_BODY IDENTIFY invalid body size 0",
  },
  {
    name: "IDENTIFY too big",
    bytes: `IDENTIFY\n${int32(5_242_881)}`,
    error: "E_BAD_BODY IDENTIFY body too big 5242881 > 5242880",
  },
  {
    name: "IDENTIFY of an array",
    bytes: `IDENTIFY\n${sized("[]")}`,
    error: "E_BAD_BODY IDENTIFY failed to decode JSON body",
  },
  {
    name: "IDENTIFY out of range",
    bytes: `IDENTIFY\n${sized('{"heartbeat_interval":100}')}`,
    error: "E_BAD_BODY IDENTIFY heartbeat interval (100) is invalid",
  },
  { name: "AUTH of 0 bytes", bytes: `AUTH\n${int32(0)}`, error: "E_BAD_BODY AUTH invalid body size 0" },
  { name: "AUTH too big", bytes: `AUTH\n${int32(5_242_881)}`, error: "E_BAD_BODY AUTH body too big 5242881 > 5242880" },

  { name: "nothing behind the magic", bytes: "" },
  { name: "a stream that ends in a line", bytes: "PUB t" },
  {
    name: "PUB that ends before its size",
    bytes: "PUB t\n\0\0\0",
    end: "E_BAD_MESSAGE PUB failed to read message body size",
  },
  {
    name: "PUB that ends in its body",
    bytes: `PUB t\n${int32(2)}a`,
    end: "E_BAD_MESSAGE PUB failed to read message body",
  },
  {
    name: "DPUB that ends before its size",
    bytes: "DPUB t 1\n",
    end: "E_BAD_MESSAGE DPUB failed to read message body size",
  },
  {
    name: "DPUB that ends in its body",
    bytes: `DPUB t 1\n${int32(2)}a`,
    end: "E_BAD_MESSAGE DPUB failed to read message body",
  },
  { name: "MPUB that ends before its size", bytes: "MPUB t\n", end: "E_BAD_BODY MPUB failed to read body size" },
  {
    name: "MPUB that ends before its count",
    bytes: `MPUB t\n${int32(9)}\0`,
    end: "E_BAD_BODY MPUB failed to read message count",
  },
  {
    name: "MPUB that ends before a size",
    bytes: `MPUB t\n${int32(9)}${int32(2)}${sized("a")}\0\0\0`,
    end: "E_BAD_MESSAGE MPUB failed to read message(1) body size",
  },
  {
    name: "MPUB that ends in a message",
    bytes: `MPUB t\n${int32(9)}${int32(2)}${sized("a")}${int32(1)}`,
    end: "E_BAD_MESSAGE MPUB failed to read message body",
  },
  {
    name: "IDENTIFY that ends before its size",
    bytes: "IDENTIFY\n",
    end: "E_BAD_BODY IDENTIFY failed to read body size",
  },
  {
    name: "IDENTIFY that ends in its body",
    bytes: `IDENTIFY\n${int32(2)}{`,
    end: "E_BAD_BODY IDENTIFY failed to read body",
  },
  { name: "AUTH that ends before its size", bytes: "AUTH\n", end: "E_BAD_BODY AUTH failed to read body size" },
  { name: "AUTH that ends in its body", bytes: `AUTH\n${int32(2)}a`, end: "E_BAD_BODY AUTH failed to read body" },
];

export const commandVectors: readonly CommandVector[] = [...validVectors, ...lineVectors, ...bodyVectors];
