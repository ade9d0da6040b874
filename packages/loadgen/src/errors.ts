import { defineErrors } from "@polylog/base/errors";

/** Of the package's programs. Exit code 2 unless another is said. */
export const loadgenErrors = defineErrors("loadgen", {
  /** Exit code 3. */
  BROKER_UNREACHABLE: {
    text: "cannot connect to {address}: {reason}",
    help: "is the broker running, and are --host and --port its own?",
    retryable: true,
  },
  /** Exit code 3. */
  BROKER_REFUSED: { text: "{address} refuses the connection: {reason}", help: "see --username, --password, --mqtt" },
  /** Exit code 1. */
  SCENARIO_FAILED: { text: "the scenario could not begin: {reason}" },
  /** Exit code 3. */
  CANNOT_LISTEN: { text: "cannot listen on {address}: {reason}", help: "give another --port" },
  TOO_MANY_CONNECTIONS: {
    text: "{connections} connections need {wanted} file descriptors, and this process may open {limit}",
    help: "raise the limit (`ulimit -n {wanted}`) or use fewer clients",
  },
  TOO_FEW_PORTS: {
    text: "{connections} connections from one address need more than the {ports} ephemeral ports of this host",
    help: "give further addresses with --source, or widen net.ipv4.ip_local_port_range",
  },
  TOO_LITTLE_MEMORY: {
    text: "{connections} connections need about {needed} MiB and {available} MiB are available",
    help: "use fewer clients",
  },
  FILE_UNREADABLE: { text: "cannot read {path}: {reason}" },
  FILE_UNWRITABLE: { text: "cannot write {path}: {reason}" },
  SCENARIO_FILE_INVALID: { text: "{path}: {problem}" },
  /** Exit code 3. */
  DATABASE_UNREACHABLE: {
    text: "cannot reach the database at {address}: {reason}",
    help: "is it running, and is --connection-string its own? Without one, crate-write starts a database itself",
    retryable: true,
  },
  /** Exit code 1. */
  DATABASE_REFUSED: { text: "the database at {address} refuses {what}: {reason}" },
  /** Exit code 1. */
  EMBEDDED_FAILED: {
    text: "the embedded database did not start: {reason}",
    help: "give --connection-string to use another database",
  },
  PORT_UNUSABLE: { text: "cannot listen on port {port}: {reason}" },
  SCHEMA_FILE_INVALID: { text: "{path}: {problem}" },
  CONFIG_FILE_INVALID: { text: "{path}: {problem}" },
  THRESHOLD_INVALID: {
    text: "threshold {text}: {problem}",
    help: "write a figure, an operator and a value: p99<20ms, loss=0, received>100000; --help lists the figures",
  },
  /** Exit code 1, when a container was asked for by name. */
  ENGINE_FAILED: { text: "the Docker Engine cannot be asked: {reason}", help: "see DOCKER_HOST" },
  CONTAINER_NOT_FOUND: { text: "there is no running container {name}", help: "`docker ps` lists those that run" },
  /** Exit code 1. */
  STORE_FAILED: { text: "the database {path} cannot be used: {reason}" },
  RUN_NOT_FOUND: { text: "{path} has no run {run}", help: "the command `list` shows those it has" },
  RUNS_DIFFER: { text: "a run of {one} and one of {other} measure different things and cannot be compared" },
  /** Exit code 1. */
  QUERY_FAILED: { text: "{reason}" },
});
