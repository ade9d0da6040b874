/** What every connection and every HTTP request of one server share. */

import type { Clock } from "@polylog/base/clock";
import type { Logger, LogThreshold } from "@polylog/base/telemetry";
import type { TurnFlusher } from "@polylog/base/transport";
import type { Broker } from "@polylog/broker";
import type { ProtocolLimits, ServerFeatures } from "@polylog/nsq-wire";
import type { AuthdClient } from "./auth/authd-client.ts";
import type { KeepAlive } from "./connection/keep-alive.ts";
import type { NsqMetrics } from "./nsq-metrics.ts";
import type { Latencies } from "./stats/latency.ts";
import type { TopicCache } from "./topic-cache.ts";
import type { NsqTls } from "./upgrades/tls-settings.ts";

export interface NsqContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: NsqMetrics;
  readonly flusher: TurnFlusher;
  readonly limits: ProtocolLimits;
  /** 0: no limit. */
  readonly channelConsumersMax: number;
  readonly features: ServerFeatures;
  readonly topics: TopicCache;
  readonly keepAlive: KeepAlive;
  /** Undefined: no client needs to be authorised. */
  readonly authd: AuthdClient | undefined;
  /** Undefined: no quantiles are kept. */
  readonly latency: Latencies | undefined;
  /** Of the server's log, or, where it cannot be changed, what /config was last told. */
  readonly logThreshold: LogThreshold;
  /** Undefined: TLS is not granted. */
  readonly tls: NsqTls | undefined;
  /** A whole number of 0 to 99, by chance. */
  readonly randomPercent: () => number;
  /** ms since 1970 and the clock's monotonic ms at which the server was made. */
  readonly startedAtMs: number;
  readonly startedAtMonotonicMs: number;
  /** True once the server stops: nothing new is begun. */
  stopping: boolean;
}
