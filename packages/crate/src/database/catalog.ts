/**
 * What CrateDB has and DuckDB has not: schemas, functions, and the tables by which clients find out about the cluster. The
 * cluster is one node with all shards of all tables.
 *
 *     doc          tables without a schema
 *     sys          nodes, cluster, shards, health, checks, jobs
 *     crate_info   what a client reads as information_schema
 *     crate_meta   CREATE TABLE as it was written, with what DuckDB does not keep
 */

import { quoteText } from "../sql/tokens.ts";

export interface NodeIdentity {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly version: string;
  readonly clusterName: string;
}

export function catalogStatements({ id, name, hostname, version, clusterName }: NodeIdentity): string[] {
  const node = quoteText(id);
  const number = quoteText(version);
  const versionJson = `json_object('number', ${number}, 'build_hash', '', 'build_snapshot', false)`;
  const userSchemas = "('sys','crate_info','crate_meta','information_schema','pg_catalog','main')";
  return [
    "CREATE SCHEMA IF NOT EXISTS doc",
    "CREATE SCHEMA IF NOT EXISTS sys",
    "CREATE SCHEMA IF NOT EXISTS crate_info",
    "CREATE SCHEMA IF NOT EXISTS crate_meta",
    `CREATE TABLE IF NOT EXISTS crate_meta.tables (table_schema VARCHAR, table_name VARCHAR, shards INTEGER, replicas VARCHAR,
       clustered_by VARCHAR, partitioned_by VARCHAR[], settings JSON, statement VARCHAR, PRIMARY KEY (table_schema, table_name))`,
    ...functions,
    `CREATE OR REPLACE VIEW sys.nodes AS SELECT ${node} AS id, ${quoteText(name)} AS name, ${quoteText(hostname)} AS hostname,
       ${versionJson} AS version, json_object() AS load, json_object() AS heap, json_object() AS fs, json_object() AS process`,
    `CREATE OR REPLACE VIEW sys.cluster AS SELECT ${node} AS id, ${quoteText(clusterName)} AS name, ${node} AS master_node,
       NULL::JSON AS license, json_object() AS settings`,
    "CREATE OR REPLACE VIEW sys.checks AS SELECT 0 AS id, 1 AS severity, '' AS description, true AS passed WHERE false",
    "CREATE OR REPLACE VIEW sys.jobs AS SELECT ''::VARCHAR AS id, ''::VARCHAR AS stmt, now() AS started WHERE false",
    `CREATE OR REPLACE VIEW sys.jobs_log AS SELECT ''::VARCHAR AS id, ''::VARCHAR AS stmt, now() AS started, now() AS ended,
       ''::VARCHAR AS error WHERE false`,
    `CREATE OR REPLACE VIEW crate_info.tables AS SELECT t.table_catalog, t.table_schema, t.table_name, t.table_type,
       coalesce(m.shards, 1) AS number_of_shards, coalesce(m.replicas, '0') AS number_of_replicas, m.clustered_by,
       m.partitioned_by, m.settings, false AS closed, 'strict' AS column_policy
       FROM information_schema.tables t LEFT JOIN crate_meta.tables m USING (table_schema, table_name)
       WHERE t.table_schema NOT IN ('crate_info','crate_meta','main')`,
    `CREATE OR REPLACE VIEW crate_info.columns AS SELECT table_catalog, table_schema, table_name, column_name,
       column_index AS ordinal_position, crate_type_name(data_type) AS data_type, is_nullable, column_default
       FROM (SELECT database_name AS table_catalog, schema_name AS table_schema, * EXCLUDE (database_name, schema_name)
       FROM duckdb_columns()) WHERE table_schema NOT IN ('crate_info','crate_meta','main','information_schema','pg_catalog')`,
    `CREATE OR REPLACE VIEW crate_info.schemata AS SELECT DISTINCT schema_name FROM duckdb_schemas()
       WHERE schema_name NOT IN ('crate_info','crate_meta','main')`,
    `CREATE OR REPLACE VIEW crate_info.table_constraints AS SELECT schema_name AS table_schema, table_name,
       table_name || '_pk' AS constraint_name, constraint_type FROM duckdb_constraints()
       WHERE constraint_type = 'PRIMARY KEY' AND schema_name NOT IN ${userSchemas}`,
    `CREATE OR REPLACE VIEW crate_info.key_column_usage AS SELECT schema_name AS table_schema, table_name,
       table_name || '_pk' AS constraint_name, unnest(constraint_column_names) AS column_name,
       generate_subscripts(constraint_column_names, 1) AS ordinal_position FROM duckdb_constraints()
       WHERE constraint_type = 'PRIMARY KEY' AND schema_name NOT IN ${userSchemas}`,
    `CREATE OR REPLACE VIEW crate_info.settings AS SELECT * FROM (VALUES ('search_path', 'doc'), ('server_version', ${number}),
       ('server_version_num', '140000'), ('max_index_keys', '32')) s(name, value)`,
    `CREATE OR REPLACE VIEW sys.shards AS SELECT t.schema_name, t.table_name, s.id,
       CASE WHEN s.id = 0 THEN t.estimated_size ELSE 0 END AS num_docs, true AS "primary", 'STARTED' AS state,
       'STARTED' AS routing_state, '' AS partition_ident, 0::BIGINT AS size, json_object('id', ${node}, 'name', ${quoteText(name)}) AS node
       FROM duckdb_tables() t JOIN crate_meta.tables m ON m.table_schema = t.schema_name AND m.table_name = t.table_name,
       LATERAL (SELECT unnest(range(m.shards))::INTEGER AS id) s`,
    `CREATE OR REPLACE VIEW sys.health AS SELECT table_schema, table_name, 'GREEN' AS health, 1::SMALLINT AS severity,
       0::BIGINT AS missing_shards, 0::BIGINT AS underreplicated_shards, NULL::VARCHAR AS partition_ident FROM crate_meta.tables`,
    `CREATE OR REPLACE MACRO crate_version() AS ${quoteText(`Polylog's SQL on DuckDB, with the contract of CrateDB ${version}`)}`,
  ];
}

