/** What /ping and /stats say: `OK`, or `NOK - ` and the first reason why records are refused. */

import type { Broker } from "@polylog/broker";

export function healthOf(broker: Broker): string {
  for (const log of broker.catalog.list())
    for (const partition of log.partitions)
      if (partition.error !== undefined) return `NOK - ${partition.error.message}`;
  return "OK";
}
