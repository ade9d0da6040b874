// Publishes a few sensor readings over MQTT with QoS 1 and waits for each acknowledgement.
//
//   node examples/publisher.mjs [mqtt://127.0.0.1:1883] [count]
//
// Run the server so that it keeps them:  npm start -- --capture 'telemetry=sensors/#'

import mqtt from "mqtt";

const url = process.argv[2] ?? "mqtt://127.0.0.1:1883";
const count = Number(process.argv[3] ?? 10);

const client = await mqtt.connectAsync(url, { clientId: "example-publisher" });
for (let sequence = 0; sequence < count; sequence++) {
  const topic = `sensors/room-${sequence % 3}/temperature`;
  // Resolves when the PUBACK has arrived: the message is in the log by then.
  await client.publishAsync(topic, JSON.stringify({ sequence, celsius: 20 + (sequence % 5) }), { qos: 1 });
}
await client.endAsync();
console.log(`published ${count} readings to sensors/room-{0,1,2}/temperature`);
