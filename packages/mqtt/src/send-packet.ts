/** Sends the packets that are too rare to be written in place: encoded in one buffer for all connections, then copied. */

import { ByteWriter } from "@polylog/base/bytes";
import type { OutputQueue } from "@polylog/base/transport";
import { type PacketName, packetTypes } from "@polylog/mqtt-wire";
import { type PacketValues5, packetCodecs5 } from "@polylog/mqtt-wire/mqtt5";
import type { MqttMetrics } from "./mqtt-metrics.ts";

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
  copyOut(output);
}

type PacketWithReason = Extract<PacketName, "CONNACK" | "SUBACK" | "UNSUBACK" | "DISCONNECT" | "AUTH">;

export interface Packet5Target {
  readonly output: OutputQueue;
  /** Largest packet the client takes, in bytes. */
  readonly packetSizeMax: number;
  readonly parts: { readonly metrics: MqttMetrics };
}

/**
 * Sends a packet of MQTT 5. Its Reason String is left out where the client's Maximum Packet Size has no room for it
 * [MQTT-3.2.2-19] [MQTT-3.9.2-1] [MQTT-3.11.2-1] [MQTT-3.14.2-3] [MQTT-3.15.2-2]. False: it is too large even so, and is not sent.
 */
export function sendPacket5<Name extends PacketWithReason>(
  { output, packetSizeMax, parts }: Packet5Target,
  name: Name,
  packet: PacketValues5[Name],
): boolean {
  const { encode } = packetCodecs5[name];
  writer.clear();
  encode(writer, packet);
  if (writer.length > packetSizeMax) {
    writer.clear();
    encode(writer, { ...packet, properties: { ...packet.properties, reasonString: undefined } });
    if (writer.length > packetSizeMax) return false;
  }
  copyOut(output);
  parts.metrics.sent[packetTypes[name]].value++;
  return true;
}

function copyOut(output: OutputQueue): void {
  const size = writer.length;
  const room = output.reserve(size);
  writer.buffer.copy(room, output.reservedStart, 0, size);
  output.commit(size);
  if (writer.buffer.length > bufferSizeMax) writer.buffer = Buffer.allocUnsafeSlow(256);
}
