/** Batches of rows into CrateDB over HTTP, or into PostgreSQL. */

export { type BatchOutcome, BatchWriter, type BatchWriterOptions, type RefusedRow } from "./batch-writer.ts";
export { Brake } from "./brake.ts";
export {
  type CrateAnswer,
  CrateClient,
  type CrateClientOptions,
  type NodeInfo,
  type SqlAnswer,
} from "./crate-client.ts";
export { type CratePoster, CrateTransport } from "./crate-transport.ts";
export { type FaultKind, faultOfAnswer, InsertFault } from "./fault.ts";
export { PostgresTransport, type PostgresTransportOptions } from "./postgres-transport.ts";
export type { RowResult, RowsTransport } from "./rows-transport.ts";
