/**
 * MQTT 5 as bytes and values, beside what it shares with 3.1.1 at the package's first door. Start reading at
 * `property-table.ts` and `reason-codes.ts`, then `publish5.ts`.
 */

export {
  Ack5View,
  ackWithReasonSize,
  decodeAck5,
  writeAckWithReason,
} from "./ack5.ts";
export { decodeAuth } from "./auth.ts";
export { encodeConnectRefusal } from "./connack5.ts";
export { type Connect5Packet, decodeAnyConnect, protocolLevelOf, type Will5 } from "./connect5.ts";
export { decodeDisconnect5 } from "./disconnect5.ts";
export { decodePacket5, type Packet5, type PacketValues5, packetCodecs5 } from "./packet-codecs5.ts";
export { PropertyCursor } from "./property-cursor.ts";
export { type Properties, type PropertyPacket, propertyTable } from "./property-table.ts";
export {
  checkClientPublish,
  copyKeptProperties,
  decodeAnyPublish,
  messageExpirySeconds,
  messageExpirySize,
  openProperties,
  Publish5View,
  publish5Size,
  subscriptionIdentifierSize,
  topicAliasSize,
  writeMessageExpiry,
  writePublish5Header,
  writeSubscriptionIdentifier,
  writeTopicAlias,
} from "./publish5.ts";
export { isReasonCodeOf, type ReasonCode, reasonCodeName, reasonCodes, type Sender } from "./reason-codes.ts";
export { parseTopicFilter } from "./shared-subscription.ts";
export type { Subscription5 } from "./subscribe5.ts";
