/** Every packet type's decode and encode behind one shape, for tests that run over all of them. */

import type { ByteWriter } from "@polylog/base/bytes";
import type { FrameReader } from "../frame-reader.ts";
import { type ConnackPacket, decodeConnack, encodeConnack } from "../packets/connack.ts";
import { type ConnectPacket, decodeConnect, encodeConnect } from "../packets/connect.ts";
import { type DisconnectPacket, decodeDisconnect, encodeDisconnect } from "../packets/disconnect.ts";
import {
  decodePingreq,
  decodePingresp,
  encodePingreq,
  encodePingresp,
  type PingreqPacket,
  type PingrespPacket,
} from "../packets/ping.ts";
import { decodePuback, encodePuback, type PubackPacket } from "../packets/puback.ts";
import { decodePubcomp, encodePubcomp, type PubcompPacket } from "../packets/pubcomp.ts";
import { decodePublish, encodePublish, type PublishPacket, PublishView, publishPacketOf } from "../packets/publish.ts";
import { decodePubrec, encodePubrec, type PubrecPacket } from "../packets/pubrec.ts";
import { decodePubrel, encodePubrel, type PubrelPacket } from "../packets/pubrel.ts";
import { decodeSuback, encodeSuback, type SubackPacket } from "../packets/suback.ts";
import { decodeSubscribe, encodeSubscribe, type SubscribePacket } from "../packets/subscribe.ts";
import { decodeUnsuback, encodeUnsuback, type UnsubackPacket } from "../packets/unsuback.ts";
import { decodeUnsubscribe, encodeUnsubscribe, type UnsubscribePacket } from "../packets/unsubscribe.ts";

export interface PacketValues {
  readonly CONNECT: ConnectPacket;
  readonly CONNACK: ConnackPacket;
  readonly PUBLISH: PublishPacket;
  readonly PUBACK: PubackPacket;
  readonly PUBREC: PubrecPacket;
  readonly PUBREL: PubrelPacket;
  readonly PUBCOMP: PubcompPacket;
  readonly SUBSCRIBE: SubscribePacket;
  readonly SUBACK: SubackPacket;
  readonly UNSUBSCRIBE: UnsubscribePacket;
  readonly UNSUBACK: UnsubackPacket;
  readonly PINGREQ: PingreqPacket;
  readonly PINGRESP: PingrespPacket;
  readonly DISCONNECT: DisconnectPacket;
}

export type PacketName = keyof PacketValues;

export interface PacketCodec<Value> {
  decode(reader: FrameReader): Value;
  encode(writer: ByteWriter, value: Value): void;
}

type DecodeBody<Value> = (bytes: Buffer, bodyStart: number, packetEnd: number) => Value;

export const packetCodecs: { readonly [Name in PacketName]: PacketCodec<PacketValues[Name]> } = {
  CONNECT: codec(decodeConnect, encodeConnect),
  CONNACK: codec(decodeConnack, encodeConnack),
  PUBLISH: { decode: decodePublishPacket, encode: encodePublish },
  PUBACK: codec(decodePuback, encodePuback),
  PUBREC: codec(decodePubrec, encodePubrec),
  PUBREL: codec(decodePubrel, encodePubrel),
  PUBCOMP: codec(decodePubcomp, encodePubcomp),
  SUBSCRIBE: codec(decodeSubscribe, encodeSubscribe),
  SUBACK: codec(decodeSuback, encodeSuback),
  UNSUBSCRIBE: codec(decodeUnsubscribe, encodeUnsubscribe),
  UNSUBACK: codec(decodeUnsuback, encodeUnsuback),
  PINGREQ: codec(decodePingreq, encodePingreq),
  PINGRESP: codec(decodePingresp, encodePingresp),
  DISCONNECT: codec(decodeDisconnect, encodeDisconnect),
};

function codec<Value>(decode: DecodeBody<Value>, encode: (writer: ByteWriter, value: Value) => void) {
  return { decode: (reader: FrameReader) => decode(reader.bytes, reader.bodyStart, reader.packetEnd), encode };
}

function decodePublishPacket(reader: FrameReader): PublishPacket {
  const view = new PublishView();
  decodePublish(view, reader);
  return publishPacketOf(view, reader.bytes);
}
