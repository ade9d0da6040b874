/** UNSUBSCRIBE: ends subscriptions to exactly these filters; answered whether or not there were any. */

import { decodeUnsubscribe, encodeUnsuback, packetTypes } from "@polylog/mqtt-wire";
import { packetCodecs5, type ReasonCode } from "@polylog/mqtt-wire/mqtt5";
import type { ClientConnection } from "../client-connection.ts";
import { sendPacket, sendPacket5 } from "../send-packet.ts";

const noSubscriptionExisted = 0x11;

export function handleUnsubscribe(connection: ClientConnection): void {
  const { parts, reader, session, isLevel5, rewrites } = connection;
  const { packetIdentifier, topicFilters } = isLevel5
    ? packetCodecs5.UNSUBSCRIBE.decode(reader)
    : decodeUnsubscribe(reader.bytes, reader.bodyStart, reader.packetEnd);
  const reasonCodes: ReasonCode<"UNSUBACK">[] = [];
  for (const filter of topicFilters) {
    const own = rewrites?.filterOf(filter) ?? filter;
    reasonCodes.push(session.unsubscribe(own) ? 0 : noSubscriptionExisted); // [MQTT-3.10.4-1]
  }
  const answer = (): void => sendUnsuback(connection, packetIdentifier, reasonCodes);
  if (session.stored === undefined || !reasonCodes.includes(0)) answer();
  else connection.wait(parts.sessions.save(session), answer);
}

/** [MQTT-3.10.4-4] [MQTT-3.10.4-5] [MQTT-3.10.4-6] */
function sendUnsuback(
  connection: ClientConnection,
  packetIdentifier: number,
  reasonCodes: readonly ReasonCode<"UNSUBACK">[],
): void {
  if (connection.isLevel5) {
    sendPacket5(connection, "UNSUBACK", { packetIdentifier, reasonCodes, properties: {} });
    return;
  }
  sendPacket(connection.output, encodeUnsuback, { packetIdentifier });
  connection.parts.metrics.sent[packetTypes.UNSUBACK].value++;
}
