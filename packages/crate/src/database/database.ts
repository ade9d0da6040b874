/**
 * The database: one writer and a few readers, as lanes that `FairLanes` hands out. DuckDB lets them work side by side, but two writers of one table
 * would refuse each other; so whatever changes something goes through the one lane.
 */

import { DuckDBInstance } from "@duckdb/node-api";
import type { Clock } from "@polylog/base/clock";
import { crateErrors } from "../errors.ts";
import {
  databaseMemoryShare,
  processMemoryBytes,
  readersMax,
  statementTimeoutMs,
  temporaryBytesMax,
} from "../limits.ts";
import type { CreateTable, TableName } from "../sql/create-table.ts";
import type { ColumnOfTable } from "../sql/insert.ts";
import { typeOfDuck } from "../sql/types.ts";
import { catalogStatements, type NodeIdentity } from "./catalog.ts";
import { FairLanes } from "./fair-lanes.ts";
import { Lane } from "./lane.ts";

export interface DatabaseOptions {
  /** `:memory:`, or a path. */
  readonly path: string;
  /** Where what does not fit into memory goes. */
  readonly temporaryDirectory: string;
  readonly node: NodeIdentity;
  readonly clock: Clock;
  /** Default `statementTimeoutMs`. */
  readonly timeoutMs?: number;
  /** Of the whole process. Default `processMemoryBytes`. */
  readonly memoryBytesMax?: number;
  /** A statement does not end although its time is up. */
  readonly onStuck?: () => void;
}

export class Database {
  readonly writer: Lane;
  readonly #writing: FairLanes;
  readonly #reading: FairLanes;
  readonly #readers: readonly Lane[];
  readonly #instance: DuckDBInstance;
  readonly #columns = new Map<string, readonly ColumnOfTable[]>();

  private constructor(instance: DuckDBInstance, writer: Lane, readers: readonly Lane[]) {
    this.#instance = instance;
    this.writer = writer;
    this.#readers = readers;
    this.#writing = new FairLanes([writer]);
    this.#reading = new FairLanes(readers);
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    const { timeoutMs = statementTimeoutMs, onStuck = () => undefined } = options;
    const instance = await DuckDBInstance.create(options.path, {
      memory_limit: mebibytes((options.memoryBytesMax ?? processMemoryBytes) * databaseMemoryShare),
      // Each statement runs where it is asked for. A second thread makes inserts dearer by a third and no faster: whoever asked spins
      // while it works. Writer and readers still run side by side; a long query takes one core.
      threads: "1",
      temp_directory: options.temporaryDirectory,
      max_temp_directory_size: mebibytes(temporaryBytesMax),
      // No statement reaches a file, an address or an extension.
      enable_external_access: "false",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      allow_community_extensions: "false",
    });
    const lane = async (): Promise<Lane> => {
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      return new Lane(connection, options.clock, timeoutMs, onStuck);
    };
    const writer = await lane();
    for (const sql of catalogStatements(options.node)) await (await writer.execute(sql)).fetchAllChunks();
    const readers: Lane[] = [];
    while (readers.length < readersMax) readers.push(await lane());
    return new Database(instance, writer, readers);
  }

  /** Does `work` in the writer's lane; see `FairLanes.run`. */
  writing<T>(user: string, schema: string, aborted: AbortSignal, work: (lane: Lane) => Promise<T>): Promise<T> {
    return this.#writing.run(user, schema, aborted, work);
  }

  /** Does `work` in a lane that reads; see `FairLanes.run`. */
  reading<T>(user: string, schema: string, aborted: AbortSignal, work: (lane: Lane) => Promise<T>): Promise<T> {
    return this.#reading.run(user, schema, aborted, work);
  }

  /** Throws RELATION_UNKNOWN. */
  async columnsOf({ schema, table }: TableName): Promise<readonly ColumnOfTable[]> {
    const key = JSON.stringify([schema, table]);
    const known = this.#columns.get(key);
    if (known !== undefined) return known;
    const result = await this.writer.execute(
      "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = $1 AND table_name = $2 ORDER BY column_index",
      [schema, table],
    );
    const columns = (await result.getRowsJson()).map(([name, duck]) => ({
      name: String(name),
      type: typeOfDuck(String(duck)),
    }));
    if (columns.length === 0) throw crateErrors.RELATION_UNKNOWN({ reason: `Relation '${schema}.${table}' unknown` });
    this.#columns.set(key, columns);
    return columns;
  }

  /** In the writer's lane. `statement`: as it was sent. */
  async createTable({ name, ifNotExists, sql, settings }: CreateTable, statement: string): Promise<number> {
    const { schema, table } = name;
    const exists = await this.columnsOf(name).then(
      () => true,
      () => false,
    );
    if (exists && ifNotExists) return 0;
    await this.write(`CREATE SCHEMA IF NOT EXISTS "${schema.replaceAll('"', '""')}"`);
    await this.write(sql);
    await this.write(
      "INSERT OR REPLACE INTO crate_meta.tables VALUES ($1, $2, $3, $4, $5, from_json($6, '[\"VARCHAR\"]'), $7, $8)",
      [
        schema,
        table,
        settings.shards,
        settings.replicas,
        settings.clusteredBy,
        JSON.stringify(settings.partitionedBy),
        JSON.stringify(settings.parameters),
        statement,
      ],
    );
    this.onDefinition();
    return 1;
  }

  /** In the writer's lane. */
  async dropTable(name: TableName, sql: string): Promise<number> {
    const exists = await this.columnsOf(name).then(
      () => true,
      () => false,
    );
    await this.write(sql);
    await this.write("DELETE FROM crate_meta.tables WHERE table_schema = $1 AND table_name = $2", [
      name.schema,
      name.table,
    ]);
    this.onDefinition();
    return exists ? 1 : 0;
  }

  onDefinition(): void {
    this.#columns.clear();
    for (const lane of [this.writer, ...this.#readers]) lane.forget();
  }

  /** Rows changed. In the writer's lane. */
  async write(sql: string, values: Parameters<Lane["execute"]>[1] = []): Promise<number> {
    const result = await this.writer.execute(sql, values);
    await result.fetchAllChunks();
    return result.rowsChanged;
  }

  close(): void {
    this.#instance.closeSync();
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024 / 1024)}MiB`;
}
