/** From options to the limits that the MQTT server is made with. */

import type { MqttLimits } from "@polylog/mqtt";
import type { ServeOptions } from "./config/serve-options.ts";

export function mqttLimits(options: ServeOptions): Partial<MqttLimits> {
  const { mqttSessionExpiryMsMax: expiryMsMax } = options;
  return {
    connectionsMax: options.mqttConnectionsMax,
    packetSizeMax: options.mqttPacketSizeMax,
    keepAliveSecondsMax: options.mqttKeepAliveMsMax / 1000,
    unacknowledgedMax: options.mqttReceiveMaximum,
    topicAliasMax: options.mqttTopicAliasMaximum,
    sessionExpirySecondsMax: expiryMsMax === 0 ? Number.POSITIVE_INFINITY : expiryMsMax / 1000,
    queuedMessagesMax: options.mqttQueuedMessagesMax,
    queuedBytesMax: options.mqttQueuedBytesMax,
    publishRateMax: options.mqttPublishRateMax === 0 ? Number.POSITIVE_INFINITY : options.mqttPublishRateMax,
    publishBytesRateMax:
      options.mqttPublishBytesRateMax === 0 ? Number.POSITIVE_INFINITY : options.mqttPublishBytesRateMax,
    whenTooFast: options.mqttTooFast,
    delayedMessagesMax: options.mqttDelayedMessagesMax,
    whenFull: options.mqttQueueFull,
  };
}
