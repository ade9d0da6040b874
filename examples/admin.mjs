// Looks after logs over JSON-RPC: makes one, lists all, writes a record, reads it back.
//
//   node examples/admin.mjs [http://127.0.0.1:4180]

const url = `${process.argv[2] ?? "http://127.0.0.1:4180"}/rpc`;

async function call(method, params) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await response.json();
  if (error !== undefined) throw new Error(`${method}: ${error.message}`);
  return result;
}

const name = `audit-${process.pid}`;
await call("log.create", { log: name, partitions: 1 });
const written = await call("produce", {
  log: name,
  encoding: "utf8",
  records: [{ key: "admin", value: "looked around" }],
});
console.log(`record ${written.baseOffset} of ${name} is ${written.ack}`);

const { records } = await call("consume", { log: name, from: "earliest", encoding: "utf8" });
for (const record of records) console.log(`${record.offset} ${record.key}: ${record.value}`);

const { logs } = await call("log.list", {});
for (const log of logs) console.log(`log ${log.log}: ${log.partitions.length} partition(s)`);
