/**
 * Every packet of MQTT 5, decoded from where a frame reader stands and encoded from a value. For clients, tools and rare
 * packets; a server's hot paths use `decodeAnyPublish` and `decodeAck5`, which make no object.
 *
 *     while (reader.next()) {
 *       const { name, value } = decodePacket5(reader);
 *       if (name === "SUBACK") use(value.reasonCodes);
 *     }
 *     packetCodecs5.PUBACK.encode(writer, { packetIdentifier: 1, reasonCode: 0, properties: {} });
 */

import type { ByteWriter } from "@polylog/base/bytes";
import type { FrameReader } from "../frame-reader.ts";
import { type PacketName, packetName } from "../packet-type.ts";
import {
  decodePingreq,
  decodePingresp,
  encodePingreq,
  encodePingresp,
  type PingreqPacket,
  type PingrespPacket,
} from "../packets/ping.ts";
import { type Ack5Packet, type AckName, decodeAckPacket, encodeAckPacket } from "./ack5.ts";
import { type AuthPacket, decodeAuth, encodeAuth } from "./auth.ts";
import { type Connack5Packet, decodeConnack5, encodeConnack5 } from "./connack5.ts";
import { type Connect5Packet, decodeConnect5, encodeConnect5 } from "./connect5.ts";
import { type Disconnect5Packet, decodeDisconnect5, encodeDisconnect5 } from "./disconnect5.ts";
import { decodeAnyPublish, encodePublish5, type Publish5Packet, Publish5View, publish5PacketOf } from "./publish5.ts";
import { decodeFilterAck, encodeFilterAck, type FilterAck5Packet, type FilterAckName } from "./suback5.ts";
import { decodeSubscribe5, encodeSubscribe5, type Subscribe5Packet } from "./subscribe5.ts";
import { decodeUnsubscribe5, encodeUnsubscribe5, type Unsubscribe5Packet } from "./unsubscribe5.ts";

export interface PacketValues5 {
  readonly CONNECT: Connect5Packet;
  readonly CONNACK: Connack5Packet;
  readonly PUBLISH: Publish5Packet;
  readonly PUBACK: Ack5Packet<"PUBACK">;
  readonly PUBREC: Ack5Packet<"PUBREC">;
  readonly PUBREL: Ack5Packet<"PUBREL">;
  readonly PUBCOMP: Ack5Packet<"PUBCOMP">;
  readonly SUBSCRIBE: Subscribe5Packet;
  readonly SUBACK: FilterAck5Packet<"SUBACK">;
  readonly UNSUBSCRIBE: Unsubscribe5Packet;
  readonly UNSUBACK: FilterAck5Packet<"UNSUBACK">;
  readonly PINGREQ: PingreqPacket;
  readonly PINGRESP: PingrespPacket;
  readonly DISCONNECT: Disconnect5Packet;
  readonly AUTH: AuthPacket;
}

export interface PacketCodec5<Value> {
  /** Throws an error of `mqttWireErrors`. */
  decode(reader: FrameReader): Value;
  /** Throws NOT_ENCODABLE; nothing was written then. */
  encode(writer: ByteWriter, value: Value): void;
}

/** A packet with its name. */
export type Packet5 = {
  [Name in PacketName]: { readonly name: Name; readonly value: PacketValues5[Name] };
}[PacketName];

export const packetCodecs5: { readonly [Name in PacketName]: PacketCodec5<PacketValues5[Name]> } = {
  CONNECT: codec(decodeConnect5, encodeConnect5),
  CONNACK: codec(decodeConnack5, encodeConnack5),
  PUBLISH: { decode: decodePublishPacket, encode: encodePublish5 },
  PUBACK: ackCodec("PUBACK"),
  PUBREC: ackCodec("PUBREC"),
  PUBREL: ackCodec("PUBREL"),
  PUBCOMP: ackCodec("PUBCOMP"),
  SUBSCRIBE: codec(decodeSubscribe5, encodeSubscribe5),
  SUBACK: filterAckCodec("SUBACK"),
  UNSUBSCRIBE: codec(decodeUnsubscribe5, encodeUnsubscribe5),
  UNSUBACK: filterAckCodec("UNSUBACK"),
  PINGREQ: codec(decodePingreq, encodePingreq),
  PINGRESP: codec(decodePingresp, encodePingresp),
  DISCONNECT: codec(decodeDisconnect5, encodeDisconnect5),
  AUTH: codec(decodeAuth, encodeAuth),
};

/** The packet `reader` stands on; the reader is set to level 5. Throws as the packet's codec does. */
export function decodePacket5(reader: FrameReader): Packet5 {
  const name = packetName(reader.type)!;
  return { name, value: packetCodecs5[name].decode(reader) } as Packet5;
}

type DecodeBody<Value> = (bytes: Buffer, bodyStart: number, packetEnd: number) => Value;

function codec<Value>(
  decode: DecodeBody<Value>,
  encode: (writer: ByteWriter, value: Value) => void,
): PacketCodec5<Value> {
  return { decode: (reader) => decode(reader.bytes, reader.bodyStart, reader.packetEnd), encode };
}

function ackCodec<Name extends AckName>(name: Name): PacketCodec5<Ack5Packet<Name>> {
  return codec(
    (bytes, bodyStart, packetEnd) => decodeAckPacket(name, bytes, bodyStart, packetEnd),
    (writer, value) => encodeAckPacket(writer, name, value),
  );
}

function filterAckCodec<Name extends FilterAckName>(name: Name): PacketCodec5<FilterAck5Packet<Name>> {
  return codec(
    (bytes, bodyStart, packetEnd) => decodeFilterAck(name, bytes, bodyStart, packetEnd),
    (writer, value) => encodeFilterAck(writer, name, value),
  );
}

function decodePublishPacket(reader: FrameReader): Publish5Packet {
  const view = new Publish5View();
  decodeAnyPublish(view, reader);
  return publish5PacketOf(view, reader.bytes);
}
