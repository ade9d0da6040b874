/** What the NSQ server counts. Hot paths do `counter.value++` and no more. */

import type { CodedError, ErrorRow } from "@polylog/base/errors";
import { Counter, type MetricRegistry } from "@polylog/base/telemetry";
import { commands, nsqWireErrors } from "@polylog/nsq-wire";
import { nsqErrors } from "./errors.ts";

export interface NsqMetrics {
  /** By verb's number. Words that are no command are errors and not in it. */
  readonly commands: readonly Counter[];
  /** Messages taken over TCP and HTTP; those the log refused afterwards are among them. */
  readonly published: Counter;
  /** Message frames to consumers, redeliveries included. */
  readonly delivered: Counter;
  /** Messages that a consumer's sample_rate finished instead of sending. */
  readonly sampledOut: Counter;
  /** By the code of the frame; `none` for connections closed without one. */
  readonly errors: ReadonlyMap<string, Counter>;
  /** Connections closed because their client was silent for too long. */
  readonly timeouts: Counter;
  readonly httpRequests: Counter;
  readonly httpErrors: Counter;
}

const noFrame = "none";

/** `countConnections` is asked at each scrape. */
export function registerNsqMetrics(metrics: MetricRegistry, countConnections: () => number): NsqMetrics {
  metrics.gauge("polylog_nsq_connections", "NSQ connections open.", countConnections);
  return {
    commands: commands.map(({ name: command }) =>
      command === ""
        ? new Counter()
        : metrics.counter("polylog_nsq_commands_total", "NSQ commands received.", { command }),
    ),
    published: metrics.counter("polylog_nsq_messages_published_total", "Messages taken from NSQ clients."),
    delivered: metrics.counter("polylog_nsq_messages_delivered_total", "Messages sent to NSQ consumers."),
    sampledOut: metrics.counter("polylog_nsq_messages_sampled_out_total", "Messages a sample rate left out."),
    errors: registerErrors(metrics),
    timeouts: metrics.counter("polylog_nsq_timeouts_total", "NSQ connections closed for silence."),
    httpRequests: metrics.counter("polylog_nsq_http_requests_total", "Requests to the NSQ HTTP API."),
    httpErrors: metrics.counter("polylog_nsq_http_errors_total", "Requests it answered with a status of 400 or above."),
  };
}

export function countError(metrics: NsqMetrics, error: CodedError): void {
  const code = typeof error.wireCode === "string" ? error.wireCode : noFrame;
  metrics.errors.get(code)!.value++;
}

function registerErrors(metrics: MetricRegistry): ReadonlyMap<string, Counter> {
  const counters = new Map<string, Counter>();
  const rows: readonly ErrorRow[] = [...Object.values(nsqWireErrors.table), ...Object.values(nsqErrors.table)];
  for (const code of [noFrame, ...rows.map((row) => row.wireCode)]) {
    if (typeof code !== "string" || counters.has(code)) continue;
    counters.set(code, metrics.counter("polylog_nsq_errors_total", "Errors that NSQ clients made or met.", { code }));
  }
  return counters;
}
