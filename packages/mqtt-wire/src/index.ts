/**
 * MQTT 3.1.1 (and 3.1) as bytes and values, and what MQTT 5 (`mqtt5/index.ts`) shares with it: no socket, timer, clock or
 * logger. Start reading at `frame-reader.ts`, then `packets/publish.ts`.
 */

export { mqttWireErrors } from "./errors.ts";
export { FrameReader } from "./frame-reader.ts";
export {
  fieldSizeMax,
  fixedHeaderSizeMax,
  keepAliveSecondsMax,
  packetIdentifierMax,
  packetSizeMaxOfFormat,
  remainingLengthMax,
} from "./limits.ts";
export {
  type PacketName,
  type PacketType,
  type PacketTypeRule,
  type ProtocolLevel,
  packetName,
  packetTypeRules,
  packetTypes,
  type QoS,
} from "./packet-type.ts";
export { ackSize } from "./packets/ack.ts";
export {
  type ConnackPacket,
  type ConnectReturnCode,
  connectReturnCodeOf,
  connectReturnCodes,
  decodeConnack,
  encodeConnack,
} from "./packets/connack.ts";
export { type ConnectPacket, decodeConnect, encodeConnect, type Will } from "./packets/connect.ts";
export { type DisconnectPacket, decodeDisconnect, encodeDisconnect } from "./packets/disconnect.ts";
export {
  decodePingreq,
  decodePingresp,
  encodePingreq,
  encodePingresp,
  type PingreqPacket,
  type PingrespPacket,
  writePingreq,
  writePingresp,
} from "./packets/ping.ts";
export { decodePuback, encodePuback, type PubackPacket, writePuback } from "./packets/puback.ts";
export { decodePubcomp, encodePubcomp, type PubcompPacket, writePubcomp } from "./packets/pubcomp.ts";
export {
  decodePublish,
  encodePublish,
  type PublishPacket,
  PublishView,
  publishFlags,
  publishPacketOf,
  publishSize,
  writePublishHeader,
} from "./packets/publish.ts";
export { decodePubrec, encodePubrec, type PubrecPacket, writePubrec } from "./packets/pubrec.ts";
export { decodePubrel, encodePubrel, type PubrelPacket, writePubrel } from "./packets/pubrel.ts";
export {
  decodeSuback,
  encodeSuback,
  type SubackPacket,
  type SubscribeReturnCode,
  subscribeFailure,
} from "./packets/suback.ts";
export { decodeSubscribe, encodeSubscribe, type SubscribePacket, type Subscription } from "./packets/subscribe.ts";
export { decodeUnsuback, encodeUnsuback, type UnsubackPacket } from "./packets/unsuback.ts";
export { decodeUnsubscribe, encodeUnsubscribe, type UnsubscribePacket } from "./packets/unsubscribe.ts";
export { encodedLengthOfRemainingLength, writeRemainingLength } from "./remaining-length.ts";
export { checkTopicName, isTopicFilter, isTopicName, topicMatches } from "./topic.ts";
