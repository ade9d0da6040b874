/** One connection in /stats. */

import type { Client } from "../connection/client.ts";

export interface ClientStats {
  readonly client_id: string;
  readonly hostname: string;
  readonly version: string;
  readonly remote_address: string;
  readonly state: number;
  readonly ready_count: number;
  readonly in_flight_count: number;
  readonly message_count: number;
  readonly finish_count: number;
  readonly requeue_count: number;
  /** Seconds since 1970. */
  readonly connect_ts: number;
  readonly sample_rate: number;
  readonly deflate: boolean;
  readonly snappy: boolean;
  readonly user_agent: string;
  /** The three are left out without AUTH, the last two also when empty. */
  readonly authed?: boolean;
  readonly auth_identity?: string;
  readonly auth_identity_url?: string;
  readonly topology_zone: string;
  readonly topology_region: string;
  /** Left out when there is none; never more than one. */
  readonly pub_counts?: readonly { readonly topic: string; readonly count: number }[];
  readonly tls: boolean;
  readonly tls_cipher_suite: string;
  readonly tls_version: string;
  readonly tls_negotiated_protocol: string;
  readonly tls_negotiated_protocol_is_mutual: boolean;
}

/** `topic`: whose publishes are counted; empty for any. */
export function collectClient(client: Client, topic: string): ClientStats {
  const { identity, delivery, compression } = client;
  const { tlsState } = client.transport;
  const consumer = delivery?.consumer;
  const sampledOut = delivery?.sampledOutCount ?? 0;
  const pubCounts = client.published.find(topic);
  return {
    client_id: identity.clientId,
    hostname: identity.hostname,
    version: "V2",
    remote_address: client.remoteAddress,
    state: client.state,
    ready_count: delivery?.readyCount ?? 0,
    in_flight_count: consumer?.inFlightCount ?? 0,
    message_count: (consumer?.deliveredCount ?? 0) - sampledOut,
    finish_count: (consumer?.finishedCount ?? 0) - sampledOut,
    requeue_count: consumer?.requeuedCount ?? 0,
    connect_ts: Math.floor(client.connectedAtMs / 1000),
    sample_rate: client.settings.sampleRate,
    deflate: compression === "deflate",
    snappy: compression === "snappy",
    user_agent: identity.userAgent,
    ...collectAuth(client),
    topology_zone: identity.topologyZone,
    topology_region: identity.topologyRegion,
    ...(pubCounts.length > 0 ? { pub_counts: pubCounts } : {}),
    tls: tlsState !== undefined,
    tls_cipher_suite: tlsState?.cipherSuite ?? "",
    tls_version: tlsState?.version ?? "",
    tls_negotiated_protocol: "",
    // Go reports true for every TLS connection.
    tls_negotiated_protocol_is_mutual: tlsState !== undefined,
  };
}

function collectAuth({ auth }: Client): Pick<ClientStats, "authed" | "auth_identity" | "auth_identity_url"> {
  if (auth === undefined) return {};
  const { identity, identityUrl } = auth.authorizations;
  return {
    authed: true,
    ...(identity === "" ? {} : { auth_identity: identity }),
    ...(identityUrl === "" ? {} : { auth_identity_url: identityUrl }),
  };
}
