/** Sends the packets that are too rare to be written in place: encoded in one buffer for all connections, then copied. */

import { ByteWriter } from "@polylog/base/bytes";
import type { OutputQueue } from "@polylog/base/transport";

const writer = new ByteWriter(256);
/** An answer to a packet of a megabyte need not be held for good. */
const bufferSizeMax = 64 * 1024;

/** `encode` is one of the codec's `encodeX`. */
export function sendPacket<Packet>(
  output: OutputQueue,
  encode: (writer: ByteWriter, packet: Packet) => void,
  packet: Packet,
): void {
  writer.clear();
  encode(writer, packet);
  const size = writer.length;
  const room = output.reserve(size);
  writer.buffer.copy(room, output.reservedStart, 0, size);
  output.commit(size);
  if (writer.buffer.length > bufferSizeMax) writer.buffer = Buffer.allocUnsafeSlow(256);
}
