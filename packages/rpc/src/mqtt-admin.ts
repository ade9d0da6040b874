/** What an administrator may ask of the MQTT server. JSON-RPC does not know that server: the composition root hands it this. */

export interface MqttAdmin {
  /** Sessions and their clients, in order of creation. */
  clients(): Iterable<MqttClient>;
  /** Of all sessions, connected or not, in order of creation. */
  subscriptions(): Iterable<MqttSubscription>;
  /** Ends the connection of a client; its session stays as long as it would anyway. False: it is not connected. */
  kick(clientId: string): boolean;
  /** Messages to `$delayed/` that wait, in the order of their ids. */
  delayed(question: MqttDelayedQuestion): AsyncIterable<MqttDelayed>;
  /** Takes delayed messages back, for good; resolves with the ids of those that waited. */
  cancelDelayed(ids: readonly number[]): Promise<readonly number[]>;
  /** To other brokers; in the order in which they are configured. */
  bridges(): Iterable<MqttBridge>;
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
  /** Of its connection; undefined when it has none. */
  readonly traffic: MqttTraffic | undefined;
}

/** PUBLISH packets, and bytes of all packets, since the client connected; and per second lately. */
export interface MqttTraffic {
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly messagesInPerSecond: number;
  readonly messagesOutPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

export interface MqttSubscription {
  readonly clientId: string;
  /** As it was subscribed to: of a shared subscription with `$share/` and the name. */
  readonly filter: string;
  /** The highest QoS granted. */
  readonly qos: number;
}

export interface MqttDelayedQuestion {
  /** Only those with a larger id; -1: all. */
  readonly after: number;
  /** Only those whose topic matches. */
  readonly filter?: string | undefined;
  /** Only those of this client. */
  readonly clientId?: string | undefined;
}

export interface MqttDelayed {
  readonly id: number;
  /** What it is published to. */
  readonly topic: string;
  /** Milliseconds since 1970. */
  readonly dueMs: number;
  /** Who sent it; undefined, as the others: that is damaged. */
  readonly clientId: string | undefined;
  readonly qos: number | undefined;
  readonly retain: boolean | undefined;
  /** Bytes of the payload. */
  readonly size: number;
}

export interface MqttBridge {
  readonly name: string;
  /** A URL without credentials. */
  readonly remote: string;
  readonly status: string;
  /** Of MQTT, and why there is none; of one of the two there is something to say. */
  readonly version: string | undefined;
  readonly reason: string | undefined;
  /** Messages that wait to go out, and that did not for lack of room. */
  readonly queuedCount: number;
  readonly droppedCount: number;
  readonly counters: Readonly<Record<"connects" | "failures" | "out" | "in", number>>;
}

export const noMqtt: MqttAdmin = {
  clients: () => [],
  subscriptions: () => [],
  kick: () => false,
  delayed: async function* () {},
  cancelDelayed: async () => [],
  bridges: () => [],
};
