/**
 * Commands per second of the hot paths: reading PUB of 200 bytes, MPUB of 100 such messages, FIN and RDY from chunks of
 * 64 KiB cut at any byte, and message frames both ways. Rates are the best of several rounds.
 *
 *     node packages/nsq-wire/dist/command-reader.bench.js [--smoke]
 */

import { ByteWriter } from "@polylog/base/bytes";
import { CommandReader } from "./command-reader.ts";
import { decodeFin, encodeFin } from "./commands/fin.ts";
import { encodeMpub } from "./commands/mpub.ts";
import { encodePub } from "./commands/pub.ts";
import { decodeRdy, encodeRdy } from "./commands/rdy.ts";
import { decodeMessage, FrameReader, type MessageView, messageFrameSize, writeMessageHeader } from "./frames.ts";
import { defaultLimits } from "./limits.ts";
import { encodeMagic } from "./magic.ts";
import { type MessageId, readMessageId, writeMessageId } from "./message-id.ts";
import { verbs } from "./verbs.ts";

const chunkSize = 64 * 1024;
const message = Buffer.alloc(200, 0x61);
const batch: readonly Buffer[] = new Array(100).fill(message);
const output = Buffer.alloc(chunkSize);
const timestampMs = 1_700_000_000_000;
const messageId: MessageId = { partition: 0, offset: 0 };

function cut(writer: ByteWriter): Buffer[] {
  const stream = writer.take();
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += chunkSize) chunks.push(stream.subarray(at, at + chunkSize));
  return chunks;
}

/** A stream of `count` commands, cut into chunks. */
function commandChunks(count: number, write: (writer: ByteWriter, index: number) => void): Buffer[] {
  const writer = new ByteWriter(chunkSize);
  encodeMagic(writer);
  for (let index = 0; index < count; index++) write(writer, index);
  return cut(writer);
}

function finWriter(): (writer: ByteWriter, index: number) => void {
  const id = Buffer.alloc(16);
  return (writer, index) => {
    writeMessageId(id, 0, 3, index);
    encodeFin(writer, id);
  };
}

function messageChunks(count: number): Buffer[] {
  const writer = new ByteWriter(chunkSize);
  for (let offset = 0; offset < count; offset++) {
    const at = writer.reserve(messageFrameSize(message.length));
    message.copy(writer.buffer, writeMessageHeader(writer.buffer, at, timestampMs, 1, 0, offset, message.length));
    writer.length = at + messageFrameSize(message.length);
  }
  return cut(writer);
}

/** What a server does with each command before it looks anything up. */
function readCommands(chunks: readonly Buffer[]): number {
  const reader = new CommandReader(defaultLimits, { beforeParameters: () => undefined, beforeBody: () => true });
  let read = 0;
  for (const chunk of chunks) {
    reader.push(chunk);
    while (reader.next()) {
      switch (reader.verb) {
        case verbs.PUB:
          if (reader.bodyEnd - reader.bodyStart === message.length) read++;
          break;
        case verbs.MPUB:
          if (reader.messageCount === batch.length) read++;
          break;
        case verbs.FIN:
          if (readMessageId(reader.bytes, decodeFin(reader), messageId)) read++;
          break;
        case verbs.RDY:
          if (decodeRdy(reader, defaultLimits) > 0) read++;
          break;
        default:
          throw new Error("a command nobody wrote");
      }
    }
  }
  return read;
}

function writeMessages(count: number): number {
  const size = messageFrameSize(message.length);
  let at = 0;
  for (let offset = 0; offset < count; offset++) {
    if (at + size > output.length) at = 0;
    writeMessageHeader(output, at, timestampMs + (offset & 1023), 1, 0, offset, message.length);
    at += size;
  }
  return count;
}

function readMessages(chunks: readonly Buffer[]): number {
  const reader = new FrameReader();
  const view: MessageView = { timestampMs: 0, attempts: 0, idStart: 0, bodyStart: 0, bodyEnd: 0 };
  let read = 0;
  for (const chunk of chunks) {
    reader.push(chunk);
    while (reader.next()) {
      decodeMessage(reader.bytes, reader.bodyStart, reader.bodyEnd, view);
      if (view.timestampMs === timestampMs) read++;
    }
  }
  return read;
}

function main(args: readonly string[]): void {
  const smoke = args.includes("--smoke");
  const count = smoke ? 2_000 : 400_000;
  const batches = count / 100;
  const rounds = smoke ? 2 : 10;
  const pubs = commandChunks(count, (writer) => encodePub(writer, "orders", message));
  const mpubs = commandChunks(batches, (writer) => encodeMpub(writer, "orders", batch));
  const fins = commandChunks(count, finWriter());
  const rdys = commandChunks(count, (writer, index) => encodeRdy(writer, 1 + (index % 2500)));
  const frames = messageChunks(count);
  const cases: readonly (readonly [string, number, () => number])[] = [
    ["read PUB, 200 bytes", count, () => readCommands(pubs)],
    ["read MPUB, 100 of 200 bytes", batches, () => readCommands(mpubs)],
    ["read FIN", count, () => readCommands(fins)],
    ["read RDY", count, () => readCommands(rdys)],
    ["write message header", count, () => writeMessages(count)],
    ["read message frame, 200 bytes", count, () => readMessages(frames)],
  ];
  for (const [name, expected, run] of cases) {
    let best = 0;
    for (let round = 0; round < rounds; round++) {
      const startedMs = performance.now();
      if (run() !== expected) throw new Error(`${name}: commands are missing`);
      best = Math.max(best, expected / (performance.now() - startedMs) / 1000);
    }
    process.stdout.write(`${name.padEnd(32)} ${best.toFixed(3).padStart(8)} M ops/s\n`);
  }
}

main(process.argv.slice(2));
