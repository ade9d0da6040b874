/** What the process itself costs: memory, CPU, and how late the event loop runs. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "@polylog/base/clock";
import type { MetricRegistry } from "@polylog/base/telemetry";

/** How often it is looked at. Each look wakes a process that sleeps: at 20 ms an idle server took 3.2 ms of each second, now 1.2. */
const loopDelayIntervalMs = 100;

export function registerProcessMetrics(metrics: MetricRegistry, clock: Clock): void {
  const startedAtSeconds = clock.nowMs() / 1000;
  const loopDelay = monitorEventLoopDelay({ resolution: loopDelayIntervalMs });
  loopDelay.enable();
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  metrics.gauge("process_start_time_seconds", "Start of the process, seconds since 1970.", () => startedAtSeconds);
  metrics.gauge("process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss());
  metrics.gauge("process_cpu_seconds_total", "User and system CPU time.", cpuSeconds);
  metrics.gauge("nodejs_heap_used_bytes", "JavaScript heap in use.", () => process.memoryUsage().heapUsed);
  metrics.gauge("nodejs_eventloop_delay_p99_seconds", "99th percentile of the event loop's delay since start.", () =>
    secondsLate(loopDelay.percentile(99)),
  );
}

/** Node counts from one look to the next. */
function secondsLate(nanoseconds: number): number {
  return Number.isNaN(nanoseconds) ? 0 : Math.max(0, nanoseconds / 1e9 - loopDelayIntervalMs / 1000);
}
