/** Every limit of the package. */

/** Bytes of one request's body; CrateDB's default as well. */
export const bodySizeMax = 100 * 1024 * 1024;

/** How long a body may take to arrive, in milliseconds. */
export const bodyTimeoutMs = 60_000;

/** Requests that wait for the database or are being answered. */
export const requestsMax = 256;

/** Those of one user; the rest is kept for others. */
export const requestsPerUserMax = 192;

/** Bytes of the bodies of all of them. */
export const requestBytesMax = 512 * 1024 * 1024;

/** Bytes of the rows of one answer. */
export const answerSizeMax = 64 * 1024 * 1024;

/** Rows, and bytes of the bodies, of requests that wait for the same table and are written together. */
export const groupRowsMax = 10_000;
export const groupBytesMax = 8 * 1024 * 1024;

/** Groups of a statement that are not tried without its ON CONFLICT after some of the rows were there. */
export const groupsWithConflictMax = 64;

/** How long one statement may run unless it is told otherwise, in milliseconds; then it is interrupted. */
export const statementTimeoutMs = 60_000;

/** How long until it is interrupted again, in milliseconds: between two steps of it nothing hears. */
export const interruptIntervalMs = 100;

/** How much longer it may take to end, as planning does, in milliseconds; then the database's process is ended. */
export const statementGraceMs = 5_000;

/** Statements that read at a time, of one user one less; one writes at a time besides. */
export const readersMax = 4;

/** Characters of one statement. */
export const statementLengthMax = 1024 * 1024;

/** UNION, INTERSECT and EXCEPT in one statement: planning them takes time by the square of their count, which nothing interrupts. */
export const setOperationsMax = 500;

/** Characters of an expression whose part is asked for with `['key']`: it is copied for each of them. */
export const subscriptedLengthMax = 16 * 1024;

/** Prepared statements that are kept. */
export const preparedMax = 64;

/** Memory of the database's process unless it is told otherwise, in bytes. With more it is ended. */
export const processMemoryBytes = 2 * 1024 * 1024 * 1024;

/** What of it the database takes for itself; what does not fit goes to a temporary directory. */
export const databaseMemoryShare = 0.25;

/** Bytes in the temporary directory. */
export const temporaryBytesMax = 4 * 1024 * 1024 * 1024;

/** How often the memory of the database's process is looked at while a statement is under way, in milliseconds. */
export const watchIntervalMs = 100;

/** How often it is asked to say something then, and how long it may be silent, in milliseconds. */
export const pingIntervalMs = 5_000;
export const pingTimeoutMs = 30_000;

/** Threads of the database's process for statements: one for each lane, and some that rows are fetched by. */
export const processThreads = readersMax + 1 + 3;

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
