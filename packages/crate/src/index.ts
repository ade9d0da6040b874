/** CrateDB's HTTP endpoint on an embedded DuckDB. */

export type { NodeIdentity } from "./database/catalog.ts";
export { crateErrors } from "./errors.ts";
export { CrateEndpoint, type CrateEndpointOptions, sqlResource } from "./http/crate-endpoint.ts";
export { SqlProcess, type SqlProcessOptions } from "./process/sql-process.ts";
export { LogSink, type LogSinkOptions } from "./sink/log-sink.ts";
export { findSinkRuleProblem, parseSinkRule, type SinkRule } from "./sink/sink-rule.ts";
export { openSinkTarget, type SinkTarget } from "./sink/sink-target.ts";
