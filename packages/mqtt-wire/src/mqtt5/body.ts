/**
 * How the encoders of this folder write: the body goes, checked, into a buffer shared by all of them; only when it is
 * whole is the packet written. So an encoder that throws NOT_ENCODABLE has written nothing.
 */

import { ByteWriter } from "@polylog/base/bytes";
import {
  binaryFieldSize,
  notEncodable,
  utf8FieldSize,
  writeBinaryField,
  writeFixedHeader,
  writeUtf8Field,
} from "../field-writer.ts";
import type { PacketName } from "../packet-type.ts";

const bufferSize = 1024;
/** A large packet's buffer is not kept. */
const keptBufferSizeMax = 64 * 1024;
const noBytes = Buffer.alloc(0);

const shared = new ByteWriter(bufferSize);

/** The shared body, empty. */
export function beginBody(): ByteWriter {
  if (shared.buffer.length > keptBufferSizeMax) shared.buffer = Buffer.allocUnsafeSlow(bufferSize);
  shared.clear();
  return shared;
}

/** Writes the packet: fixed header, the shared body, then `payload`. */
export function writePacket(
  writer: ByteWriter,
  packet: PacketName,
  flags: number,
  payload: Uint8Array = noBytes,
): void {
  writeFixedHeader(writer, packet, flags, shared.length + payload.length);
  writer.bytes(shared.view());
  writer.bytes(payload);
}

/** Throws NOT_ENCODABLE for what is not a string of the format, or too long. */
export function writeText(body: ByteWriter, packet: PacketName, field: string, text: string): void {
  if (typeof text !== "string") throw notEncodable(packet, `${field} is not a string`);
  writeUtf8Field(body, text, utf8FieldSize(packet, field, text));
}

/** Throws NOT_ENCODABLE for too long a field. */
export function writeBinary(body: ByteWriter, packet: PacketName, field: string, bytes: Uint8Array): void {
  binaryFieldSize(packet, field, bytes);
  writeBinaryField(body, bytes);
}
