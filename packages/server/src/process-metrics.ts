/** What the process itself costs: memory, CPU, and how late the event loop runs. */

import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Clock } from "@polylog/base/clock";
import type { MetricRegistry } from "@polylog/base/telemetry";

export function registerProcessMetrics(metrics: MetricRegistry, clock: Clock): void {
  const startedAtSeconds = clock.nowMs() / 1000;
  const loopDelay = monitorEventLoopDelay({ resolution: 20 });
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
    Number.isNaN(loopDelay.percentile(99)) ? 0 : loopDelay.percentile(99) / 1e9,
  );
}
