/** SUBSCRIBE: one return code per filter in the same order, then the retained messages of the filters granted. */

import {
  decodeSubscribe,
  encodeSuback,
  packetTypes,
  type SubscribeReturnCode,
  type Subscription,
  subscribeFailure,
} from "@polylog/mqtt-wire";
import type { ClientConnection } from "../client-connection.ts";
import { sendPacket } from "../send-packet.ts";

export function handleSubscribe(connection: ClientConnection): void {
  const { parts, reader, output, session } = connection;
  const { packetIdentifier, subscriptions } = decodeSubscribe(reader.bytes, reader.bodyStart, reader.packetEnd);
  const returnCodes: SubscribeReturnCode[] = [];
  for (const subscription of subscriptions) returnCodes.push(subscribe(connection, subscription)); // [MQTT-3.8.4-4] [MQTT-3.8.4-5]
  sendPacket(output, encodeSuback, { packetIdentifier, returnCodes }); // [MQTT-3.8.4-1] [MQTT-3.8.4-2]
  parts.metrics.sent[packetTypes.SUBACK].value++;
  for (const { topicFilter } of subscriptions) session.sendRetained(topicFilter); // [MQTT-3.3.1-6]
}

/** The QoS granted: at most 1 [MQTT-3.8.4-6]. */
function subscribe(connection: ClientConnection, { topicFilter, qos }: Subscription): SubscribeReturnCode {
  const { parts, session, principal, clientId } = connection;
  const granted = qos === 0 ? 0 : 1;
  let problem: string;
  if (isShared(topicFilter)) problem = "shared subscriptions are not supported";
  else if (!parts.broker.access.allows(principal, "subscribe", topicFilter)) problem = "it is not allowed";
  else if (!session.subscribe(topicFilter, granted))
    problem = "it has too many levels, or the session too many filters";
  else return granted;
  parts.logger.debug("a subscription was refused", { clientId, topicFilter, problem });
  // MQTT 3.1 has no word for it; there the client is told what it wants to hear.
  return connection.protocolLevel === 3 ? granted : subscribeFailure;
}

function isShared(topicFilter: string): boolean {
  return topicFilter === "$share" || topicFilter.startsWith("$share/");
}
