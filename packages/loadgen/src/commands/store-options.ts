/** The option that all commands share. */

export const storeOptions = {
  db: {
    flag: "db",
    type: "path",
    default: "mqtt-bench.duckdb",
    group: "Results",
    help: "the file that results are kept in",
  },
} as const;
