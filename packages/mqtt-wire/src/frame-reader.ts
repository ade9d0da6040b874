/**
 * Finds whole packets in the chunks a socket delivers, in any split.
 *
 *     +---------------+----------------------+----------------------+
 *     | type  | flags | remaining length     | body                 |
 *     | 4 bit | 4 bit | 1 to 4 bytes         | that many bytes      |
 *     +---------------+----------------------+----------------------+
 *     ^ packetStart                          ^ bodyStart            ^ packetEnd
 *
 *     reader.push(chunk);
 *     while (reader.next()) decode(reader.type, reader.bytes, reader.bodyStart, reader.packetEnd);
 *
 * A packet that lies wholly in one chunk is not copied: `bytes` is the chunk. The start of a packet whose end has not
 * arrived is copied, into a buffer of exactly the packet's length as soon as the length is known, which the following
 * chunks fill; so a byte is copied once however small the chunks are. A peer that announces a packet and stalls makes
 * the reader hold at most `packetSizeMax` bytes, or the 8 KiB block of Node's buffer pool in which a packet under 4 KiB
 * is kept: taking it from the pool reads twice as many packets per second from chunks of 1460 bytes.
 *
 * It refuses, as soon as the offending byte is there and before anything is buffered for it: a reserved packet type,
 * flags the type does not allow, a remaining length of more than four bytes, in MQTT 5 one longer than needed, a packet
 * above `packetSizeMax`. Once it has thrown it throws the same error for ever. It reads no bodies and does not know which side it is on.
 *
 * Hot: called once per packet; `frame-reader.bench.ts` shows the rate.
 */

import { mqttWireErrors } from "./errors.ts";
import { fixedHeaderSizeMax } from "./limits.ts";
import { allowedFirstBytes, type ProtocolLevel, packetName, packetTypeRules } from "./packet-type.ts";

const noBytes = Buffer.alloc(0);
const allowedByLevel = { 3: allowedFirstBytes(3), 4: allowedFirstBytes(4), 5: allowedFirstBytes(5) };

export class FrameReader {
  /** Largest packet accepted, in bytes with its fixed header. May change between two calls of `next`. */
  packetSizeMax: number;

  /**
   * The buffer the packet lies in, until the next call of `next` or `push`. It is the chunk itself or a buffer the
   * reader has given up; the reader writes to neither. Who keeps a slice of it keeps all of it in memory.
   */
  bytes: Buffer = noBytes;
  /** The packet's type, 1..15, and its four flag bits. These and the positions are set when `next` returns true. */
  type = 0;
  flags = 0;
  /** Position in `bytes` of the fixed header, of the byte after it, and of the byte after the packet. */
  packetStart = 0;
  bodyStart = 0;
  packetEnd = 0;

  #chunk: Buffer = noBytes;
  #at = 0;
  #protocolLevel: ProtocolLevel = 4;
  #allowed: Uint8Array = allowedByLevel[4];
  #failure: Error | undefined;

  /** The packet begun in an earlier chunk: `#tailLength` bytes of it. 0: there is none. */
  #tail: Buffer = noBytes;
  #tailLength = 0;
  #tailHeaderIsWhole = false;

  constructor(packetSizeMax: number) {
    this.packetSizeMax = packetSizeMax;
  }

  /** The level whose rules apply, from the packet after this one on. Default 4. */
  get protocolLevel(): ProtocolLevel {
    return this.#protocolLevel;
  }

  set protocolLevel(level: ProtocolLevel) {
    this.#protocolLevel = level;
    this.#allowed = allowedByLevel[level];
  }

