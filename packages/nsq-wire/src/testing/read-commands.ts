/** Runs a stream through the reader as a server would, and turns what comes out into plain values to compare. */

import type { ByteWriter } from "@polylog/base/bytes";
import { type CodedError, PolylogError } from "@polylog/base/errors";
import { type CommandHooks, CommandReader } from "../command-reader.ts";
import { decodeAuth, encodeAuth } from "../commands/auth.ts";
import { encodeCls } from "../commands/cls.ts";
import { decodeDpub, encodeDpub } from "../commands/dpub.ts";
import { decodeFin, encodeFin } from "../commands/fin.ts";
import { decodeIdentify, encodeIdentify, type Identify } from "../commands/identify.ts";
import { encodeMpub } from "../commands/mpub.ts";
import { encodeNop } from "../commands/nop.ts";
import { encodePub } from "../commands/pub.ts";
import { decodeRdy, encodeRdy } from "../commands/rdy.ts";
import { decodeReq, encodeReq } from "../commands/req.ts";
import { decodeSub, encodeSub } from "../commands/sub.ts";
import { decodeTouch, encodeTouch } from "../commands/touch.ts";
import { errorFrameBody } from "../errors.ts";
import { defaultLimits, messageIdSize, type ProtocolLimits } from "../limits.ts";
import { verbs } from "../verbs.ts";

/** A command as a value. Strings are byte strings: one character per byte. */
export type CommandValue =
  | { verb: "FIN" | "TOUCH"; id: string }
  | { verb: "REQ"; id: string; timeoutMs: number }
  | { verb: "RDY"; count: number }
  | { verb: "PUB"; topic: string; message: string }
  | { verb: "DPUB"; topic: string; deferMs: number; message: string }
  | { verb: "MPUB"; topic: string; messages: string[] }
  | { verb: "SUB"; topic: string; channel: string }
  | { verb: "IDENTIFY"; fields: Partial<Identify> }
  | { verb: "AUTH"; secret: string }
  | { verb: "NOP" | "CLS" };

export interface Reading {
  commands: CommandValue[];
  /** The error frame's body, null for an error that has none, undefined when all went well. */
  error: string | null | undefined;
  /** The error frame's body if the stream ended here. */
  end: string | undefined;
}

/** Reads `chunks`, magic first. Rethrows what is not an error of a table. */
export function readCommands(
  chunks: readonly Buffer[],
  limits: ProtocolLimits = defaultLimits,
  hooks: CommandHooks = {},
): Reading {
  const reader = new CommandReader(limits, hooks);
  const commands: CommandValue[] = [];
  try {
    for (const chunk of chunks) {
      reader.push(chunk);
      while (reader.next()) commands.push(decodeCommand(reader, limits));
    }
  } catch (error) {
    if (!(error instanceof PolylogError)) throw error;
    return { commands, error: bodyText(error) ?? null, end: undefined };
  }
  return { commands, error: undefined, end: bodyText(reader.endError()) };
}

function bodyText(error: CodedError | undefined): string | undefined {
  return error === undefined ? undefined : errorFrameBody(error)?.toString("latin1");
}

function decodeCommand(reader: CommandReader, limits: ProtocolLimits): CommandValue {
  const topic = paramText(reader, 0);
  const body = (): string => reader.bytes.toString("latin1", reader.bodyStart, reader.bodyEnd);
  const id = (start: number): string => reader.bytes.toString("latin1", start, start + messageIdSize);
  switch (reader.verb) {
    case verbs.FIN:
      return { verb: "FIN", id: id(decodeFin(reader)) };
    case verbs.TOUCH:
      return { verb: "TOUCH", id: id(decodeTouch(reader)) };
    case verbs.REQ: {
      const timeoutMs = decodeReq(reader, limits);
      return { verb: "REQ", id: id(reader.paramStart[0]), timeoutMs };
    }
    case verbs.RDY:
      return { verb: "RDY", count: decodeRdy(reader, limits) };
    case verbs.PUB:
      return { verb: "PUB", topic, message: body() };
    case verbs.DPUB:
      return { verb: "DPUB", topic, deferMs: decodeDpub(reader, limits), message: body() };
    case verbs.MPUB:
      return { verb: "MPUB", topic, messages: messageTexts(reader) };
    case verbs.SUB:
      return { verb: "SUB", ...decodeSub(reader) };
    case verbs.IDENTIFY:
      return { verb: "IDENTIFY", fields: setFields(reader, limits) };
    case verbs.AUTH:
      return { verb: "AUTH", secret: decodeAuth(reader).toString("latin1") };
    case verbs.NOP:
      return { verb: "NOP" };
    case verbs.CLS:
      return { verb: "CLS" };
    case verbs.unknown:
      throw new Error("the reader let an unknown verb through");
  }
}

function paramText(reader: CommandReader, index: number): string {
  return reader.paramCount > index
    ? reader.bytes.toString("latin1", reader.paramStart[index], reader.paramEnd[index])
    : "";
}

/** Walks the region of messages, which must hold exactly what the reader says. */
function messageTexts(reader: CommandReader): string[] {
  const texts: string[] = [];
  let at = reader.messagesStart;
  for (let index = 0; index < reader.messageCount; index++) {
    const size = reader.bytes.readUInt32BE(at);
    texts.push(reader.bytes.toString("latin1", at + 4, at + 4 + size));
    at += 4 + size;
  }
  if (at !== reader.messagesEnd || at !== reader.bodyEnd) throw new Error("the region does not end with a message");
  return texts;
}

/** The fields that are not "", false or 0. */
function setFields(reader: CommandReader, limits: ProtocolLimits): Partial<Identify> {
  const identify = decodeIdentify(reader.bytes, reader.bodyStart, reader.bodyEnd, limits);
  return Object.fromEntries(Object.entries(identify).filter(([, value]) => Boolean(value)));
}

/** The client's side of the same values. */
export function encodeCommand(writer: ByteWriter, value: CommandValue): void {
  const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
  switch (value.verb) {
    case "FIN":
      encodeFin(writer, bytes(value.id));
      break;
    case "TOUCH":
      encodeTouch(writer, bytes(value.id));
      break;
    case "REQ":
      encodeReq(writer, value.timeoutMs, bytes(value.id));
      break;
    case "RDY":
      encodeRdy(writer, value.count);
      break;
    case "PUB":
      encodePub(writer, value.topic, bytes(value.message));
      break;
    case "DPUB":
      encodeDpub(writer, value.topic, value.deferMs, bytes(value.message));
      break;
    case "MPUB":
      encodeMpub(writer, value.topic, value.messages.map(bytes));
      break;
    case "SUB":
      encodeSub(writer, value.topic, value.channel);
      break;
    case "IDENTIFY":
      encodeIdentify(writer, value.fields);
      break;
    case "AUTH":
      encodeAuth(writer, bytes(value.secret));
      break;
    case "NOP":
      encodeNop(writer);
      break;
    case "CLS":
      encodeCls(writer);
      break;
  }
}
