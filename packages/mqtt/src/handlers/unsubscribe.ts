/** UNSUBSCRIBE: ends subscriptions to exactly these filters; answered whether or not there were any. */

import { decodeUnsubscribe, encodeUnsuback, packetTypes } from "@polylog/mqtt-wire";
import type { ClientConnection } from "../client-connection.ts";
import { sendPacket } from "../send-packet.ts";

export function handleUnsubscribe({ parts, reader, output, session }: ClientConnection): void {
  const { packetIdentifier, topicFilters } = decodeUnsubscribe(reader.bytes, reader.bodyStart, reader.packetEnd);
  for (const topicFilter of topicFilters) session.unsubscribe(topicFilter); // [MQTT-3.10.4-1]
  sendPacket(output, encodeUnsuback, { packetIdentifier }); // [MQTT-3.10.4-4] [MQTT-3.10.4-5]
  parts.metrics.sent[packetTypes.UNSUBACK].value++;
}
