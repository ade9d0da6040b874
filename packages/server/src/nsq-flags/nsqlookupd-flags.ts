/** Every flag of nsqlookupd 1.3. */

import { commonFlags, type NsqFlagTable } from "./nsq-flag.ts";

export function nsqlookupdFlags(host: string) {
  return {
    ...commonFlags("nsqlookupd"),
    "tcp-address": {
      type: "string",
      default: "0.0.0.0:4160",
      usage: "<addr>:<port> to listen on for TCP clients",
      means: "lookupdTcpListen",
      here: "",
    },
    "http-address": {
      type: "string",
      default: "0.0.0.0:4161",
      usage: "<addr>:<port> to listen on for HTTP clients",
      means: "lookupdHttpListen",
      here: "",
    },
    "broadcast-address": {
      type: "string",
      default: host,
      defaultShown: "the host's name",
      usage: "address of this lookupd node, (default to the OS hostname)",
      means: "broadcastAddress",
      here: "",
    },
    "inactive-producer-timeout": {
      type: "duration",
      default: 300_000,
      usage: "duration of time a producer will remain in the active list since its last ping",
      means: "lookupdInactiveProducerTimeoutMs",
      here: "",
    },
    "tombstone-lifetime": {
      type: "duration",
      default: 45_000,
      usage: "duration of time a producer will remain tombstoned if registration remains",
      means: "lookupdTombstoneLifetimeMs",
      here: "",
    },
  } as const satisfies NsqFlagTable;
}
