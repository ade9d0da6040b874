/**
 * Reads the body of one packet field by field, for the packets that are rare enough to be read into objects.
 *
 *     string, binary:  length (2 bytes, big endian), then that many bytes
 *     number:          1 or 2 bytes, big endian
 *
 * It never reads past `packetEnd`. Every method throws MALFORMED_PACKET when the packet ends inside the field; what
 * more it may throw is said with it.
 */

import { mqttWireErrors } from "./errors.ts";
import type { PacketName } from "./packet-type.ts";
import { checkTopicName, isTopicFilter } from "./topic.ts";
import { decodeUtf8 } from "./utf8.ts";

export class FieldReader {
  readonly #packet: PacketName;
  readonly bytes: Buffer;
  /** The position after the packet. */
  readonly end: number;
  #at: number;

  constructor(packet: PacketName, bytes: Buffer, bodyStart: number, packetEnd: number) {
    this.#packet = packet;
    this.bytes = bytes;
    this.end = packetEnd;
    this.#at = bodyStart;
  }

  /** Where the next field begins in the bytes it was made with; moving it is for readers of what is no field. */
  get position(): number {
    return this.#at;
  }

  set position(at: number) {
    this.#at = at;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.end - this.#at;
  }

  u8(field: string): number {
    return this.bytes[this.#take(1, field)];
  }

  u16(field: string): number {
    const at = this.#take(2, field);
    return (this.bytes[at] << 8) | this.bytes[at + 1];
  }

  /** Throws PROTOCOL_ERROR for 0. */
  packetIdentifier(): number {
    const packetIdentifier = this.u16("packet identifier");
    if (packetIdentifier === 0) throw zeroPacketIdentifier(this.#packet); // [MQTT-2.3.1-1]
    return packetIdentifier;
  }

  /** A slice of the input. */
  binary(field: string): Buffer {
    const length = this.u16(field);
    const start = this.#take(length, field);
    return this.bytes.subarray(start, start + length);
  }

  /** Also throws MALFORMED_PACKET for what is not a string of the format. */
  utf8(field: string): string {
    const length = this.u16(field);
    const start = this.#take(length, field);
    return decodeUtf8(this.#packet, field, this.bytes, start, start + length);
  }

  /** As `utf8`, and TOPIC_NAME_INVALID for an empty name or one with wildcards. */
  topicName(field: string): string {
    const length = this.u16(field);
    const start = this.#take(length, field);
    checkTopicName(this.bytes, start, start + length, this.#packet);
    return this.bytes.toString("utf8", start, start + length);
  }

  /** As `utf8`, and TOPIC_FILTER_INVALID for an empty filter or misplaced wildcards. */
  topicFilter(): string {
    const topicFilter = this.utf8("topic filter");
    if (isTopicFilter(topicFilter)) return topicFilter;
    const problem = topicFilter === "" ? "it is empty" : "a wildcard is not alone in its level, or # is not the last";
    throw mqttWireErrors.TOPIC_FILTER_INVALID({ packet: this.#packet, problem });
  }

  /** Throws MALFORMED_PACKET when bytes are left. */
  finish(): void {
    if (this.remaining === 0) return;
    throw this.malformed(`${this.remaining} bytes follow its last field`);
  }

  malformed(problem: string): Error {
    return mqttWireErrors.MALFORMED_PACKET({ packet: this.#packet, problem });
  }

  #take(size: number, field: string): number {
    const at = this.#at;
    if (at + size > this.end) throw this.malformed(`it ends inside its ${field}`);
    this.#at = at + size;
    return at;
  }
}

export function zeroPacketIdentifier(packet: PacketName): Error {
  return mqttWireErrors.PROTOCOL_ERROR({ packet, problem: "its packet identifier is 0" });
}
