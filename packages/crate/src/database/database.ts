/**
 * The database: one writer and a few readers, as lanes. DuckDB lets them work side by side, but two writers of one table
 * would refuse each other; so whatever changes something goes through the one lane.
 */

import { DuckDBInstance } from "@duckdb/node-api";
import type { Clock } from "@polylog/base/clock";
import { crateErrors } from "../errors.ts";
import { databaseMemoryBytes, readersMax, statementTimeoutMs } from "../limits.ts";
import type { CreateTable, TableName } from "../sql/create-table.ts";
import type { ColumnOfTable } from "../sql/insert.ts";
import { typeOfDuck } from "../sql/types.ts";
import { catalogStatements, type NodeIdentity } from "./catalog.ts";
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
}

export class Database {
  readonly writer: Lane;
  readonly #readers: readonly Lane[];
  readonly #instance: DuckDBInstance;
  readonly #columns = new Map<string, readonly ColumnOfTable[]>();
  #nextReader = 0;

  private constructor(instance: DuckDBInstance, writer: Lane, readers: readonly Lane[]) {
    this.#instance = instance;
    this.writer = writer;
    this.#readers = readers;
  }

  static async open(options: DatabaseOptions): Promise<Database> {
    const instance = await DuckDBInstance.create(options.path, {
      memory_limit: `${databaseMemoryBytes / 1024 / 1024}MiB`,
      threads: "2",
      temp_directory: options.temporaryDirectory,
      // No statement reaches a file, an address or an extension.
      enable_external_access: "false",
      autoinstall_known_extensions: "false",
      autoload_known_extensions: "false",
      allow_community_extensions: "false",
    });
    const lane = async (): Promise<Lane> => {
      const connection = await instance.connect();
      await connection.run("SET TimeZone = 'UTC'");
      return new Lane(connection, options.clock, options.timeoutMs ?? statementTimeoutMs);
    };
    const writer = await lane();
    for (const sql of catalogStatements(options.node)) await (await writer.execute(sql)).fetchAllChunks();
    const readers: Lane[] = [];
    while (readers.length < readersMax) readers.push(await lane());
    return new Database(instance, writer, readers);
  }

  /** Each in turn. */
  get reader(): Lane {
    this.#nextReader = (this.#nextReader + 1) % this.#readers.length;
    return this.#readers[this.#nextReader]!;
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