  /**
   * Takes the next bytes of the stream. The reader uses `chunk` in place until `next` has returned false; until then it
   * must not be overwritten. Pushing before that is allowed and copies what is unread.
   */
  push(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    if (this.#at === this.#chunk.length) this.#chunk = chunk;
    else this.#chunk = Buffer.concat([this.#chunk.subarray(this.#at), chunk]);
    this.#at = 0;
  }

  /**
   * Moves to the next whole packet. False: more bytes are needed, and the reader holds on to no chunk.
   * Throws INVALID_PACKET_TYPE, MALFORMED_PACKET or PACKET_TOO_LARGE.
   */
  next(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#tailLength !== 0) return this.#nextFromTail();
    const chunk = this.#chunk;
    const start = this.#at;
    const headerIsWhole = this.#readFixedHeader(chunk, start, chunk.length);
    if (!headerIsWhole || this.packetEnd > chunk.length) return this.#keepTail(headerIsWhole);
    this.bytes = chunk;
    this.packetStart = start;
    this.#at = this.packetEnd;
    return true;
  }

  /** Reads the fixed header at `start` into the public fields. False when it goes on after `end`. */
  #readFixedHeader(bytes: Buffer, start: number, end: number): boolean {
    if (start >= end) return false;
    const first = bytes[start];
    if (this.#allowed[first] === 0) this.#refuseFirstByte(first);
    let at = start + 1;
    if (at >= end) return false;
    let byte = bytes[at++];
    let length = byte & 127;
    let shift = 7;
    while (byte > 127) {
      if (shift === 28) this.#refuseLength(first);
      if (at >= end) return false;
      byte = bytes[at++];
      if (byte === 0 && this.#protocolLevel === 5) this.#refuseLongForm(first);
      length |= (byte & 127) << shift;
      shift += 7;
    }
    if (at - start + length > this.packetSizeMax) this.#refuseSize(first, at - start + length);
    this.type = first >> 4;
    this.flags = first & 15;
    this.bodyStart = at;
    this.packetEnd = at + length;
    return true;
  }

  /** Copies the unfinished packet at the end of the chunk, if there is one, and lets go of the chunk. */
  #keepTail(headerIsWhole: boolean): boolean {
    const length = this.#chunk.length - this.#at;
    if (headerIsWhole) {
      this.bodyStart -= this.#at;
      this.packetEnd -= this.#at;
    }
    if (length > 0) {
      this.#tail = Buffer.allocUnsafe(headerIsWhole ? this.packetEnd : fixedHeaderSizeMax);
      this.#chunk.copy(this.#tail, 0, this.#at);
    }
    this.#tailLength = length;
    this.#tailHeaderIsWhole = headerIsWhole;
    return this.#drained();
  }

  /** Goes on with the packet begun in an earlier chunk. */
  #nextFromTail(): boolean {
    const chunk = this.#chunk;
    while (!this.#tailHeaderIsWhole) {
      if (this.#at === chunk.length) return this.#drained();
      this.#tail[this.#tailLength++] = chunk[this.#at++];
      if (this.#readFixedHeader(this.#tail, 0, this.#tailLength)) this.#sizeTail();
    }
    const copied = Math.min(this.packetEnd - this.#tailLength, chunk.length - this.#at);
    chunk.copy(this.#tail, this.#tailLength, this.#at, this.#at + copied);
    this.#at += copied;
    this.#tailLength += copied;
    if (this.#tailLength < this.packetEnd) return this.#drained();
    this.bytes = this.#tail;
    this.packetStart = 0;
    this.#tail = noBytes;
    this.#tailLength = 0;
    this.#tailHeaderIsWhole = false;
    return true;
  }

  /** Moves the fixed header, whole now, into a buffer of the packet's length. */
  #sizeTail(): void {
    const tail = Buffer.allocUnsafe(this.packetEnd);
    this.#tail.copy(tail, 0, 0, this.#tailLength);
    this.#tail = tail;
    this.#tailHeaderIsWhole = true;
  }

  /** An idle connection must not keep its last chunk in memory. */
  #drained(): boolean {
    this.#chunk = noBytes;
    this.#at = 0;
    this.bytes = noBytes;
    return false;
  }

  #refuseFirstByte(first: number): never {
    const packet = packetName(first >> 4);
    const isKnown = packet !== undefined && (packetTypeRules[packet].levelFirst ?? 3) <= this.#protocolLevel;
    if (!isKnown) return this.#fail(mqttWireErrors.INVALID_PACKET_TYPE({ type: first >> 4 }));
    const flags = (first & 15).toString(2).padStart(4, "0");
    const problem = `flags ${flags} are not allowed`;
    return this.#fail(mqttWireErrors.MALFORMED_PACKET({ packet, problem })); // [MQTT-2.2.2-2]
  }

  #refuseLength(first: number): never {
    const packet = packetName(first >> 4) ?? "";
    const problem = "the remaining length has more than four bytes";
    return this.#fail(mqttWireErrors.MALFORMED_PACKET({ packet, problem }));
  }

  #refuseLongForm(first: number): never {
    const packet = packetName(first >> 4) ?? "";
    const problem = "the remaining length is written longer than needed";
    return this.#fail(mqttWireErrors.MALFORMED_PACKET({ packet, problem })); // MQTT 5: [MQTT-1.5.5-1]
  }

  #refuseSize(first: number, size: number): never {
    const packet = packetName(first >> 4) ?? "";
    return this.#fail(mqttWireErrors.PACKET_TOO_LARGE({ packet, size, sizeMax: this.packetSizeMax }));
  }

  #fail(error: Error): never {
    this.#failure = error;
    this.#chunk = noBytes;
    this.#at = 0;
    this.#tail = noBytes;
    this.bytes = noBytes;
    throw error;
  }
}
