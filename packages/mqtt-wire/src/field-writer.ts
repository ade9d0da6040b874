/**
 * What the encoders share. Each first adds up the sizes of its fields, which also checks them, and only then writes:
 * an encoder that throws NOT_ENCODABLE has written nothing.
 */

import type { ByteWriter } from "@polylog/base/bytes";
import { mqttWireErrors } from "./errors.ts";
import { fieldSizeMax, packetIdentifierMax, remainingLengthMax } from "./limits.ts";
import { type PacketName, packetTypes } from "./packet-type.ts";
import { encodedLengthOfRemainingLength, writeRemainingLength } from "./remaining-length.ts";
import { encodableUtf8Length } from "./utf8.ts";

export function notEncodable(packet: PacketName, problem: string): Error {
  return mqttWireErrors.NOT_ENCODABLE({ packet, problem });
}

/** Bytes `text` takes with its length in front. */
export function utf8FieldSize(packet: PacketName, field: string, text: string): number {
  const length = encodableUtf8Length(text);
  if (length < 0) throw notEncodable(packet, `${field} is longer than ${fieldSizeMax} bytes, or not a string of MQTT`);
  return 2 + length;
}

/** Bytes `bytes` take with their length in front. */
export function binaryFieldSize(packet: PacketName, field: string, bytes: Uint8Array): number {
  if (bytes.length > fieldSizeMax) throw notEncodable(packet, `${field} is longer than ${fieldSizeMax} bytes`);
  return 2 + bytes.length;
}

export function checkPacketIdentifier(packet: PacketName, packetIdentifier: number): void {
  if (packetIdentifier >= 1 && packetIdentifier <= packetIdentifierMax) return; // [MQTT-2.3.1-1]
  throw notEncodable(packet, `packet identifier ${packetIdentifier} is outside 1..${packetIdentifierMax}`);
}

/** Writes the fixed header and makes room for the body; `remainingLength` is the size of the body. */
export function writeFixedHeader(writer: ByteWriter, packet: PacketName, flags: number, remainingLength: number): void {
  if (remainingLength > remainingLengthMax) throw notEncodable(packet, `it would have ${remainingLength} bytes`);
  const at = writer.reserve(1 + encodedLengthOfRemainingLength(remainingLength) + remainingLength);
  writer.buffer[at] = (packetTypes[packet] << 4) | flags;
  writer.length = writeRemainingLength(writer.buffer, at + 1, remainingLength);
}

/** `size` is what `utf8FieldSize` gave for the same text. */
export function writeUtf8Field(writer: ByteWriter, text: string, size: number): void {
  writer.u16be(size - 2);
  writer.utf8(text);
}

export function writeBinaryField(writer: ByteWriter, bytes: Uint8Array): void {
  writer.u16be(bytes.length);
  writer.bytes(bytes);
}
