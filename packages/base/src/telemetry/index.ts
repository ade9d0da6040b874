export { type LogFields, type Logger, type LogLevel, LogThreshold, logLevels, silentLogger } from "./logger.ts";
export { Counter, Gauge, Histogram, type Metric, MetricRegistry } from "./metrics.ts";
export { renderPrometheus } from "./prometheus.ts";
