/** Every limit of the package. */

/** Bytes of one request's body; CrateDB's default as well. */
export const bodySizeMax = 100 * 1024 * 1024;

/** How long a body may take to arrive, in milliseconds. */
export const bodyTimeoutMs = 60_000;

/** Requests that wait for the database or are being answered. */
export const requestsMax = 256;

/** Bytes of the bodies of all of them. */
export const requestBytesMax = 512 * 1024 * 1024;

/** Bytes of the rows of one answer. */
export const answerSizeMax = 64 * 1024 * 1024;

/** Rows, and bytes of the bodies, of requests that wait for the same table and are written together. */
export const groupRowsMax = 10_000;
export const groupBytesMax = 8 * 1024 * 1024;

/** Groups of a statement that are not tried without its ON CONFLICT after some of the rows were there. */
export const groupsWithConflictMax = 64;

/** How long one statement may run, in milliseconds; then it is interrupted. */
export const statementTimeoutMs = 60_000;

/** Statements that read at a time; one writes at a time besides. */
export const readersMax = 2;

/** Characters of one statement. */
export const statementLengthMax = 1024 * 1024;

/** UNION, INTERSECT and EXCEPT in one statement: planning them takes time by the square of their count, which nothing interrupts. */
export const setOperationsMax = 500;

/** Characters of an expression whose part is asked for with `['key']`: it is copied for each of them. */
export const subscriptedLengthMax = 16 * 1024;

/** Prepared statements that are kept. */
export const preparedMax = 64;

/** Memory of the database, beside that of its process; what does not fit goes to a temporary directory. */
export const databaseMemoryBytes = 512 * 1024 * 1024;

/** How long the database's process may take to begin or to end, in milliseconds. */
export const processTimeoutMs = 20_000;

/** Failed rows of one answer that say why, as CrateDB's: ten per shard. */
export const rowErrorsMax = 10;

/** Rows of one request of a sink, and the most that a rule may ask for. */
export const batchRowsDefault = 1_000;
export const batchRowsMax = 10_000;

/** Bytes of rows after which a batch goes, however few they are. */
export const batchBytesMax = 4 * 1024 * 1024;

/** How long a sink waits for more records before it sends what it has, in milliseconds. */
export const batchLingerMs = 100;

/** Batches of a sink's records that are in flight at a time. */
export const batchesMax = 4;

/** How long a sink waits before it looks for its table again, and before a record comes again, in milliseconds. */
export const prepareRetryMs = 1_000;
