import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricRegistry, renderPrometheus } from "@polylog/base/telemetry";
import { MemoryBroker } from "./testing/memory-broker.ts";
import { RecordingConsumer } from "./testing/recording-consumer.ts";

test("tells of logs, partitions and channels", async () => {
  const memory = await MemoryBroker.start();
  const metrics = new MetricRegistry();
  memory.broker.registerMetrics(metrics);
  const log = memory.broker.catalog.ensure("orders");
  const channel = await memory.broker.catalog.ensureChannel(log, "workers");
  const consumer = channel.addConsumer(new RecordingConsumer(), 1000, 5000);
  channel.setReady(consumer, 3);
  for (let i = 0; i < 5; i++) log.appendRecord(log.partitions[0]!, { value: Buffer.from("abc") });
  await memory.run();
  channel.requeue(consumer, 0, 0, 500);
  channel.setReady(consumer, 2);
  await memory.run();
  const lines = renderPrometheus(metrics).split("\n");
  for (const line of [
    'polylog_log_messages_total{log="orders"} 5',
    'polylog_log_bytes_total{log="orders"} 15',
    'polylog_partition_high_watermark{log="orders",partition="0"} 5',
    'polylog_partition_low_watermark{log="orders",partition="0"} 0',
    'polylog_channel_depth{log="orders",channel="workers"} 2',
    'polylog_channel_in_flight{log="orders",channel="workers"} 2',
    'polylog_channel_deferred{log="orders",channel="workers"} 1',
    'polylog_channel_timeouts_total{log="orders",channel="workers"} 0',
    'polylog_channel_requeues_total{log="orders",channel="workers"} 1',
    'polylog_channel_dead{log="orders",channel="workers"} 0',
    'polylog_channel_dead_lettered_total{log="orders",channel="workers"} 0',
    'polylog_channel_clamped_total{log="orders",channel="workers"} 0',
    "polylog_metric_series_left_out 0",
  ])
    assert.ok(lines.includes(line), line);
  await memory.broker.catalog.delete("orders");
  assert.ok(!renderPrometheus(metrics).includes("orders"));
});
