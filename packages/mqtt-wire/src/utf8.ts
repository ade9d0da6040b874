/**
 * Strings of the format: well-formed UTF-8 without U+0000, at most 65 535 bytes. Whatever passes here can be decoded
 * with `buffer.toString("utf8", start, end)`, which keeps a byte order mark. [MQTT-1.5.3-3]
 */

import { isUtf8 } from "node:buffer";
import { mqttWireErrors } from "./errors.ts";
import { fieldSizeMax } from "./limits.ts";

const loneSurrogate = /\p{Surrogate}/u;

/** Throws MALFORMED_PACKET, naming `packet` and `field`, unless `bytes[start, end)` are a string of the format. */
export function checkUtf8(packet: string, field: string, bytes: Buffer, start: number, end: number): void {
  let ascii = true;
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === 0) {
      throw mqttWireErrors.MALFORMED_PACKET({ packet, problem: `${field} holds U+0000` }); // [MQTT-1.5.3-2]
    }
    if (byte > 127) ascii = false;
  }
  if (!ascii && !isUtf8(bytes.subarray(start, end))) {
    throw mqttWireErrors.MALFORMED_PACKET({ packet, problem: `${field} is not UTF-8` }); // [MQTT-1.5.3-1]
  }
}

/** The string in `bytes[start, end)`; throws as `checkUtf8` does. */
export function decodeUtf8(packet: string, field: string, bytes: Buffer, start: number, end: number): string {
  checkUtf8(packet, field, bytes, start, end);
  return bytes.toString("utf8", start, end);
}

/** Bytes of `text` as UTF-8, or -1 when the format cannot carry it: too long, U+0000, a surrogate without its pair. */
export function encodableUtf8Length(text: string): number {
  const length = Buffer.byteLength(text);
  if (length > fieldSizeMax || text.includes("\0")) return -1; // [MQTT-1.5.3-2]
  if (length !== text.length && loneSurrogate.test(text)) return -1; // [MQTT-1.5.3-1]
  return length;
}
