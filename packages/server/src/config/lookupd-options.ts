/** Options of the nsqlookupd, and of what registers with it and others; its listeners stand with the other listeners. */

import type { OptionTable } from "@polylog/base/options";
import { parseAddress } from "@polylog/nsq";

const group = "nsqlookupd";

export const lookupdOptions = {
  broadcastAddress: {
    flag: "broadcast-address",
    type: "string",
    placeholder: "HOST",
    example: "nsq1.example.org",
    group,
    help: "Under which NSQ clients reach this machine; without it where the listener is bound, or the host's name for all.",
  },
  broadcastTcpPort: {
    flag: "broadcast-tcp-port",
    type: "integer",
    min: 0,
    max: 65_535,
    default: 0,
    placeholder: "PORT",
    group,
    help: "Port that nsqlookupds are told for NSQ over TCP; 0 is the one listened on.",
  },
  broadcastHttpPort: {
    flag: "broadcast-http-port",
    type: "integer",
    min: 0,
    max: 65_535,
    default: 0,
    placeholder: "PORT",
    group,
    help: "Port that nsqlookupds are told for nsqd's HTTP API; 0 is the one listened on.",
  },
  lookupdTcpAddresses: {
    flag: "lookupd-tcp-address",
    type: "string",
    repeatable: true,
    placeholder: "HOST:PORT",
    example: "lookup1.example.org:4160",
    check: findLookupdAddressProblem,
    group,
    help: "An nsqlookupd elsewhere to register with as well.",
  },
  lookupdInactiveProducerTimeoutMs: {
    flag: "lookupd-inactive-producer-timeout",
    type: "duration",
    min: "1s",
    max: "7d",
    default: "5m",
    group,
    help: "Silence after which an nsqd is no longer told of to consumers.",
  },
  lookupdTombstoneLifetimeMs: {
    flag: "lookupd-tombstone-lifetime",
    type: "duration",
    min: "0",
    max: "7d",
    default: "45s",
    group,
    help: "How long an nsqd is hidden from the lookup of a topic that is being deleted there.",
  },
} as const satisfies OptionTable;

function findLookupdAddressProblem(text: string): string | undefined {
  return parseAddress(text) === undefined ? "write host:port, as lookup1.example.org:4160" : undefined;
}