/** Functions of CrateDB under their names there. */
const functions: readonly string[] = [
  // Milliseconds since 1970 as a number or as text, or a timestamp as text.
  `CREATE OR REPLACE MACRO crate_timestamp(x) AS CASE WHEN regexp_full_match(CAST(x AS VARCHAR), '-?[0-9]+')
     THEN make_timestamptz(try_cast(CAST(x AS VARCHAR) AS BIGINT) * 1000)
     WHEN regexp_full_match(CAST(x AS VARCHAR), '-?[0-9]+[.][0-9]+')
     THEN make_timestamptz(CAST(round(try_cast(CAST(x AS VARCHAR) AS DOUBLE) * 1000) AS BIGINT))
     ELSE CAST(CAST(x AS VARCHAR) AS TIMESTAMPTZ) END`,
  `CREATE OR REPLACE MACRO crate_simple_type_name(x) AS CASE x WHEN 'VARCHAR' THEN 'text' WHEN 'DOUBLE' THEN 'double precision'
     WHEN 'FLOAT' THEN 'real' WHEN 'TINYINT' THEN 'char' WHEN 'JSON' THEN 'object'
     WHEN 'TIMESTAMP' THEN 'timestamp without time zone' ELSE lower(x) END`,
  `CREATE OR REPLACE MACRO crate_type_name(x) AS CASE WHEN suffix(x, '[]')
     THEN crate_simple_type_name(x[:-3]) || '_array' ELSE crate_simple_type_name(x) END`,
  "CREATE OR REPLACE MACRO percentile(x, f) AS quantile_cont(x, f)",
  "CREATE OR REPLACE MACRO collect_set(x) AS list(DISTINCT x)",
  "CREATE OR REPLACE MACRO gen_random_text_uuid() AS CAST(uuid() AS VARCHAR)",
  "CREATE OR REPLACE MACRO date_format(f, t) AS strftime(crate_timestamp(t), f)",
  "CREATE OR REPLACE MACRO array_unique(x) AS list_distinct(x)",
  "CREATE OR REPLACE MACRO date_bin(width, t, origin) AS time_bucket(width, t, origin)",
];
