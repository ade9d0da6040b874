/** What an administrator may ask of the MQTT server. JSON-RPC does not know that server: the composition root hands it this. */

export interface MqttAdmin {
  /** Sessions and their clients, in order of creation. */
  clients(): Iterable<MqttClient>;
}

export interface MqttClient {
  readonly clientId: string;
  /** `address:port`; undefined when it is not connected. */
  readonly remote: string | undefined;
  /** Its session outlives the connection. */
  readonly persistent: boolean;
  readonly subscriptionCount: number;
  /** Messages sent and not acknowledged, and waiting to be sent. */
  readonly inFlightCount: number;
  readonly queuedCount: number;
}

export const noMqtt: MqttAdmin = { clients: () => [] };
