// @ts-check
/**
 * `npm run new -- packet NAME` and `npm run new -- command NAME`: writes the file of a new MQTT packet or NSQ command in
 * the shape that its neighbours have, and says which tables and tests want a row for it.
 */

import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rootDir } from "./repository.mjs";

/**
 * @typedef {object} Kind
 * @property {string} folder
 * @property {(name: string) => string} render
 * @property {(name: string) => string[]} next
 */

/** @type {Readonly<Record<string, Kind>>} */
const kinds = {
  packet: {
    folder: "packages/mqtt-wire/src/packets",
    render: renderPacket,
    next: (name) => [
      `packages/mqtt-wire/src/packet-type.ts             number in packetTypes, flags in packetTypeRules: ${name.toUpperCase()}`,
      `packages/mqtt-wire/src/index.ts                   export decode${title(name)}, encode${title(name)}, ${title(name)}Packet`,
      `packages/mqtt-wire/src/testing/packet-codecs.ts   ${name.toUpperCase()}: codec(decode${title(name)}, encode${title(name)})`,
      "packages/mqtt-wire/src/testing/*-vectors.ts       rows: name, hex, value or error, clause",
      `packages/mqtt/src/handlers/                       what the server does with ${name.toUpperCase()}, if it may receive it`,
      `packages/mqtt/src/connection-state.ts             in which states: row ${name.toUpperCase()} of transitions`,
    ],
  },
  command: {
    folder: "packages/nsq-wire/src/commands",
    render: renderCommand,
    next: (name) => [
      `packages/nsq-wire/src/verbs.ts                    number in verbs, row in commands: ${name.toUpperCase()}`,
      `packages/nsq-wire/src/index.ts                    export decode${title(name)}, encode${title(name)}`,
      "packages/nsq-wire/src/testing/vectors.ts          rows: name, bytes, value or error",
      `packages/nsq/src/commands/${name}.ts              what the server does with it`,
      "packages/nsq/src/commands/command-table.ts        its row",
    ],
  },
};

const [kindName = "", name = ""] = process.argv.slice(2);
const kind = kinds[kindName];
if (kind === undefined || !/^[a-z][a-z0-9]*$/.test(name)) {
  process.stderr.write("usage: npm run new -- packet|command NAME     NAME is its own, in lower case: unsuback, fin\n");
  process.exit(2);
}
const path = `${kind.folder}/${name}.ts`;
if (existsSync(join(rootDir, path))) {
  process.stderr.write(`${path} exists already\n`);
  process.exit(2);
}
writeFileSync(join(rootDir, path), kind.render(name));
process.stdout.write(
  `wrote ${path}\n\nIt compiles once these have their row:\n${kind
    .next(name)
    .map((row) => `  ${row}\n`)
    .join("")}`,
);

/** `unsuback` → `Unsuback`. @param {string} name */
function title(name) {
  return `${name[0]?.toUpperCase()}${name.slice(1)}`;
}

/** @param {string} name */
function renderPacket(name) {
  const wire = name.toUpperCase();
  const type = title(name);
  return `/**
 * ${wire}: one sentence on who sends it and what it asks.
 *
 *     +------+------------------+-------------------+
 *     | 0x00 | remaining length | packet identifier |
 *     +------+------------------+-------------------+
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { FieldReader } from "../field-reader.ts";
import { checkPacketIdentifier, writeFixedHeader } from "../field-writer.ts";

export interface ${type}Packet {
  /** 1..65535. */
  readonly packetIdentifier: number;
}

/** Throws MALFORMED_PACKET, or PROTOCOL_ERROR for identifier 0. */
export function decode${type}(bytes: Buffer, bodyStart: number, packetEnd: number): ${type}Packet {
  const fields = new FieldReader("${wire}", bytes, bodyStart, packetEnd);
  return { packetIdentifier: fields.packetIdentifier() };
}

export function encode${type}(writer: ByteWriter, packet: ${type}Packet): void {
  checkPacketIdentifier("${wire}", packet.packetIdentifier);
  writeFixedHeader(writer, "${wire}", 0b0000, 2);
  writer.u16be(packet.packetIdentifier);
}
`;
}

/** @param {string} name */
function renderCommand(name) {
  const verb = name.toUpperCase();
  return `/**
 * ${verb}: one sentence on what the client asks.
 *
 *     "${verb}" SP id LF                          reply: OK, or E_… when
 */

import type { ByteWriter } from "@polylog/base/bytes";
import type { CommandLine, CommandRow } from "../command-row.ts";
import { requireId, writeVerbAndId } from "./ids.ts";

export const ${name}: CommandRow = { name: "${verb}", body: "none" };

const verb = Buffer.from("${verb} ", "latin1");

/** Where the id's 16 bytes start in \`line.bytes\`. Throws TOO_FEW_PARAMS or INVALID_MESSAGE_ID. */
export function decode${title(name)}(line: CommandLine): number {
  return requireId(line, "${verb}", 1);
}

/** Writes the command for the id at \`bytes[idStart]\`. Throws INVALID_MESSAGE_ID when 16 bytes are not there. */
export function encode${title(name)}(writer: ByteWriter, bytes: Uint8Array, idStart = 0): void {
  writeVerbAndId(writer, verb, bytes, idStart);
  writer.u8(0x0a);
}
`;
}
