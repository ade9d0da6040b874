/** Bridges as part of the whole server: in-process clients of its MQTT server that are asked for no credentials. */

import { randomInt } from "node:crypto";
import { hostname } from "node:os";
import type { Clock } from "@polylog/base/clock";
import type { Logger, MetricRegistry } from "@polylog/base/telemetry";
import type { TurnFlusher } from "@polylog/base/transport";
import type { Principal } from "@polylog/broker";
import { type Access, allowAll } from "@polylog/broker/access";
import type { MqttServer } from "@polylog/mqtt";
import { MqttBridges, streamPair } from "@polylog/mqtt-bridge";
import type { MqttAdmin } from "@polylog/rpc";
import { bridgeConfigs } from "./config/mqtt-bridge-options.ts";
import type { ServeOptions } from "./config/serve-options.ts";

interface Parts {
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  readonly logger: Logger;
  readonly metrics: MetricRegistry;
}

const bridgePrincipal: Principal = { name: "$bridge" };
const randomSteps = 2 ** 32;

/** Bridges may do everything here: what goes over them, their topics say. */
export function withBridgeAccess(access: Access = allowAll): Access {
  return {
    allows: (principal, action, resource) =>
      principal === bridgePrincipal || access.allows(principal, action, resource),
  };
}

export function composeBridges(options: ServeOptions, mqtt: MqttServer, parts: Parts): MqttBridges {
  return new MqttBridges({
    ...parts,
    bridges: bridgeConfigs(options, hostname()),
    packetSizeMax: options.mqttPacketSizeMax,
    random: () => randomInt(randomSteps) / randomSteps,
    server: {
      open: (name) => {
        const [client, server] = streamPair(`bridge ${name}`);
        mqtt.accept(server, bridgePrincipal);
        return client;
      },
      sessions: () => mqtt.clients(),
      session: (clientId) => mqtt.client(clientId),
      subscriptionsOf: (clientId) => mqtt.subscriptionsOf(clientId),
    },
  });
}

/** What JSON-RPC asks of MQTT. */
export function mqttAdmin(mqtt: MqttServer, bridges: MqttBridges): MqttAdmin {
  return {
    clients: () => mqtt.clients(),
    subscriptions: () => mqtt.subscriptions(),
    kick: (clientId) => mqtt.kick(clientId),
    delayed: (question) => mqtt.delayed(question),
    cancelDelayed: (ids) => mqtt.cancelDelayed(ids),
    bridges: () => bridges.list(),
  };
}

/** Values below `$SYS/broker/`, by mosquitto's names. */
export function bridgeSysValues(
  { mqttBridge }: ServeOptions,
  isConnected: (name: string) => boolean,
): Readonly<Record<string, () => number>> {
  const names = mqttBridge.map((text) => text.slice(0, text.indexOf("=")));
  return Object.fromEntries(names.map((name) => [`connection/${name}/state`, () => (isConnected(name) ? 1 : 0)]));
}
